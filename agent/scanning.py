"""The inventory: everything on a volume, seen before anything is copied.

The recorder is hostile: names are bytes and never paths to follow, folders are walked by descriptors without following
links, and depth and count are bounded. Every readable regular file is found, media or not, empty too.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agent.errors import VolumeGoneError
from agent.names import display_path
from chain_of_custody.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.volumes import Volume, VolumeIdentity

Kind = Literal["file", "symlink", "directory", "other", "unreadable"]
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """How far a scan goes: folders deep, and directory entries in all."""

    depth: int = 32
    entries: int = 1_000_000


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One entry of the inventory.

    Attributes:
        path: Raw path from the volume root; evidence.
        kind: What it is.
        state: ``found`` is taken in, ``failed`` cannot be read, ``finding`` is only noted.
        size: Bytes of a regular file.
        mtime_ns: Its time by the file system; a claim.
        reason: Why it is not ``found``.
    """

    path: bytes
    kind: Kind
    state: Literal["found", "failed", "finding"]
    size: int | None = None
    mtime_ns: int | None = None
    reason: str | None = None

    @property
    def shown(self) -> str:
        """The path for people."""
        return display_path(self.path)


@dataclass(slots=True)
class Scan:
    """What a scan saw."""

    files: list[FoundFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def found(self) -> list[FoundFile]:
        """The files that are to be taken."""
        return [file for file in self.files if file.state == "found"]

    def note(self, code: str, severity: Literal["error", "warning", "note"], where: bytes, message: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(code, severity, display_path(where), message))


def scan_volume(volume: Volume, limits: ScanLimits | None = None, *, identity: VolumeIdentity | None = None) -> Scan:
    """List a volume, in the order of raw names.

    Args:
        volume: The volume.
        limits: How far the scan goes.
        identity: What the volume was when its docking began; what it is now where that is not told.

    Raises:
        VolumeGoneError: The volume is not there, cannot be listed, or is not the same before and after: then the
            listing is worth nothing.
    """
    limits = limits or ScanLimits()
    if identity is None:
        identity = volume.identify()
    volume.require_same(identity)
    scan = Scan()
    try:
        root = os.open(volume.root, _FOLDER_FLAGS)
    except OSError as error:
        raise VolumeGoneError(f"{volume.shown} cannot be opened: {error.strerror}") from error
    try:
        _scan_folder(root, b"", 0, limits, scan)
    finally:
        os.close(root)
    volume.require_same(identity)
    _note_mount(volume, scan)
    return scan


def _scan_folder(folder: int, prefix: bytes, depth: int, limits: ScanLimits, scan: Scan) -> None:
    try:
        names = sorted(os.fsencode(name) for name in os.listdir(folder))
    except OSError as error:
        if not prefix:
            # Nobody knows what it holds: that is no empty volume.
            raise VolumeGoneError(f"the volume cannot be listed: {error.strerror}") from error
        _note_unreadable(scan, prefix, f"cannot be listed: {error.strerror}")
        return
    for name in names:
        if len(scan.files) >= limits.entries:
            scan.note(
                "TOO_MANY_ENTRIES", "error", prefix or b"/", f"more than {limits.entries} entries; the rest stays"
            )
            return
        path = prefix + b"/" + name if prefix else name
        for subfolder in _scan_entry(folder, name, path, depth, limits, scan):
            try:
                _scan_folder(subfolder, path, depth + 1, limits, scan)
            finally:
                os.close(subfolder)


def _scan_entry(folder: int, name: bytes, path: bytes, depth: int, limits: ScanLimits, scan: Scan) -> Iterator[int]:
    """Judge one entry; gives the descriptor of a folder that is to be walked."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        scan.files.append(FoundFile(path, "unreadable", "failed", reason=f"cannot be looked at: {error.strerror}"))
        return
    if stat.S_ISREG(found.st_mode):
        scan.files.append(_judge_file(folder, name, path, found))
    elif not stat.S_ISDIR(found.st_mode):
        kind: Kind = "symlink" if stat.S_ISLNK(found.st_mode) else "other"
        scan.files.append(FoundFile(path, kind, "finding", reason="not a regular file; not followed"))
        scan.note("NOT_A_FILE", "warning", path, "a link, device or pipe; it is not followed and not taken")
    elif depth + 1 > limits.depth:
        scan.files.append(FoundFile(path, "directory", "finding", reason="deeper than the limit"))
        scan.note("TOO_DEEP", "error", path, f"folders deeper than {limits.depth} are not walked")
    else:
        try:
            yield os.open(name, _FOLDER_FLAGS, dir_fd=folder)
        except OSError as error:
            _note_unreadable(scan, path, f"cannot be opened: {error.strerror}")


def _note_unreadable(scan: Scan, path: bytes, reason: str) -> None:
    """A folder that cannot be looked into is failed: recordings may be in it, so not everything is sealed."""
    scan.files.append(FoundFile(path, "directory", "failed", reason=f"the folder {reason}"))
    scan.note("FOLDER_UNREADABLE", "error", path, f"the folder {reason}")


def _judge_file(folder: int, name: bytes, path: bytes, found: os.stat_result) -> FoundFile:
    """A regular file is found if it can be opened for reading now."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
        return FoundFile(path, "file", "failed", found.st_size, found.st_mtime_ns, reason)
    with suppress(OSError):
        os.close(fd)
    return FoundFile(path, "file", "found", found.st_size, found.st_mtime_ns)


def _note_mount(volume: Volume, scan: Scan) -> None:
    if volume.mount is not None and not volume.mount.is_read_only:
        scan.note("WRITABLE_MOUNT", "warning", b"/", "the volume is mounted writable; it should be read-only")
    folded: dict[str, bytes] = {}
    for file in scan.files:
        key = file.shown.casefold()
        if key in folded:
            scan.note(
                "CASE_COLLISION", "note", file.path, f"its name differs from {display_path(folded[key])} by case only"
            )
        folded[key] = file.path

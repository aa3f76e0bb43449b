"""The spool: the dock's own durable copy of files that are not sealed yet.

A file counts as spooled only once it and its name are fsynced; nothing from a recorder ever becomes part of a name.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.errors import SpoolError, UnreadableError
from chain_of_custody.durable import fsync_dir
from chain_of_custody.identities import new_id

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from agent.config import DockConfig

SPOOL_FOLDER = "spool"
_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True)
class SpoolRoom:
    """How full the spool is.

    Attributes:
        files: Files in it.
        used: Their bytes.
        room: Bytes it may hold in all: its budget, or what its disk has beyond the reserve, whichever is less.
    """

    files: int
    used: int
    room: int

    @property
    def per_cent(self) -> int:
        """Whole per cent of the room that are used, 100 where there is no room at all."""
        return min(100, self.used * 100 // self.room) if self.room > 0 else 100


def measure_spool(home: Path, config: DockConfig) -> SpoolRoom:
    """Look how full the spool is; raises SpoolError where its disk does not tell."""
    files = used = 0
    try:
        for entry in os.scandir(home / SPOOL_FOLDER):
            with suppress(FileNotFoundError):  # sealed this moment, by the agent at work
                used += entry.stat(follow_symlinks=False).st_size
                files += 1
        free = os.statvfs(home / SPOOL_FOLDER)
    except OSError as error:
        raise _name_trouble(error) from error
    room = used + free.f_bavail * free.f_frsize - (config.spool_reserve_mib << 20)
    if config.spool_budget_mib:
        room = min(room, config.spool_budget_mib << 20)
    return SpoolRoom(files, used, max(0, room))


class SpoolWarnings:
    """Warns once at each mark that the spool passes, and again once it has been below it."""

    def __init__(self, home: Path, config: DockConfig) -> None:
        """Watch the spool of this home."""
        self._home = home
        self._config = config
        self._guard = threading.Lock()
        self._told = 0

    def look(self) -> str | None:
        """A sentence for the person where a mark was passed since the last look."""
        with self._guard:
            try:
                per_cent = measure_spool(self._home, self._config).per_cent
            except SpoolError:
                return None  # the next file that is to be spooled says what is wrong
            mark = max((mark for mark in self._config.spool_warnings if per_cent >= mark), default=0)
            is_new, self._told = mark > self._told, mark
        if not is_new:
            return None
        return (
            f"the spool is {per_cent} % full: bring the network back, or dock further recorders elsewhere"
            f" · 本站暂存已用 {per_cent}%，请恢复网络，或到其他采集站接入"
        )


class SpoolWriter:
    """Writes one file into the spool; a context manager that removes what was not kept."""

    def __init__(self, home: Path, size: int, config: DockConfig) -> None:
        """Prepare a file of ``size`` bytes.

        Raises:
            SpoolError: There is no room for it.
        """
        self._folder = home / SPOOL_FOLDER
        place = measure_spool(home, config)
        if place.used + size > place.room:
            raise SpoolError(
                f"the spool has no room for it ({place.per_cent} % full); it stays on the recorder: bring the network"
                " back, or dock it elsewhere · 本站暂存已满，文件保留在记录仪上，请恢复网络或到其他采集站接入"
            )
        self.name = new_id()
        self._path = self._folder / (self.name + _UNFINISHED)
        self._fd = -1
        self._is_kept = False

    def __enter__(self) -> Self:
        """Create the file; raises SpoolError."""
        try:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _name_trouble(error) from error
        return self

    def write(self, piece: memoryview) -> None:
        """Write the next bytes; raises SpoolError where the disk is full or fails."""
        try:
            while piece:
                piece = piece[os.write(self._fd, piece) :]
        except OSError as error:
            raise _name_trouble(error) from error

    def keep(self) -> str:
        """Make the file durable under its name; returns the name."""
        try:
            os.fsync(self._fd)
            self._path.rename(self._folder / self.name)
            fsync_dir(self._folder)
        except OSError as error:
            raise _name_trouble(error) from error
        self._is_kept = True
        return self.name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; remove what was not kept. What cannot be removed now is swept by the next run."""
        with suppress(OSError):
            os.close(self._fd)
        if not self._is_kept:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


def _name_trouble(error: OSError) -> SpoolError:
    what = "is full" if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} else "fails"
    return SpoolError(f"the spool's disk {what}: {error.strerror}")


class SpoolFile:
    """One spooled file, read as a recorder's file is; a context manager."""

    def __init__(self, home: Path, name: str) -> None:
        """Prepare."""
        self._path = home / SPOOL_FOLDER / name
        self._fd = -1

    def __enter__(self) -> Self:
        """Open it; raises UnreadableError."""
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise UnreadableError(f"the spooled copy cannot be opened: {error.strerror}") from error
        return self

    def readinto(self, buffer: memoryview) -> int:
        """Read the next bytes; raises UnreadableError."""
        try:
            return os.readv(self._fd, [buffer])
        except OSError as error:
            raise UnreadableError(f"the spooled copy cannot be read: {error.strerror}") from error

    def finish(self) -> None:
        """Nothing to confirm: the digests are compared with the journal's."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        os.close(self._fd)


def remove_spooled(home: Path, name: str) -> None:
    """Remove a spooled file whose recording is sealed."""
    (home / SPOOL_FOLDER / name).unlink(missing_ok=True)


def sweep_spool(home: Path, wanted: set[str]) -> int:
    """Remove what no row of the journal wants: leftovers of a crash; returns how many."""
    swept = 0
    for path in (home / SPOOL_FOLDER).iterdir():
        if path.name not in wanted:
            path.unlink(missing_ok=True)
            swept += 1
    return swept

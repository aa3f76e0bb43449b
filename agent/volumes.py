"""Recorder volumes: where they are mounted, what the kernel says of them, and whether they are still the same.

A volume that is pulled out can look like an empty, healthy folder, so every listing is bound to an identity that is
checked before and after.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import VolumeGoneError
from agent.names import display_path, escape_bytes
from agent.platforms.linux import read_device_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

MOUNTINFO = Path("/proc/self/mountinfo")
# File systems that small recorders and their cards have; anything else is somebody's system.
RECORDER_FILE_SYSTEMS = frozenset({"exfat", "ext2", "ext3", "ext4", "fuseblk", "msdos", "ntfs3", "udf", "vfat"})
_SYSTEM_ROOTS = ("/boot", "/efi", "/home", "/opt", "/root", "/srv", "/usr", "/var")
_MOUNT_ID = re.compile(rb"[0-9]{1,18}")
_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class MountFacts:
    """One line of the kernel's mount table.

    Attributes:
        mount_id: Unique while mounted.
        device: Source of the mount, such as ``/dev/sdb1``.
        major_minor: Device number as the kernel writes it.
        root: Where it is mounted.
        fs_type: File system.
        options: Mount options.
    """

    mount_id: int
    device: str
    major_minor: str
    root: Path
    fs_type: str
    options: str

    @property
    def is_read_only(self) -> bool:
        """Whether it is mounted read-only."""
        return "ro" in self.options.split(",")


@dataclass(frozen=True, slots=True)
class VolumeIdentity:
    """What must stay the same while a volume is read."""

    mount_id: int | None
    device_number: int
    inode: int


@dataclass(frozen=True, slots=True)
class Volume:
    """One recorder volume, or a folder that is taken as one.

    Attributes:
        root: Absolute path of its root.
        mount: The mount whose root it is, or None for a plain folder.
        fs_uuid: File system identifier, where the device tells it.
        label: File system label.
        hardware_serial: Serial of the USB device.
        usb: Vendor and product id of the USB device.
    """

    root: Path
    mount: MountFacts | None = None
    fs_uuid: str | None = None
    label: str | None = None
    hardware_serial: str | None = None
    usb: tuple[str, str] | None = None

    def identify(self) -> VolumeIdentity:
        """Look at the root now; raises VolumeGoneError where it is not there, or this mount is not there any more."""
        try:
            found = self.root.stat()
        except OSError as error:
            raise VolumeGoneError(f"{self.shown} is gone: {error.strerror}") from error
        mount = find_mount(self.root)
        # A pulled volume leaves its empty mount point behind, which is a folder of somebody else.
        if self.mount is not None and (mount is None or mount.mount_id != self.mount.mount_id):
            raise VolumeGoneError(f"{self.shown} was pulled out, or another volume is in its place")
        return VolumeIdentity(mount.mount_id if mount else None, found.st_dev, found.st_ino)

    @contextmanager
    def hold(self) -> Iterator[VolumeIdentity]:
        """Hold the volume for one docking: its identity means this volume alone as long as it is held.

        The kernel gives a mount's id to the next mount once nothing holds the first one, so a card pulled and another
        put in could otherwise pass for the same volume.

        Raises:
            VolumeGoneError: It is not there.
        """
        try:
            fd = os.open(self.root, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise VolumeGoneError(f"{self.shown} is gone: {error.strerror}") from error
        try:
            yield self.identify()
        finally:
            os.close(fd)

    def require_same(self, identity: VolumeIdentity) -> None:
        """Raise VolumeGoneError where another volume, or none, stands in this one's place."""
        if self.identify() != identity:
            raise VolumeGoneError(f"{self.shown} was pulled out, or another volume is in its place")

    @property
    def source(self) -> str:
        """What this dock knows the volume by: its file system or device, and the root it stands at."""
        device = self.mount.device if self.mount else ""
        return escape_bytes(f"{self.hardware_serial or self.fs_uuid or device}|{self.root}")

    @property
    def shown(self) -> str:
        """Its root for people: what stands there may have been named by the recorder."""
        return display_path(os.fsencode(self.root))


def open_volume(path: Path) -> Volume:
    """Describe the volume at a path: a mount's root, or a plain folder.

    Raises:
        VolumeGoneError: It is no folder.
    """
    root = Path(os.path.realpath(path))
    if not root.is_dir():
        raise VolumeGoneError(f"{display_path(os.fsencode(path))} is no folder")
    mount = next((mount for mount in list_mounts() if mount.root == root), None)
    if mount is None:
        return Volume(root)
    facts = read_device_facts(mount.device, mount.major_minor)
    return Volume(root, mount, facts.fs_uuid, facts.label, facts.hardware_serial, facts.usb)


def find_mount(path: Path) -> MountFacts | None:
    """The mount that a path lies in: the last one whose root holds it."""
    holding = [mount for mount in list_mounts() if path == mount.root or mount.root in path.parents]
    return max(holding, key=lambda mount: (len(mount.root.parts), mount.mount_id), default=None)


def list_mounts() -> list[MountFacts]:
    """Read the kernel's mount table."""
    try:
        return list(parse_mountinfo(MOUNTINFO.read_bytes()))
    except OSError:
        return []


def is_recorder_candidate(mount: MountFacts) -> bool:
    """Whether a mount may be a recorder: a recorder's file system on a block device, and not part of the system."""
    is_system = mount.root == Path("/") or str(mount.root).startswith(_SYSTEM_ROOTS)
    is_known = mount.fs_type in RECORDER_FILE_SYSTEMS or mount.fs_type.startswith("fuse.exfat")
    return is_known and mount.device.startswith("/dev/") and not is_system


def parse_mountinfo(data: bytes) -> Iterator[MountFacts]:
    """Parse the mount table (proc_pid_mountinfo(5)); lines in another form are passed over."""
    # The kernel escapes newlines in names and no other line ending.
    for line in data.split(b"\n"):
        left, separator, right = line.partition(b" - ")
        before, after = left.split(b" "), right.split(b" ")
        if not separator or len(before) < 6 or len(after) < 3 or not _MOUNT_ID.fullmatch(before[0]):
            continue
        yield MountFacts(
            mount_id=int(before[0]),
            device=os.fsdecode(_unescape(after[1])),
            major_minor=before[2].decode("ascii", "replace"),
            root=Path(os.fsdecode(_unescape(before[4]))),
            fs_type=after[0].decode("ascii", "replace"),
            options=f"{before[5].decode('ascii', 'replace')},{after[2].decode('ascii', 'replace')}",
        )


def _unescape(field: bytes) -> bytes:
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), field)

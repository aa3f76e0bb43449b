"""Opening a file of a volume so that nothing else can be read in its place."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.errors import FileChangedError, UnreadableError, VolumeGoneError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from agent.scanning import FoundFile
    from agent.volumes import Volume, VolumeIdentity

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# What the kernel says where a device or its driver is no more, even while the root's attributes are still cached.
_GONE = frozenset({errno.ENODEV, errno.ENOTCONN, errno.ENXIO, errno.ESHUTDOWN})


class VolumeFile:
    """One file of a volume, open for reading; a context manager.

    ``finish`` must be called after the last byte: it is what makes the bytes count.
    """

    def __init__(self, volume: Volume, identity: VolumeIdentity, file: FoundFile) -> None:
        """Prepare; nothing is opened before the context is entered."""
        self._volume = volume
        self._identity = identity
        self._file = file
        self._fd = -1
        self._read = 0

    def __enter__(self) -> Self:
        """Open it by descriptors from the root, following no link.

        Raises:
            VolumeGoneError: The volume is not the one that was scanned.
            UnreadableError: It cannot be opened.
            FileChangedError: It is not the file that the inventory saw.
        """
        self._volume.require_same(self._identity)
        try:
            self._fd = open_by_parts(self._volume, self._file.path)
        except OSError as error:
            raise UnreadableError(f"cannot be opened: {error.strerror}") from error
        try:
            self._check_unchanged("before it was read")
        except FileChangedError:
            os.close(self._fd)
            raise
        return self

    def readinto(self, buffer: memoryview) -> int:
        """Read the next bytes; 0 at the end.

        Raises:
            VolumeGoneError: The volume was pulled out; the file itself may be whole.
            UnreadableError: The medium does not give these bytes.
        """
        try:
            count = os.readv(self._fd, [buffer])
        except OSError as error:
            self._volume.require_same(self._identity)
            if error.errno in _GONE:
                raise VolumeGoneError(f"the volume is gone at byte {self._read}: {error.strerror}") from error
            raise UnreadableError(f"cannot be read at byte {self._read}: {error.strerror}") from error
        self._read += count
        return count

    @property
    def descriptor(self) -> int:
        """The open file."""
        return self._fd

    def finish(self) -> None:
        """Confirm after the last byte that volume and file are what they were.

        Raises:
            VolumeGoneError: The volume is another one now, or gone.
            FileChangedError: It grew, shrank or was written while it was read.
        """
        if self._read != self._file.size:
            raise FileChangedError(f"{self._read} bytes were read of {self._file.size}")
        self._check_unchanged("while it was read")
        self._volume.require_same(self._identity)

    def _check_unchanged(self, when: str) -> None:
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            raise FileChangedError(f"it became another kind of file {when}")
        if (found.st_size, found.st_mtime_ns) != (self._file.size, self._file.mtime_ns):
            raise FileChangedError(f"it changed {when}: still growing?")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; what a pulled volume says to that is no news, and a file only read loses nothing by it."""
        with suppress(OSError):
            os.close(self._fd)


def open_by_parts(volume: Volume, path: bytes) -> int:
    """Open a raw path below the root, each part by descriptor, no link followed; raises OSError."""
    folder, name = open_folder_of(volume, path)
    try:
        return os.open(name, _FILE_FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def open_folder_of(volume: Volume, path: bytes) -> tuple[int, bytes]:
    """Open the folder that holds a raw path, no link followed; gives it and the last name. Raises OSError."""
    *folders, name = path.split(b"/")
    current = os.open(volume.root, _FOLDER_FLAGS)
    try:
        for folder in folders:
            following = os.open(folder, _FOLDER_FLAGS, dir_fd=current)
            os.close(current)
            current = following
    except OSError:
        os.close(current)
        raise
    return current, name

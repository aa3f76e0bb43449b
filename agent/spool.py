"""The spool: the dock's own durable copy of files that are not sealed yet.

A file counts as spooled only once it and its name are fsynced; nothing from a recorder ever becomes part of a name.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.errors import SpoolError, UnreadableError
from chain_of_custody.durable import fsync_dir
from chain_of_custody.identities import new_id

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

SPOOL_FOLDER = "spool"
_UNFINISHED = ".part"


class SpoolWriter:
    """Writes one file into the spool; a context manager that removes what was not kept."""

    def __init__(self, home: Path, size: int, reserve_mib: int) -> None:
        """Prepare a file of ``size`` bytes.

        Raises:
            SpoolError: It would leave less free space than the reserve.
        """
        self._folder = home / SPOOL_FOLDER
        try:
            free = os.statvfs(self._folder)
        except OSError as error:
            raise _name_trouble(error) from error
        if free.f_bavail * free.f_frsize - size < reserve_mib << 20:
            raise SpoolError("the spool's disk is nearly full; the file stays on the recorder")
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

"""All knowledge of what makes bytes on a disk durable, in one place.

A file is durable after fsync of the file, and its name only after fsync of the folder that holds it. After a failed
fsync the kernel may have dropped the data, so an error is final and never retried.

The system calls of ``write_file``: openat(O_CREAT|O_EXCL), write, fsync, rename, open(folder), fsync, close.
"""

import os
import secrets
from pathlib import Path

__all__ = ["create_file_exclusively", "fsync_dir", "link_without_overwriting", "make_dir", "write_file"]


def fsync_dir(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_dir(folder: Path, mode: int = 0o700) -> None:
    """Make a folder and its missing parents, each name durable on return; an existing one is left as it is."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=mode, exist_ok=True)
        fsync_dir(path.parent)


def write_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write or replace a small file so that a crash leaves the old content or the new, never a mixture.

    On return content and name are durable.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        create_file_exclusively(unfinished, data, mode, sync_folder=False)
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    fsync_dir(path.parent)


def create_file_exclusively(path: Path, data: bytes, mode: int = 0o600, *, sync_folder: bool = True) -> None:
    """Create a file that must not exist yet, durable on return, its name with ``sync_folder``.

    Raises:
        FileExistsError: The name is taken.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        # The process's umask must not decide who reads a key.
        os.fchmod(fd, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    except BaseException:
        # The name was ours alone; half a file under it would be taken for a whole one.
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    if sync_folder:
        fsync_dir(path.parent)


def link_without_overwriting(finished: Path, target: Path) -> None:
    """Give a finished, fsynced file its final name, durable on return.

    Raises:
        FileExistsError: The name is taken.
    """
    os.link(finished, target, follow_symlinks=False)
    finished.unlink()
    fsync_dir(target.parent)

"""A read-only pass-through file system that fails on command, run as a program of its own.

``python -m tests.support.fault_fs SOURCE MOUNTPOINT``. Its faults are set by writing into ``/.ctl`` of the mount:
``eio_after N`` (bytes from N of any file cannot be read), ``gone`` (the device is no more), ``none``.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.recorder_volumes import pull_out, require_mounting

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROL = "/.ctl"
_LIBRARIES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib")


def _find_library() -> Path | None:
    """Libfuse 3, under whatever soname this system has."""
    return next((path for folder in _LIBRARIES for path in sorted(Path(folder).glob("libfuse3.so.*"))), None)


class FaultyMount:
    """A mounted volume whose faults a test sets."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, text: str) -> None:
        """Set the fault from now on."""
        (self.root / CONTROL.strip("/")).write_text(text)


@contextmanager
def mount_faulty(source: Path, root: Path) -> Iterator[FaultyMount]:
    """Mount a folder through the faulty file system; skips where mounting is not permitted."""
    require_mounting()
    library = _find_library()
    if library is None:
        pytest.skip("libfuse3 is not installed")
    root.mkdir()
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fault_fs", source, root],
        env={**os.environ, "FUSE_LIBRARY_PATH": str(library)},
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
    )
    assert program.stderr is not None
    try:
        deadline = time.monotonic() + 20
        while not root.is_mount():
            assert program.poll() is None, program.stderr.read().decode()
            assert time.monotonic() < deadline, "the faulty file system did not mount"
            time.sleep(0.02)
        yield FaultyMount(root)
    finally:
        pull_out(root)
        try:
            program.wait(timeout=10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        program.stderr.close()


def serve(source: str, root: str) -> None:
    """Serve until unmounted; every read comes here, nothing is cached by the kernel."""
    import mfusepy  # type: ignore[import-untyped]  # has no stubs

    class FaultyOperations(mfusepy.Operations):  # type: ignore[misc]  # untyped base
        """Passes everything on to the source, until a fault is set."""

        use_ns = True
        fault = "none"

        def _pass(self, path: str) -> str:
            if self.fault == "gone":
                raise mfusepy.FuseOSError(errno.ENODEV)
            return source + path

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            if path == CONTROL:
                return {"st_mode": 0o100600, "st_nlink": 1, "st_size": 0}
            try:
                found = os.lstat(self._pass(path))
            except OSError as error:
                raise mfusepy.FuseOSError(error.errno) from error
            names = ("st_mode", "st_nlink", "st_size", "st_uid", "st_gid")
            value: dict[str, Any] = {name: getattr(found, name) for name in names}
            return {**value, "st_mtime": found.st_mtime_ns, "st_atime": 0, "st_ctime": found.st_ctime_ns}

        def readdir(self, path: str, fh: int) -> list[str]:
            return [".", "..", *sorted(os.listdir(self._pass(path)))]  # noqa: PTH208 - names, not paths

        def open(self, path: str, flags: int) -> int:
            if path == CONTROL:
                return 0
            try:
                return os.open(self._pass(path), os.O_RDONLY)
            except OSError as error:
                raise mfusepy.FuseOSError(error.errno) from error

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            self._pass(path)
            if self.fault.startswith("eio_after"):
                left = int(self.fault.split()[1]) - offset
                if left <= 0:
                    raise mfusepy.FuseOSError(errno.EIO)
                size = min(size, left)
            return os.pread(fh, size, offset)

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            if path != CONTROL:
                raise mfusepy.FuseOSError(errno.EROFS)
            self.fault = data.decode()
            return len(data)

        def truncate(self, path: str, length: int, fh: int | None = None) -> int:
            if path != CONTROL:
                raise mfusepy.FuseOSError(errno.EROFS)
            return 0

        def release(self, path: str, fh: int) -> int:
            if path != CONTROL:
                os.close(fh)
            return 0

    # Direct reads come with the sizes that the agent asked for, so a fault is met at its very byte.
    mfusepy.FUSE(FaultyOperations(), root, foreground=True, nothreads=True, direct_io=True, attr_timeout=0)


if __name__ == "__main__":
    serve(*sys.argv[1:3])

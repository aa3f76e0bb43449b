"""The worker's side of the sandbox: start the program, give it bytes, take what it sends with bounds, and end it.

The program is given no path, no descriptor of the recording and no environment: it asks for ranges, which are read
from the store by version id. Nothing it sends is believed beyond its form: sizes are bounded, pictures are JPEGs by
their frame, texts are cut. However it ends, the original was never within its reach.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any

from ingest_server.media.confinement import Limits
from ingest_server.media.jpeg import read_jpeg_size
from ingest_server.media.recording import Piece
from ingest_server.media.wire import BrokenWireError, pack_body, pack_message, read_count, read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROGRAM = ("-m", "ingest_server.media.sandboxed")
MAX_PIECES = 64
MAX_PIECE = 512 << 10
_MAX_PX = 1920
_MAX_READ = 1 << 20
_TICK_S = 0.25
_KINDS = frozenset({"poster", "thumbnail", "frame"})
_CODE = re.compile(r"[a-z][a-z0-9_]{0,47}")
# Only what the libraries need; no credential of ours is in it.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENCV_IO_MAX_IMAGE_PIXELS": "64000000",
    "OPENCV_LOG_LEVEL": "SILENT",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class StoppedError(Exception):
    """Somebody asked for the run to end; nothing came of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        ending: ``done``, ``crashed`` (a signal ended it), ``timeout``, ``memory``, ``cpu`` or ``broken`` (it left
            without a report or sent what it never should).
        detail: The signal or what was broken, for people.
        report: What it found; empty unless done.
        pieces: The pictures it sent; empty unless done.
        holds: Which parts of the confinement held.
    """

    ending: str
    detail: str
    report: dict[str, Any]
    pieces: tuple[Piece, ...]
    holds: tuple[str, ...]


def run_sandboxed(
    request: dict[str, Any],
    read_range: Callable[[int, int], bytes],
    limits: Limits,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] = lambda _: None,
    program: Sequence[str] = PROGRAM,
) -> Outcome:
    """Run one task to its end.

    Args:
        request: ``task``, ``size`` and ``path`` of the recording, and what the task needs besides.
        read_range: Gives bytes of the recording by offset and length; its errors end the run and are raised.
        limits: What the run may take.
        is_stopped: Asked four times a second whether to end.
        on_progress: Told how many bytes of the recording are behind us.
        program: What the interpreter is given to run; tests run others.

    Raises:
        StoppedError: ``is_stopped`` said so.
        Exception: Whatever ``read_range`` raises.
    """
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as errors, ours:
        process = subprocess.Popen(
            [sys.executable, "-I", *program, json.dumps(asdict(limits))],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_ENVIRONMENT,
            cwd="/",
            close_fds=True,
        )
        theirs.close()
        run = _Run(ours, read_range, limits, is_stopped, on_progress, int(request["size"]))
        try:
            return run.follow(request, process, errors)
        finally:
            process.kill()
            process.wait()


class _TimeUpError(Exception):
    """The wall clock's limit has passed."""


class _Run:
    """One run as the worker sees it."""

    def __init__(
        self,
        wire: socket.socket,
        read_range: Callable[[int, int], bytes],
        limits: Limits,
        is_stopped: Callable[[], bool],
        on_progress: Callable[[int], None],
        size: int,
    ) -> None:
        wire.settimeout(_TICK_S)
        self._wire = wire
        self._read_range = read_range
        self._ends_at = time.monotonic() + limits.wall_s
        self._is_stopped = is_stopped
        self._on_progress = on_progress
        self._size = size
        self._pieces: list[Piece] = []

    def follow(self, request: dict[str, Any], process: subprocess.Popen[bytes], errors: IO[bytes]) -> Outcome:
        """Talk with the program until it reports or ends."""
        try:
            self._send(pack_message(request))
            while True:
                message = read_message(self._read_exactly)
                if message.get("tell") == "report":
                    return self._finish(message)
                self._answer(message)
        except _TimeUpError:
            return _failed("timeout", "the time was up")
        except BrokenWireError as error:
            return _judge_end(process, error, errors)

    def _answer(self, message: dict[str, Any]) -> None:
        match message.get("tell"):
            case "read":
                offset = read_count(message, "offset", self._size)
                length = read_count(message, "length", _MAX_READ)
                self._send(pack_body(self._read_range(offset, min(length, self._size - offset))))
            case "progress":
                self._on_progress(read_count(message, "done", self._size))
            case "piece":
                self._take_piece(message)
            case _:
                raise BrokenWireError("an unknown message")

    def _take_piece(self, message: dict[str, Any]) -> None:
        """Take a picture if it is one by its form; nothing here decodes it."""
        data = self._read_exactly(read_count(message, "size", MAX_PIECE))
        size = read_jpeg_size(data)
        kind, shows = message.get("kind"), message.get("finding")
        if len(self._pieces) >= MAX_PIECES or kind not in _KINDS or size is None or max(size) > _MAX_PX:
            raise BrokenWireError("a piece is not one of ours")
        if shows is not None and not (isinstance(shows, str) and _CODE.fullmatch(shows)):
            raise BrokenWireError("a piece shows no finding of ours")
        at_ms = None if message.get("at_ms") is None else read_count(message, "at_ms", 1 << 40)
        self._pieces.append(Piece(str(kind), read_count(message, "place", 1000), at_ms, shows, *size, data))

    def _finish(self, message: dict[str, Any]) -> Outcome:
        report, holds = message.get("report"), message.get("holds")
        if not isinstance(report, dict) or not isinstance(holds, list):
            raise BrokenWireError("the report is none")
        if "failed" in report:
            return _failed("memory", "it asked for more memory than it may have")
        return Outcome("done", "", report, tuple(self._pieces), tuple(str(item)[:20] for item in holds[:10]))

    def _read_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._look_up()
            try:
                chunk = self._wire.recv(min(size - len(data), 1 << 20))
            except TimeoutError:
                continue
            except OSError as error:
                raise BrokenWireError("the socket failed") from error
            if not chunk:
                raise BrokenWireError("it ended without a report")
            data += chunk
        return bytes(data)

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._look_up()
            try:
                view = view[self._wire.send(view) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise BrokenWireError("it ended without a report") from error

    def _look_up(self) -> None:
        if self._is_stopped():
            raise StoppedError
        if time.monotonic() > self._ends_at:
            raise _TimeUpError


def try_sandbox() -> Outcome:
    """Run the program on an empty recording: how it ends says whether it works on this machine."""
    return run_sandboxed({"task": "pictures", "size": 0, "path": ""}, lambda _offset, _length: b"", Limits())


def _judge_end(process: subprocess.Popen[bytes], error: BrokenWireError, errors: IO[bytes]) -> Outcome:
    """Say how a program ended that left without a report."""
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return _failed("broken", str(error))
    if code < 0:
        import signal

        name = signal.Signals(-code).name
        # SIGKILL is no crash: the kernel sends it where the machine has no memory left.
        ending = {"SIGXCPU": "cpu", "SIGKILL": "memory"}.get(name, "crashed")
        return _failed(ending, name)
    errors.seek(0)
    told = errors.read(64 << 10).decode("utf-8", "replace").strip().rpartition("\n")[2]
    return _failed("broken", f"{error} (exit {code}) {told[:300]}")


def _failed(ending: str, detail: str) -> Outcome:
    return Outcome(ending, detail, {}, (), ())

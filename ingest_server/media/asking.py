"""The program's side of the wire: the recording's bytes, as the worker gives them, and what is sent back."""

from __future__ import annotations

import os
import time
from typing import Any

from ingest_server.media.wire import pack_message, read_body

WIRE = 0
"""The socket is the program's standard input; it has no other."""

_BLOCK = 1 << 20
_KEPT_BLOCKS = 12
_PROGRESS_EVERY_S = 0.5


class Parent:
    """The worker at the other end of the socket; usable by one thread at a time."""

    def __init__(self, size: int) -> None:
        """Read a recording of ``size`` bytes through it."""
        self.size = size
        self._blocks: dict[int, bytes] = {}
        self._told_at = 0.0

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of the recording, from blocks that are kept for a while; fewer at its end."""
        end = min(offset + length, self.size)
        pieces = []
        while offset < end:
            number = offset // _BLOCK
            block = self._read_block(number)
            start = offset - number * _BLOCK
            piece = block[start : start + end - offset]
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def tell(self, done: int) -> None:
        """Say how far we are, in bytes of the recording; at most twice a second."""
        now = time.monotonic()
        if now - self._told_at >= _PROGRESS_EVERY_S:
            self._told_at = now
            send({"tell": "progress", "done": max(0, min(done, self.size))})

    def _read_block(self, number: int) -> bytes:
        block = self._blocks.pop(number, None)
        if block is None:
            offset = number * _BLOCK
            send({"tell": "read", "offset": offset, "length": min(_BLOCK, self.size - offset)})
            block = read_body(read_exactly)
        # The last one used stands last, the first one is let go.
        self._blocks[number] = block
        while len(self._blocks) > _KEPT_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        return block


def send(message: dict[str, Any], body: bytes = b"") -> None:
    """Send one message; calls of the socket interface are refused here, writing is not."""
    view = memoryview(pack_message(message, body))
    while view:
        view = view[os.write(WIRE, view) :]


def read_exactly(size: int) -> bytes:
    """Read so many bytes; a worker that is gone ends this process."""
    data = bytearray()
    while len(data) < size:
        chunk = os.read(WIRE, size - len(data))
        if not chunk:
            os._exit(3)
        data += chunk
    return bytes(data)

"""One pool of part buffers for the whole agent: memory stays flat whatever the files' sizes."""

from __future__ import annotations

import threading
from queue import Empty, LifoQueue

PART_SIZE = 16 * 1024 * 1024
MAX_PARTS = 10_000
_MIB = 1024 * 1024


def choose_part_size(size: int) -> int:
    """16 MiB, and more only where a file would have more than 10,000 parts."""
    needed = -(-size // MAX_PARTS)
    return max(PART_SIZE, -(-needed // _MIB) * _MIB)


class BufferPool:
    """Lends buffers; who wants one while all are lent waits, which slows reading to the speed of sending."""

    def __init__(self, count: int) -> None:
        """Lend at most ``count`` buffers of 16 MiB at a time; they are made when first needed."""
        self._free: LifoQueue[bytearray] = LifoQueue()
        self._permits = threading.BoundedSemaphore(count)

    def take(self, size: int) -> bytearray:
        """Wait for a buffer of at least ``size`` bytes."""
        self._permits.acquire()
        try:
            buffer = self._free.get_nowait()
        except Empty:
            return bytearray(max(size, PART_SIZE))
        return buffer if len(buffer) >= size else bytearray(size)

    def give_back(self, buffer: bytearray) -> None:
        """Return a buffer."""
        if len(buffer) == PART_SIZE:
            self._free.put(buffer)
        self._permits.release()

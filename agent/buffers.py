"""One pool of part buffers for the whole agent: memory stays flat whatever the files' sizes."""

from __future__ import annotations

import threading
from collections import deque

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
        """Lend at most ``count`` times 16 MiB at a time; buffers are made when first needed."""
        self._budget = count * PART_SIZE
        self._lent = 0
        self._free: list[bytearray] = []
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    def take(self, size: int) -> bytearray:
        """Wait for a buffer of at least ``size`` bytes; one larger than the whole pool is lent alone.

        Whoever asked first is served first: a recorder that gives its bytes fast takes no more turns than a slow one.
        """
        wanted, ticket = max(size, PART_SIZE), object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket and self._has_room(wanted))
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
            self._lent += wanted
            if wanted == PART_SIZE and self._free:
                return self._free.pop()
            # Buffers lying idle count too: memory is what is lent and what is kept for lending.
            while self._free and self._lent + len(self._free) * PART_SIZE > self._budget:
                self._free.pop()
        return bytearray(wanted)

    def _has_room(self, wanted: int) -> bool:
        return self._lent == 0 or self._lent + wanted <= self._budget

    def give_back(self, buffer: bytearray) -> None:
        """Return a buffer."""
        with self._changed:
            self._lent -= len(buffer)
            if len(buffer) == PART_SIZE:
                self._free.append(buffer)
            self._changed.notify_all()

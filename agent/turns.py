"""Whose receipt is asked for now: bytes go first, proofs follow.

A receipt makes the server read the whole file back. While that would compete with files still on their way from the
recorder, it waits: until the senders rest, the recorder is read to its end, too many files wait or one waits too long.
So a recorder's footage stands in the store as early as the machines allow, and no proof is put off for long.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT_ONCE = 2
BACKLOG = 8
LONGEST_WAIT_S = 30.0
REST_S = 0.5
_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket:
    """One file that waits; ``asked`` is monotonic seconds."""

    asked: float


class SealingTurns:
    """Hands out turns in the order they were asked for, ``AT_ONCE`` at a time."""

    def __init__(self, rested_s: Callable[[], float]) -> None:
        """Begin with a recorder that is being read.

        Args:
            rested_s: For how many seconds the senders have had nothing to send.
        """
        self._rested_s = rested_s
        self._changed = threading.Condition()
        self._waiting: deque[_Ticket] = deque()
        self._running = 0
        self._is_reading = True

    def note_reading(self, *, is_reading: bool) -> None:
        """Say whether files are still to be read; once there are none, nobody waits."""
        with self._changed:
            self._is_reading = is_reading
            self._changed.notify_all()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, and hold it for the block."""
        with self._changed:
            ticket = _Ticket(time.monotonic())
            self._waiting.append(ticket)
            while not self._is_due(ticket):
                self._changed.wait(_LOOK_AGAIN_S)
            self._waiting.popleft()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _is_due(self, ticket: _Ticket) -> bool:
        if self._running >= AT_ONCE or self._waiting[0] is not ticket:
            return False
        return (
            not self._is_reading
            or len(self._waiting) > BACKLOG
            or self._rested_s() >= REST_S
            or time.monotonic() - ticket.asked >= LONGEST_WAIT_S
        )

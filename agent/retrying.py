"""Patience with server and store: what is temporary is tried again for a while, what was refused is not."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from agent.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

ResultT = TypeVar("ResultT")
SERVER = "server"
STORE = "store"


class Patience:
    """How long one run waits for an unreachable server, and for an unreachable store, however many calls meet it."""

    def __init__(self, seconds: float, tell: Callable[[str], None] = lambda _: None) -> None:
        """Wait up to ``seconds`` from the first call that fails; ``tell`` hears of the waiting."""
        self._seconds = seconds
        self._tell = tell
        self._guard = threading.Lock()
        self._down_since: dict[str, float] = {}
        self._told: set[str] = set()
        self._ended = threading.Event()

    def end(self) -> None:
        """Wait no more: the person stopped the run."""
        self._ended.set()

    @property
    def is_ended(self) -> bool:
        """Whether the run was stopped."""
        return self._ended.is_set()

    def run(self, call: Callable[[], ResultT], peer: str = SERVER) -> ResultT:
        """Call until it answers, is refused, or the patience with this peer is over.

        Raises:
            UnreachableError: It did not answer within the patience.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(UnreachableError),
            stop=stop_after_delay(self._left(peer)) | stop_when_event_set(self._ended),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            sleep=sleep_using_event(self._ended),
            before_sleep=lambda state: self._note_trouble(state, peer),
            reraise=True,
        )
        result = retrying(call)
        with self._guard:
            self._down_since.pop(peer, None)
            self._told.discard(peer)
        return result

    def run_once(self, call: Callable[[], ResultT], peer: str = SERVER) -> ResultT:
        """Call once; where it does not answer the waiting begins to count, but nobody waits here."""
        try:
            result = call()
        except UnreachableError:
            with self._guard:
                self._down_since.setdefault(peer, time.monotonic())
            raise
        with self._guard:
            self._down_since.pop(peer, None)
            self._told.discard(peer)
        return result

    def _left(self, peer: str) -> float:
        with self._guard:
            since = self._down_since.get(peer)
            return self._seconds if since is None else max(0.0, since + self._seconds - time.monotonic())

    def _note_trouble(self, state: RetryCallState, peer: str) -> None:
        with self._guard:
            is_new = peer not in self._told
            self._told.add(peer)
            self._down_since.setdefault(peer, time.monotonic())
        if is_new and state.outcome is not None:
            self._tell(f"{state.outcome.exception()}; trying for {self._seconds:.0f} s · 正在重试")

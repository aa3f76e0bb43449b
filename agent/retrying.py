"""Patience with server and store: what is temporary is tried again for a while, what was refused is not."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from agent.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

ResultT = TypeVar("ResultT")


class Patience:
    """How long one run waits for an unreachable server in all, however many calls meet it."""

    def __init__(self, seconds: float, tell: Callable[[str], None] = lambda _: None) -> None:
        """Wait up to ``seconds`` from the first call that fails; ``tell`` hears of the waiting."""
        self._seconds = seconds
        self._tell = tell
        self._guard = threading.Lock()
        self._down_since: float | None = None

    def run(self, call: Callable[[], ResultT]) -> ResultT:
        """Call until it answers, is refused, or the patience is over.

        Raises:
            UnreachableError: It did not answer within the patience.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(UnreachableError),
            stop=stop_after_delay(self._left()),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            before_sleep=self._note_trouble,
            reraise=True,
        )
        result = retrying(call)
        with self._guard:
            self._down_since = None
        return result

    def _left(self) -> float:
        with self._guard:
            if self._down_since is None:
                return self._seconds
            return max(0.0, self._down_since + self._seconds - time.monotonic())

    def _note_trouble(self, state: RetryCallState) -> None:
        with self._guard:
            is_new = self._down_since is None
            if is_new:
                self._down_since = time.monotonic()
        if is_new and state.outcome is not None:
            self._tell(f"{state.outcome.exception()}; trying for {self._seconds:.0f} s · 正在重试")

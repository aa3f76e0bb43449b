"""Completions under way: long work that a dock asks after, at most a few at a time."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest_server.intake.completion import Reception

WORKERS = 4
PATIENCE_S = 10.0


@dataclass(slots=True)
class Work:
    """One piece of work: what it will give, and how far it is in bytes."""

    future: Future[Reception]
    done_bytes: int = 0
    total_bytes: int = 0

    def note(self, done: int, total: int) -> None:
        """Keep how far the read-back is."""
        self.done_bytes, self.total_bytes = done, total


class Working:
    """Runs each piece of work once, however often it is asked for while it runs."""

    def __init__(self) -> None:
        """Make the pool."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="completion")
        self._work: dict[str, Work] = {}
        self._guard = threading.Lock()

    def ask(
        self, key: str, run: Callable[[Callable[[int, int], None]], Reception], patience_s: float = PATIENCE_S
    ) -> Reception | Work:
        """Give what became of the work, or the work itself where it is not done within the patience.

        Errors of the work are raised to whoever asks first after it failed; asked again, it is run again.
        """
        with self._guard:
            work = self._work.get(key)
            if work is None:
                work = Work(Future())
                self._work[key] = work
                self._pool.submit(self._run, work, run)
        try:
            result = work.future.result(timeout=patience_s)
        except NotYetError:
            if not work.future.done():
                return work
            raise
        finally:
            if work.future.done():
                with self._guard:
                    if self._work.get(key) is work:
                        del self._work[key]
        return result

    def close(self) -> None:
        """End after what runs now; what was not begun is asked for again by its dock."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    @staticmethod
    def _run(work: Work, run: Callable[[Callable[[int, int], None]], Reception]) -> None:
        try:
            work.future.set_result(run(work.note))
        except BaseException as error:  # noqa: BLE001 - carried to whoever asks
            work.future.set_exception(error)

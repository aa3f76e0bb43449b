"""Many callers of one process: they queue in memory, and one thread serves the queue, batch by batch.

A batch closes as soon as the one before is published: it holds whatever has been queued meanwhile, up to about 256
entries. There is no timer, so a single caller never waits for others.
"""

import threading
from collections import deque
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Protocol

from chain_of_custody.drafts import Entry
from chain_of_custody.errors import LedgerError, LedgerStoppedError
from chain_of_custody.handover import BATCH_ENTRIES, NOTHING_RECORDED, HandOver
from chain_of_custody.pending_acts import Act
from chain_of_custody.placing import ActResult
from chain_of_custody.sequencer import Sequencer

__all__ = ["AppendQueue"]


class SequencerLock(Protocol):
    """Tries to get the sequencer lock."""

    def __call__(self) -> AbstractContextManager[bool]:
        """Hold it inside the ``with``; False where another has it."""


class _Call:
    """One act and its caller."""

    __slots__ = ("act", "answer")

    def __init__(self, act: Act) -> None:
        self.act = act
        self.answer: Future[tuple[Entry, ...]] = Future()

    def finish(self, result: ActResult) -> None:
        """Answer the caller."""
        if isinstance(result, LedgerError):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


class AppendQueue:
    """The queue of one process and the thread that serves it."""

    def __init__(self, hold_lock: SequencerLock, sequencer: Sequencer, hand_over: HandOver) -> None:
        """Serve appends; the thread starts with the first."""
        self._hold_lock = hold_lock
        self._sequencer = sequencer
        self._hand_over = hand_over
        self._queue: deque[_Call] = deque()
        self._has_work = threading.Condition()
        self._thread: threading.Thread | None = None
        # Taken from the queue and not answered yet: a failure must reach these callers too.
        self._taken: set[_Call] = set()
        self._is_closed = False
        self._stopped: LedgerStoppedError | None = None

    def append(self, act: Act) -> tuple[Entry, ...]:
        """Queue one act and wait until it is published.

        Raises:
            LedgerError: It was refused, or the ledger has stopped.
        """
        call = _Call(act)
        with self._has_work:
            if self._stopped is not None:
                raise LedgerStoppedError(str(self._stopped))
            if self._is_closed:
                raise LedgerError("the ledger is closed")
            self._queue.append(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="sequencer", daemon=True)
                self._thread.start()
            self._has_work.notify()
        return call.answer.result()

    def close(self) -> None:
        """Serve what is queued, then end the thread."""
        with self._has_work:
            self._is_closed = True
            self._has_work.notify()
        if self._thread is not None:
            self._thread.join()

    def stop(self, error: Exception) -> None:
        """End appends: every waiter and every later caller is told why."""
        reason = str(error) if isinstance(error, LedgerStoppedError) else f"{type(error).__name__}: {error}"
        with self._has_work:
            self._stopped = LedgerStoppedError(reason)
            taken, queued = [*self._taken], [*self._queue]
            self._taken.clear()
            self._queue.clear()
        for call in taken:
            doubt = "it is not known whether this act was recorded; look before repeating it"
            call.finish(LedgerStoppedError(f"{reason} ({doubt})"))
        for call in queued:
            call.finish(LedgerStoppedError(reason))

    def _serve(self) -> None:
        while True:
            with self._has_work:
                while not self._queue and not self._is_closed:
                    self._has_work.wait()
                if not self._queue:
                    return
            try:
                self._serve_queue()
            except Exception as error:  # noqa: BLE001 - the thread's one broad handler: every waiter must be answered
                self.stop(error)

    def _serve_queue(self) -> None:
        with self._hold_lock() as is_holder:
            if is_holder:
                try:
                    self._integrate_everything()
                except NOTHING_RECORDED:
                    # Own callers were told; what others handed over they will try themselves and be told the same.
                    return
                return
        taken = self._take_batch()
        for position, result in self._hand_over.hand_over([call.act for call in taken], self._integrate_everything):
            self._answer(taken[position], result)

    def _integrate_everything(self) -> None:
        """As the lock's holder: integrate the own queue and what others handed over, until nothing is left."""
        # A holder that died may have left entries committed and not yet under a checkpoint.
        self._sequencer.apply_staged()
        while True:
            taken = self._take_batch()
            if taken:
                self._integrate_own(taken)
            if not self._hand_over.integrate_pending() and not taken:
                return

    def _integrate_own(self, taken: list[_Call]) -> None:
        outcome: list[ActResult]
        try:
            outcome = self._sequencer.integrate([call.act for call in taken])
        except NOTHING_RECORDED as error:
            outcome = [error] * len(taken)
        for call, result in zip(taken, outcome, strict=True):
            self._answer(call, result)

    def _answer(self, call: _Call, result: ActResult) -> None:
        self._taken.discard(call)
        call.finish(result)

    def _take_batch(self) -> list[_Call]:
        """Take whole acts from the queue until about 256 entries; an act is never split."""
        taken: list[_Call] = []
        entries = 0
        with self._has_work:
            while self._queue and entries < BATCH_ENTRIES:
                taken.append(self._queue.popleft())
                entries += len(taken[-1].act)
            self._taken.update(taken)
        return taken

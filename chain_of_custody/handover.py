"""One sequencer at a time among many processes.

The sequencer lock of a data folder is ``flock`` on ``ledger.lock``; the kernel lets it go when its holder dies. Who
gets it integrates the own queue and what others have put into the ``pending`` table, until nothing is left. Who does
not puts the acts into ``pending`` and waits, trying the lock every few milliseconds: when the holder dies, a waiter
takes over.

An act is integrated at most once, because its result is written in the transaction of its entries. A result is believed
only when a published checkpoint covers its entries: a holder may die between the two.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from chain_of_custody.errors import LedgerBusyError, LedgerError, LedgerStoppedError, MalformedError
from chain_of_custody.instants import Clock, format_instant
from chain_of_custody.pending_acts import (
    TOO_LATE,
    Act,
    decode_act,
    decode_result,
    encode_act,
    encode_result,
    last_index,
)
from chain_of_custody.placing import ActResult
from chain_of_custody.sequencer import ClockBehindError, Sequencer
from chain_of_custody.stores.contract import CheckpointLock, LedgerStore, PendingAct

__all__ = ["BATCH_ENTRIES", "NOTHING_RECORDED", "HandOver", "hold_sequencer_lock"]

LOCK_FILE = "ledger.lock"
BATCH_ENTRIES = 256
_WAIT_S = 0.003
_PENDING_LIFE = timedelta(minutes=10)
NOTHING_RECORDED = (LedgerBusyError, ClockBehindError)
"""Errors after which it is certain that nothing of a batch was recorded."""


@contextmanager
def hold_sequencer_lock(folder: Path) -> Iterator[bool]:
    """Hold the sequencer lock of a data folder; gives False where another process, or another ledger here, has it."""
    fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(fd)


class HandOver:
    """The ``pending`` table, from both sides; used by one thread of a process."""

    def __init__(
        self,
        folder: Path,
        store: LedgerStore,
        lock: CheckpointLock,
        sequencer: Sequencer,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Serve this data folder."""
        self._folder = folder
        self._store = store
        self._lock = lock
        self._sequencer = sequencer
        self._clock = clock
        self._sleep = sleep

    def integrate_pending(self) -> bool:
        """As the lock's holder: integrate a batch of what others handed over; says whether there was any."""
        waiting = self._store.read_pending(BATCH_ENTRIES)
        if not waiting:
            return False
        oldest = format_instant(self._clock() - _PENDING_LIFE)
        chosen: list[tuple[str, Act]] = []
        refused: list[tuple[str, str]] = []
        entries = 0
        for item in waiting:
            if entries >= BATCH_ENTRIES:
                break
            if item.asked_at < oldest:
                refused.append((item.act_id, TOO_LATE))
                continue
            try:
                chosen.append((item.act_id, decode_act(item.act)))
            except MalformedError as error:
                refused.append((item.act_id, encode_result(LedgerError(str(error)))))
                continue
            entries += len(chosen[-1][1])

        def write_results(outcome: list[ActResult]) -> None:
            results = [encode_result(result) for result in outcome]
            self._store.write_results([*zip((act_id for act_id, _ in chosen), results, strict=True), *refused])
            self._store.remove_results(oldest)

        self._sequencer.integrate([act for _, act in chosen], write_results)
        return True

    def hand_over(self, acts: list[Act], integrate_everything: Callable[[], None]) -> Iterator[tuple[int, ActResult]]:
        """Put acts into the table and wait; gives position and result of each as it becomes known.

        Args:
            acts: What callers of this process ask for.
            integrate_everything: Called whenever this process gets the lock instead.

        Raises:
            LedgerStoppedError: The ledger has stopped; what was not given yet may be recorded or not.
        """
        asked_at = format_instant(self._clock())
        waiting = {act[0].act_id: position for position, act in enumerate(acts)}
        try:
            self._store.add_pending(PendingAct(act[0].act_id, encode_act(act), asked_at) for act in acts)
        except LedgerBusyError as error:
            yield from ((position, error) for position in waiting.values())
            return
        while waiting:
            for act_id, text in self._find_results(list(waiting)):
                position = waiting.pop(act_id)
                yield position, decode_result(text, acts[position], self._store)
            if not waiting:
                return
            with hold_sequencer_lock(self._folder) as is_holder:
                if is_holder:
                    refused = self._take_over(waiting, integrate_everything)
                    yield from ((waiting.pop(act_id), error) for act_id, error in refused.items())
                    continue
            self._sleep(_WAIT_S)

    def _take_over(self, waiting: dict[str, int], integrate_everything: Callable[[], None]) -> dict[str, LedgerError]:
        """Integrate in the dead holder's place; gives the acts of ours that could not be, and why."""
        try:
            integrate_everything()
        except NOTHING_RECORDED as error:
            # Under the lock nobody else integrates, so an act withdrawn without a result was not recorded.
            withdrawn = waiting.keys() - self._store.read_results(list(waiting)).keys()
            try:
                self._store.remove_pending(withdrawn)
            except LedgerBusyError as second:
                raise LedgerStoppedError(f"{error}; what was handed over could not be withdrawn: {second}") from second
            return dict.fromkeys(withdrawn, error)
        return {}

    def _find_results(self, act_ids: list[str]) -> list[tuple[str, str]]:
        """Results whose entries are under a checkpoint, and forget them in the table."""
        results = self._store.read_results(act_ids)
        if not results:
            return []
        published = self._lock.read()
        size = published.checkpoint.size if published else 0
        found = [(act_id, text) for act_id, text in results.items() if last_index(text) < size]
        self._forget([act_id for act_id, _ in found])
        return found

    def _forget(self, act_ids: list[str]) -> None:
        try:
            self._store.remove_pending(act_ids)
        except LedgerBusyError:
            # The rows are removed later, with the old results; the answers are true all the same.
            return

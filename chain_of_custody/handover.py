"""Many callers, many processes, one sequencer at a time.

Inside a process callers queue in memory and one thread takes what is queued. That thread tries the sequencer lock of
the data folder (``flock`` on ``ledger.lock``). Who gets it integrates the own queue and what others have put into the
``pending`` table, until nothing is left, and lets it go. Who does not puts the acts into ``pending`` and waits,
trying the lock every few milliseconds: when the holder dies, a waiter takes over, and an act is integrated at most
once because its result is written in the transaction of its entries.
"""

import fcntl
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from chain_of_custody.canonical import JsonValue
from chain_of_custody.drafts import Entry, PreparedEvent
from chain_of_custody.errors import ConflictError, DuplicateClaimError, LedgerError, LedgerStoppedError
from chain_of_custody.instants import Clock, format_instant
from chain_of_custody.leaves import parse_leaf
from chain_of_custody.sequencer import ActResult, Sequencer
from chain_of_custody.stores.sqlite import CheckpointLock, LedgerDatabase

__all__ = ["AppendQueue", "hold_sequencer_lock"]

LOCK_FILE = "ledger.lock"
BATCH_ENTRIES = 256
_WAIT_S = 0.003
_PENDING_LIFE = timedelta(minutes=10)
_TOO_LATE = json.dumps({"refused": "the act waited too long to be recorded; ask again"})
Act = tuple[PreparedEvent, ...]


@contextmanager
def hold_sequencer_lock(folder: Path, *, is_waiting: bool) -> Iterator[bool]:
    """Hold the sequencer lock of a data folder; gives False where another process has it and we do not wait."""
    fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if is_waiting else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(fd)


class AppendQueue:
    """The in-memory queue of one process and the thread that serves it."""

    def __init__(
        self, folder: Path, database: LedgerDatabase, lock: CheckpointLock, sequencer: Sequencer, clock: Clock
    ) -> None:
        """Serve appends on this data folder; the thread starts with the first."""
        self._folder = folder
        self._database = database
        self._lock = lock
        self._sequencer = sequencer
        self._clock = clock
        self._queue: deque[tuple[Act, Future[tuple[Entry, ...]]]] = deque()
        self._has_work = threading.Condition()
        self._thread: threading.Thread | None = None
        self._current: list[tuple[Act, Future[tuple[Entry, ...]]]] = []
        self._is_closed = False
        self._stopped: LedgerStoppedError | None = None

    def append(self, act: Act) -> tuple[Entry, ...]:
        """Queue one act and wait until it is published.

        Raises:
            LedgerError: It was refused, or the ledger has stopped.
        """
        future: Future[tuple[Entry, ...]] = Future()
        with self._has_work:
            if self._stopped is not None:
                raise LedgerStoppedError(str(self._stopped))
            if self._is_closed:
                raise LedgerError("the ledger is closed")
            self._queue.append((act, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="sequencer", daemon=True)
                self._thread.start()
            self._has_work.notify()
        return future.result()

    def close(self) -> None:
        """Serve what is queued, then end the thread."""
        with self._has_work:
            self._is_closed = True
            self._has_work.notify()
        if self._thread is not None:
            self._thread.join()

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
        with hold_sequencer_lock(self._folder, is_waiting=False) as is_holder:
            if is_holder:
                self._integrate_everything()
                return
        self._hand_over(self._take_batch())

    def _integrate_everything(self) -> None:
        # A holder that died may have left entries committed and not yet under a checkpoint.
        self._sequencer.apply_staged()
        while True:
            taken = self._take_batch()
            if taken:
                self._answer(taken, self._sequencer.integrate([act for act, _ in taken]))
            if not self._integrate_pending() and not taken:
                return

    def _integrate_pending(self) -> bool:
        """Integrate what other processes handed over; say whether there was any."""
        rows = self._database.read_pending(BATCH_ENTRIES)
        if not rows:
            return False
        oldest = format_instant(self._clock() - _PENDING_LIFE)
        current = [(act_id, _decode_act(text)) for act_id, text, asked_at in rows if asked_at >= oldest]
        late = [act_id for act_id, _, asked_at in rows if asked_at < oldest]

        def write_results(outcome: list[ActResult]) -> None:
            encoded = [_encode_result(result) for result in outcome]
            ids = [act_id for act_id, _ in current]
            self._database.write_results([*zip(ids, encoded, strict=True), *((act_id, _TOO_LATE) for act_id in late)])
            self._database.remove_old_results(oldest)

        self._sequencer.integrate([act for _, act in current], write_results)
        return True

    def _hand_over(self, taken: list[tuple[Act, Future[tuple[Entry, ...]]]]) -> None:
        asked_at = format_instant(self._clock())
        waiting: dict[str, tuple[Act, Future[tuple[Entry, ...]]]] = {}
        for act, future in taken:
            act_id = act[0].act_id
            self._database.add_pending(act_id, json.dumps([event.to_json() for event in act]), asked_at)
            waiting[act_id] = (act, future)
        try:
            while waiting:
                self._collect_results(waiting)
                if not waiting:
                    return
                with hold_sequencer_lock(self._folder, is_waiting=False) as is_holder:
                    if is_holder:
                        self._integrate_everything()
                        continue
                time.sleep(_WAIT_S)
        except Exception:
            # What was handed over may still be integrated by another process; nobody here was told that it was.
            for _, future in waiting.values():
                future.set_exception(LedgerError("it is not known whether the act was recorded; look before repeating"))
            raise

    def _collect_results(self, waiting: dict[str, tuple[Act, Future[tuple[Entry, ...]]]]) -> None:
        for act_id in list(waiting):
            text = self._database.read_result(act_id)
            if text is None or not self._is_published(text):
                continue
            act, future = waiting.pop(act_id)
            self._database.remove_pending(act_id)
            result = self._decode_result(text, act)
            _answer_one(future, result)

    def _is_published(self, text: str) -> bool:
        """A result is written with its entries, so a crash can leave it before the checkpoint that covers them."""
        indexes = json.loads(text).get("indexes", [])
        published = self._lock.read()
        return not indexes or (published is not None and published.checkpoint.size > indexes[-1])

    def _decode_result(self, text: str, act: Act) -> ActResult:
        value: Mapping[str, JsonValue] = json.loads(text)
        match value:
            case {"indexes": list(indexes)}:
                start = int(str(indexes[0]))
                leaves = self._database.read_leaves(start, start + len(indexes))
                pairs = zip(leaves, act, strict=True)
                return tuple(Entry(index, parse_leaf(data), event.record) for (index, data), event in pairs)
            case {"conflict": [str(subject), int(expected), int(actual)]}:
                return ConflictError(subject, expected, actual)
            case {"duplicate": [str(claim), str(subject)]}:
                return DuplicateClaimError(claim, subject)
            case _:
                return LedgerError(str(value.get("refused")))

    def _take_batch(self) -> list[tuple[Act, Future[tuple[Entry, ...]]]]:
        """Take whole acts from the queue until about 256 entries; an act is never split."""
        taken: list[tuple[Act, Future[tuple[Entry, ...]]]] = []
        entries = 0
        with self._has_work:
            while self._queue and entries < BATCH_ENTRIES:
                taken.append(self._queue.popleft())
                entries += len(taken[-1][0])
        # Until they are answered, a failure must reach these callers too.
        self._current = taken
        return taken

    def _answer(self, taken: list[tuple[Act, Future[tuple[Entry, ...]]]], outcome: list[ActResult]) -> None:
        for (_, future), result in zip(taken, outcome, strict=True):
            _answer_one(future, result)

    def stop(self, error: Exception) -> None:
        """Any error of the stores, keys or clock ends appends: every waiter and every later caller is told why."""
        stopped = (
            error if isinstance(error, LedgerStoppedError) else LedgerStoppedError(f"{type(error).__name__}: {error}")
        )
        with self._has_work:
            self._stopped = stopped
            waiting = [*self._current, *self._queue]
            self._queue.clear()
        for _, future in waiting:
            if not future.done():
                future.set_exception(LedgerStoppedError(str(stopped)))


def _answer_one(future: "Future[tuple[Entry, ...]]", result: ActResult) -> None:
    if isinstance(result, LedgerError):
        future.set_exception(result)
    else:
        future.set_result(result)


def _decode_act(text: str) -> Act:
    return tuple(PreparedEvent.from_json(item) for item in json.loads(text))


def _encode_result(result: ActResult) -> str:
    match result:
        case ConflictError():
            return json.dumps({"conflict": [result.subject, result.expected, result.actual]})
        case DuplicateClaimError():
            return json.dumps({"duplicate": [result.claim, result.subject]})
        case LedgerError():
            return json.dumps({"refused": str(result)})
        case _:
            return json.dumps({"indexes": [entry.index for entry in result]})

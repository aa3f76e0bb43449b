"""Handing over between processes, played by several ledgers on one folder: each has its own lock, as processes have."""

import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest

from chain_of_custody.errors import ConflictError, DuplicateClaimError, LedgerBusyError, LedgerError, LedgerStoppedError
from chain_of_custody.fsck import check_ledger
from chain_of_custody.handover import hold_sequencer_lock
from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from chain_of_custody.pending_acts import encode_act
from chain_of_custody.stores.contract import PendingAct
from tests.support.faulty_ledger_store import Faulty
from tests.support.ledgers import HandClock, create_ledger, make_act, make_draft, open_ledger


class Pair:
    """Two ledgers on one folder: ``holder`` and ``waiter``, and callers of the waiter in threads."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = HandClock()
        self.holder = create_ledger(folder, self.clock)
        self.waiter = open_ledger(folder, self.clock)
        self.answers = []
        self.threads = []

    def ask(self, *drafts):
        def call():
            try:
                self.answers.append(self.waiter.append(drafts))
            except LedgerError as error:
                self.answers.append(error)

        self.threads.append(threading.Thread(target=call))
        self.threads[-1].start()

    def wait_for_pending(self, count=1):
        deadline = time.monotonic() + 30
        while len(self.holder._store.read_pending(100)) < count:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def hand_over(self, *acts, asked_at=None):
        asked_at = format_instant(asked_at or self.clock())
        self.holder._store.add_pending([PendingAct(act[0].act_id, encode_act(act), asked_at) for act in acts])

    @contextmanager
    def lock(self):
        """Hold the lock; a thread that has just answered may need a moment to let go of it."""
        while True:
            with hold_sequencer_lock(self.folder) as is_holder:
                if is_holder:
                    yield
                    return
            time.sleep(0.001)

    def integrate(self):
        with self.lock():
            self.holder._queue._integrate_everything()

    def answer(self):
        for thread in self.threads:
            thread.join(30)
        return self.answers

    def close(self):
        for thread in self.threads:
            thread.join(30)
        self.waiter.close()
        self.holder.close()


@pytest.fixture
def pair(tmp_path):
    with closing(Pair(tmp_path)) as made:
        yield made


def test_only_one_holds_the_lock(tmp_path):
    with hold_sequencer_lock(tmp_path) as first, hold_sequencer_lock(tmp_path) as second:
        assert (first, second) == (True, False)
    with hold_sequencer_lock(tmp_path) as third:
        assert third


def test_holder_integrates_what_others_handed_over(pair):
    with pair.lock():
        pair.ask(make_draft())
        pair.wait_for_pending()
        pair.holder._queue._integrate_everything()
        ((entry,),) = pair.answer()
    assert entry.index == 1
    assert entry.record is not None
    assert entry.leaf == pair.holder.entry(1).leaf


def test_waiter_takes_over_when_the_holder_is_gone(pair):
    with pair.lock():
        pair.ask(make_draft())
        pair.wait_for_pending()
    ((entry,),) = pair.answer()
    assert entry.index == 1


def test_waiter_publishes_what_a_dead_holder_left_and_integrates_its_act_once(pair):
    subject = new_id()
    with pair.lock():
        pair.ask(make_draft(subject))
        pair.wait_for_pending()
        # The holder commits entries and result, and dies before the checkpoint.
        pair.holder._sequencer._lock = Faulty(pair.holder._sequencer._lock, "swap", is_done=False)
        with pytest.raises(LedgerStoppedError):
            pair.holder._queue._integrate_everything()
        time.sleep(0.05)
        assert pair.answers == [], "answered before a checkpoint covered the entry"
    ((entry,),) = pair.answer()
    assert [found.index for found in pair.waiter.subject_entries(subject)] == [entry.index]
    assert check_ledger(pair.folder, pair.waiter.vkey) == []


def test_refusals_reach_the_caller_in_another_process(pair):
    subject = new_id()
    pair.holder.append([make_draft(subject, claims=("recording:1",))])
    with pair.lock():
        pair.ask(make_draft(claims=("recording:1",)))
        pair.wait_for_pending()
        pair.holder._queue._integrate_everything()
        pair.answer()
        pair.ask(make_draft(subject, expected_version=5))
        pair.wait_for_pending()
        pair.holder._queue._integrate_everything()
        duplicate, conflict = pair.answer()
    assert isinstance(duplicate, DuplicateClaimError)
    assert (duplicate.claim, duplicate.subject) == ("recording:1", subject)
    assert isinstance(conflict, ConflictError)
    assert (conflict.expected, conflict.actual) == (5, 1)


def test_acts_of_several_events_stay_whole(pair):
    with pair.lock():
        pair.ask(make_draft(), make_draft(), make_draft())
        pair.wait_for_pending()
        pair.holder._queue._integrate_everything()
        (entries,) = pair.answer()
    assert [entry.index for entry in entries] == [1, 2, 3]


def test_answered_acts_leave_nothing_in_the_table(pair):
    with pair.lock():
        pair.ask(make_draft())
        pair.wait_for_pending()
        pair.holder._queue._integrate_everything()
        pair.answer()
    assert pair.waiter._store._readers.fetch("select count(*) from pending") == [(0,)]


def test_act_whose_asker_died_long_ago_is_refused(pair):
    pair.hand_over(make_act(), asked_at=pair.clock() - timedelta(minutes=11))
    pair.integrate()
    assert pair.holder.checkpoint()[0].size == 1
    assert pair.holder._store.read_pending(10) == []


def test_text_that_is_no_act_is_refused_and_holds_nothing_up(pair):
    pair.holder._store.add_pending([PendingAct("x", '[{"type": 1}]', format_instant(pair.clock()))])
    pair.hand_over(make_act())
    pair.integrate()
    assert "refused" in pair.holder._store.read_results(["x"])["x"]
    assert pair.holder.checkpoint()[0].size == 2


def test_more_than_a_batch_of_handed_over_entries_is_integrated(pair):
    pair.hand_over(*(make_act(*(make_draft() for _ in range(100))) for _ in range(5)))
    pair.integrate()
    assert pair.holder.checkpoint()[0].size == 501


def test_waiter_that_cannot_record_withdraws_its_act(pair):
    with pair.lock():
        pair.ask(make_draft())
        pair.wait_for_pending()
        store = pair.waiter._sequencer._store
        pair.waiter._sequencer._store = Faulty(store, "begin", is_done=False, error=LedgerBusyError("disk is full"))
    (refused,) = pair.answer()
    assert isinstance(refused, LedgerBusyError)
    assert pair.holder._store.read_pending(10) == []
    pair.holder.append([make_draft()])
    assert pair.holder.checkpoint()[0].size == 2


def test_holder_that_is_busy_leaves_what_was_handed_over_to_its_asker(pair):
    with pair.lock():
        pair.ask(make_draft())
        pair.wait_for_pending()
        store = pair.holder._sequencer._store
        pair.holder._sequencer._store = Faulty(store, "begin", is_done=False, error=LedgerBusyError("disk is full"))
        with pytest.raises(LedgerBusyError):
            pair.holder._queue._integrate_everything()
    ((entry,),) = pair.answer()
    assert entry.index == 1


def test_both_append_at_once_and_nothing_is_lost(pair):
    drafts = [make_draft() for _ in range(40)]

    def call():
        for draft in drafts[:20]:
            pair.holder.append([draft])

    thread = threading.Thread(target=call)
    thread.start()
    for draft in drafts[20:]:
        pair.waiter.append([draft])
    thread.join()
    found = {entry.leaf.subject for entry in pair.waiter.entries(1, 100)}
    assert found == {draft.subject for draft in drafts}
    assert check_ledger(pair.folder, pair.waiter.vkey) == []


def test_stopped_ledger_stops_the_waiter_too(pair):
    with pair.lock():
        pair.ask(make_draft())
        pair.wait_for_pending()
        connection = pair.holder._store._writer.conn
        connection.execute("update tiles set hashes = zeroblob(32)")
    (refused,) = pair.answer()
    assert isinstance(refused, LedgerStoppedError)
    assert "not known whether" in str(refused)

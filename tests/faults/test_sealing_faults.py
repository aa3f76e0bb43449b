"""Each step of a batch fails twice: not done, and done but reported as failed.

Whatever fails, nobody is told that an act was recorded when it was not, the ledger stops when there is doubt, and the
next run finds a sound ledger with each act at most once.
"""

from contextlib import closing

import pytest

from chain_of_custody.errors import LedgerBusyError, LedgerStoppedError
from chain_of_custody.fsck import check_ledger
from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from chain_of_custody.pending_acts import encode_act
from chain_of_custody.stores.contract import PendingAct
from tests.support.faulty_ledger_store import Faulty
from tests.support.ledgers import HandClock, create_ledger, make_act, make_draft, open_ledger

BEFORE_THE_COMMIT = ["begin", "write_rows", "write_tiles"]


def break_store(ledger, operation, **how):
    """Let the next call of an operation fail."""
    sequencer = ledger._sequencer
    if operation in {"swap", "read"}:
        sequencer._lock = faulty = Faulty(sequencer._lock, operation, **how)
    else:
        sequencer._store = faulty = Faulty(sequencer._store, operation, **how)
    return faulty


def judge(folder, ledger, acknowledged, doubtful, *, is_recorded):
    """Reopen, append once more, and count."""
    ledger.close()
    with closing(open_ledger(folder)) as again:
        acknowledged.append(again.append([make_draft()])[0].leaf.subject)
        findings = check_ledger(folder, again.vkey)
        found = [entry.leaf.subject for entry in again.entries(1, again.checkpoint()[0].size)]
    assert findings == []
    assert sorted(found) == sorted([*acknowledged, *([doubtful] if is_recorded else [])])


@pytest.mark.parametrize("is_done", [False, True], ids=["not-done", "done-and-reported-failed"])
@pytest.mark.parametrize("operation", [*BEFORE_THE_COMMIT, "commit", "swap"])
def test_failure_stops_the_ledger_and_the_next_run_is_sound(tmp_path, operation, is_done):
    ledger = create_ledger(tmp_path)
    acknowledged = [ledger.append([make_draft()])[0].leaf.subject]
    doubtful = new_id()
    fault = break_store(ledger, operation, is_done=is_done)
    with pytest.raises(LedgerStoppedError, match="on cue"):
        ledger.append([make_draft(doubtful)])
    assert fault.has_failed
    with pytest.raises(LedgerStoppedError, match="on cue"):
        ledger.append([make_draft()])
    is_recorded = operation == "swap" or (operation == "commit" and is_done)
    judge(tmp_path, ledger, acknowledged, doubtful, is_recorded=is_recorded)


@pytest.mark.parametrize("operation", ["read_leaves", "read_heads", "read_tile", "read_last_indexes", "count_leaves"])
def test_failing_reads_stop_the_ledger_and_the_next_run_is_sound(tmp_path, operation):
    ledger = create_ledger(tmp_path)
    subject = new_id()
    ledger.append([make_draft(subject)])
    fault = break_store(ledger, operation, is_done=False)
    with pytest.raises(LedgerStoppedError, match="on cue"):
        ledger.append([make_draft(subject, "recording.cleared")])
    assert fault.has_failed
    ledger.close()
    with closing(open_ledger(tmp_path)) as again:
        assert again.append([make_draft(subject, "recording.viewed")])[0].leaf.seq in {2, 3}
        assert check_ledger(tmp_path, again.vkey) == []


def test_doubt_is_told_to_the_caller_whose_act_it_is(tmp_path):
    with closing(create_ledger(tmp_path)) as ledger:
        break_store(ledger, "swap", is_done=True)
        with pytest.raises(LedgerStoppedError, match="not known whether"):
            ledger.append([make_draft()])
        with pytest.raises(LedgerStoppedError) as later:
            ledger.append([make_draft()])
        assert "not known whether" not in str(later.value)


@pytest.mark.parametrize("operation", BEFORE_THE_COMMIT)
def test_temporary_failure_refuses_one_batch_and_the_ledger_goes_on(tmp_path, operation):
    with closing(create_ledger(tmp_path)) as ledger:
        break_store(ledger, operation, is_done=False, error=LedgerBusyError("disk is full"))
        with pytest.raises(LedgerBusyError):
            ledger.append([make_draft()])
        assert ledger.append([make_draft()])[0].index == 1
        assert check_ledger(tmp_path, ledger.vkey) == []


def test_full_disk_refuses_and_the_ledger_goes_on_when_there_is_room(tmp_path):
    with closing(create_ledger(tmp_path)) as ledger:
        connection = ledger._store._writer.conn
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count={pages}")
        with pytest.raises(LedgerBusyError, match="full"):
            ledger.append([make_draft(parts={"recording": "x" * 100_000})])
        connection.execute("pragma max_page_count=1000000")
        assert ledger.append([make_draft()])[0].index == 1
        assert check_ledger(tmp_path, ledger.vkey) == []


@pytest.mark.parametrize("is_done", [False, True], ids=["not-done", "done-and-reported-failed"])
@pytest.mark.parametrize("operation", ["write_results", "commit", "swap"])
def test_act_handed_over_is_integrated_once_whatever_its_integrator_suffers(tmp_path, operation, is_done):
    """The holder fails while it integrates another process's act; the next one finishes or repeats, never doubles."""
    clock = HandClock()
    ledger = create_ledger(tmp_path, clock)
    act = make_act()
    ledger._store.add_pending([PendingAct(act[0].act_id, encode_act(act), format_instant(clock()))])
    fault = break_store(ledger, operation, is_done=is_done)
    if operation == "write_results":
        ledger._queue._hand_over._store = fault
    with pytest.raises(LedgerStoppedError):
        ledger._queue._integrate_everything()
    ledger.close()
    with closing(open_ledger(tmp_path, clock)) as again:
        again._queue._integrate_everything()
        again.append([make_draft()])
        assert len(again.subject_entries(act[0].draft.subject)) == 1
        assert again._store.read_results([act[0].act_id])
        assert check_ledger(tmp_path, again.vkey) == []

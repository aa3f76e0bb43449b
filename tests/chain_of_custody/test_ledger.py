"""The ledger as its callers see it."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from chain_of_custody.errors import (
    ConflictError,
    DuplicateClaimError,
    LedgerError,
    LedgerStoppedError,
    MalformedError,
)
from chain_of_custody.fsck import check_ledger
from chain_of_custody.identities import ledger_subject, new_id
from chain_of_custody.leaves import leaf_digest, verify_leaf
from chain_of_custody.ledger import Ledger
from chain_of_custody.merkle import verify_consistency
from chain_of_custody.note import parse_vkey
from chain_of_custody.proofs import verify_log_proof
from tests.support.ledgers import (
    ACTOR,
    EVENT_KEY,
    LOG_KEY,
    OPERATOR,
    ORIGIN,
    HandClock,
    create_ledger,
    make_draft,
    open_ledger,
)
from tests.support.naive_log import naive_root


@pytest.fixture
def ledger(tmp_path):
    made = create_ledger(tmp_path)
    yield made
    made.close()


def test_first_leaf_opens_the_event_key(ledger):
    entry = ledger.entry(0)
    assert (entry.leaf.type, entry.leaf.subject) == ("ledger.opened", ledger_subject(ORIGIN))
    assert entry.record.value("opened") == {"event_key": EVENT_KEY.public.hex, "vkey": ledger.vkey, "origin": ORIGIN}
    verify_leaf(entry.leaf, EVENT_KEY.public)


def test_ledger_is_not_made_twice(tmp_path, ledger):
    with pytest.raises(LedgerError, match="already"):
        create_ledger(tmp_path)


def test_only_their_owner_reads_the_files(tmp_path, ledger):
    assert [(tmp_path / name).stat().st_mode & 0o077 for name in ("ledger.db", "lock.db")] == [0, 0]


def test_appended_entry_is_signed_and_proved_under_the_checkpoint(ledger):
    (entry,) = ledger.append([make_draft()])
    verify_leaf(entry.leaf, EVENT_KEY.public)
    checkpoint = verify_log_proof(ledger.prove(entry.index), entry.leaf.data, [parse_vkey(ledger.vkey)], ORIGIN)
    assert checkpoint.size == 2


def test_record_is_kept_and_matches_its_commitments(ledger):
    (entry,) = ledger.append([make_draft(parts={"recording": {"path": "文件"}, "actor": OPERATOR})])
    kept = ledger.entry(entry.index)
    assert kept.record.value("recording") == {"path": "文件"}
    assert kept.record.commitments() == kept.leaf.commitments


def test_root_is_that_of_the_naive_tree(ledger):
    for _ in range(11):
        ledger.append([make_draft()])
    checkpoint, _ = ledger.checkpoint()
    assert checkpoint.root == naive_root(ledger.leaf_data(0, checkpoint.size))


def test_subjects_leaves_are_numbered_and_chained(ledger):
    subject = new_id()
    for kind in ("recording.received", "recording.viewed", "recording.cleared"):
        ledger.append([make_draft(subject, kind)])
    entries = ledger.subject_entries(subject)
    assert [entry.leaf.seq for entry in entries] == [1, 2, 3]
    assert [entry.leaf.prev for entry in entries] == [None, *(leaf_digest(e.leaf.data) for e in entries[:2])]


def test_reading_events_raise_seq_and_not_the_version(ledger):
    subject = new_id()
    ledger.append([make_draft(subject)])
    ledger.append([make_draft(subject, "recording.viewed")])
    head = ledger.head(subject)
    assert (head.seq, head.version) == (2, 1)


def test_an_act_has_one_act_id_and_neighbouring_places(ledger):
    entries = ledger.append([make_draft(), make_draft(), make_draft()])
    assert len({entry.leaf.act_id for entry in entries}) == 1
    assert [entry.index for entry in entries] == [1, 2, 3]


def test_two_events_of_one_act_on_one_subject_follow_each_other(ledger):
    subject = new_id()
    first, second = ledger.append([make_draft(subject), make_draft(subject, "recording.cleared")])
    assert (second.leaf.seq, second.leaf.prev) == (2, leaf_digest(first.leaf.data))


def test_command_is_refused_when_the_subject_moved_on(ledger):
    subject = new_id()
    ledger.append([make_draft(subject)])
    ledger.append([make_draft(subject, "recording.cleared", expected_version=1)])
    with pytest.raises(ConflictError) as caught:
        ledger.append([make_draft(subject, "recording.cleared", expected_version=1)])
    assert (caught.value.expected, caught.value.actual) == (1, 2)


def test_reading_events_do_not_make_commands_conflict(ledger):
    subject = new_id()
    ledger.append([make_draft(subject)])
    ledger.append([make_draft(subject, "recording.viewed")])
    assert ledger.append([make_draft(subject, "recording.cleared", expected_version=1)])[0].leaf.seq == 3


def test_new_subject_is_expected_at_version_zero(ledger):
    assert ledger.append([make_draft(expected_version=0)])[0].leaf.seq == 1


def test_listed_heads_must_hold_at_integration(ledger):
    subject = new_id()
    ledger.append([make_draft(subject)])
    ledger.append([make_draft(subject, "recording.viewed")])
    export = make_draft(None, "export.prepared", kind="export", expects_heads={subject: 1})
    with pytest.raises(ConflictError):
        ledger.append([export])
    assert ledger.append([replace(export, expects_heads={subject: 2})])


def test_claim_is_held_by_the_first(ledger):
    (first,) = ledger.append([make_draft(claims=("recording:1",))])
    with pytest.raises(DuplicateClaimError) as caught:
        ledger.append([make_draft(claims=("recording:1",))])
    assert caught.value.subject == first.leaf.subject
    assert ledger.claimed("recording:1") == (first.leaf.subject, first.index)
    assert ledger.claimed("recording:2") is None


def test_refused_act_leaves_nothing_of_itself(ledger):
    with pytest.raises(ConflictError):
        ledger.append([make_draft(claims=("recording:1",)), make_draft(expected_version=7)])
    assert ledger.checkpoint()[0].size == 1
    assert ledger.claimed("recording:1") is None


@pytest.mark.parametrize(
    "change",
    [{"type": "Nonsense"}, {"subject": "x"}, {"subject_kind": "thing"}, {"actor": ""}, {"parts": {"a": 1.5}}],
)
def test_draft_that_is_not_in_the_format_is_refused(ledger, change):
    with pytest.raises(MalformedError):
        ledger.append([replace(make_draft(), **change)])


def test_leaf_that_would_be_too_long_is_refused_and_the_ledger_goes_on(ledger):
    parts = {f"part_{number}": number for number in range(100)}
    with pytest.raises(LedgerError, match="at most 8192"):
        ledger.append([make_draft(parts=parts)])
    assert ledger.append([make_draft()])[0].index == 1


def test_act_of_no_events_is_refused(ledger):
    with pytest.raises(MalformedError):
        ledger.append([])


def test_anchor_names_the_checkpoint_before(ledger):
    before, _ = ledger.checkpoint()
    (entry,) = ledger.append([make_draft()])
    assert entry.leaf.anchor["size"] == before.size


def test_many_callers_share_batches_and_nothing_is_lost(tmp_path, ledger):
    drafts = [[make_draft() for _ in range(10)] for _ in range(16)]
    found = []

    def call(own):
        found.extend(ledger.append([draft])[0] for draft in own)

    threads = [threading.Thread(target=call, args=(own,)) for own in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.index for entry in found) == list(range(1, 161))
    assert {entry.leaf.subject for entry in found} == {draft.subject for own in drafts for draft in own}
    assert check_ledger(tmp_path, ledger.vkey) == []


def test_ledger_goes_on_after_reopening(tmp_path, ledger):
    (entry,) = ledger.append([make_draft()])
    ledger.close()
    with closing(open_ledger(tmp_path)) as again:
        assert again.append([make_draft(entry.leaf.subject, "recording.cleared")])[0].leaf.seq == 2


def test_closed_ledger_takes_nothing(tmp_path):
    ledger = create_ledger(tmp_path)
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.append([make_draft()])


def test_ledger_without_keys_is_for_reading_and_sees_new_checkpoints(tmp_path, ledger):
    with closing(Ledger.open(tmp_path, origin=ORIGIN, clock=HandClock())) as reader:
        ledger.append([make_draft()])
        assert reader.checkpoint()[0].size == 2
        assert reader.entry(1).leaf.seq == 1
        with pytest.raises(LedgerError, match="reading"):
            reader.append([make_draft()])


def test_missing_ledger_is_not_made_by_opening(tmp_path):
    with pytest.raises(LedgerError, match="no ledger"):
        open_ledger(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_missing_lock_file_is_not_made_by_opening(tmp_path):
    create_ledger(tmp_path).close()
    (tmp_path / "lock.db").unlink()
    with pytest.raises(LedgerStoppedError, match=r"lock\.db is missing"):
        open_ledger(tmp_path)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300])
def test_every_inclusion_and_consistency_proof_verifies(tmp_path, size):
    with closing(create_ledger(tmp_path)) as ledger:
        ledger.append([make_draft() for _ in range(299)])
        verifiers = [parse_vkey(ledger.vkey)]
        verify_log_proof(ledger.prove(size - 1), ledger.entry(size - 1).leaf.data, verifiers, ORIGIN)
        leaves = ledger.leaf_data(0, 300)
        proof = ledger.prove_consistency(size, 300)
        verify_consistency(size, 300, naive_root(leaves[:size]), naive_root(leaves), proof.path)


@pytest.mark.parametrize(("index", "size"), [(5, None), (0, 9), (1, 1), (-1, None)])
def test_proof_of_what_is_not_published_is_refused(ledger, index, size):
    ledger.append([make_draft()])
    with pytest.raises(LedgerError):
        ledger.prove(index, size)


@pytest.mark.parametrize("sizes", [(2, 1), (0, 9), (-1, 1)])
def test_consistency_of_what_is_not_published_is_refused(ledger, sizes):
    with pytest.raises(LedgerError):
        ledger.prove_consistency(*sizes)


@pytest.mark.parametrize("width", [0, 2, 256])
def test_tiles_wider_than_the_published_tree_are_refused(ledger, width):
    with pytest.raises(LedgerError):
        ledger.tile(0, 0, width)
    with pytest.raises(LedgerError):
        ledger.bundle(0, width)


def test_tiles_of_earlier_sizes_stay_readable(ledger):
    before = ledger.tile(0, 0, 1)
    ledger.append([make_draft()])
    assert ledger.tile(0, 0, 1) == before == ledger.tile(0, 0, 2)[:32]


def test_unpublished_entries_are_not_shown(tmp_path, ledger):
    (entry,) = ledger.append([make_draft(claims=("recording:1",))])
    subject = entry.leaf.subject
    # As between commit and checkpoint: the checkpoint is the one of before.
    first = ledger.append([make_draft(subject, "recording.viewed")]) and ledger.checkpoint()
    ledger.append([make_draft(subject, "recording.cleared", claims=("recording:2",))])
    with closing(sqlite3.connect(tmp_path / "lock.db")) as database, database:
        database.execute("update checkpoint set size = ?, note = ?", [first[0].size, first[1]])
    head = ledger.head(subject)
    assert (head.seq, head.version) == (2, 1)
    assert ledger.claimed("recording:2") is None
    with pytest.raises(LedgerError):
        ledger.entry(3)


def test_ledger_of_another_origin_is_refused(tmp_path, ledger):
    ledger.close()
    other = Ledger.open(
        tmp_path, origin="other.example/a/2026", log_key=LOG_KEY, event_key=EVENT_KEY, clock=HandClock()
    )
    with closing(other), pytest.raises(LedgerStoppedError, match="not one of this log"):
        other.append([make_draft()])


def test_actor_is_the_handle_that_was_given(ledger):
    assert ledger.append([make_draft()])[0].leaf.actor == ACTOR


def test_published_entries_that_are_gone_are_an_error_and_not_fewer_entries(tmp_path, ledger):
    ledger.append([make_draft()])
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database, database:
        database.execute('delete from leaves where "index" = 1')
    with pytest.raises(LedgerStoppedError, match="rolled back"):
        ledger.entries(0, 2)

"""Heads of an export, read strictly, and histories that must end at them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.chains import Head, check_chains, parse_heads
from chain_of_custody.commitments import Opening
from chain_of_custody.errors import MalformedError, UndecidableError, VerificationError
from chain_of_custody.leaves import build_leaf, leaf_digest
from chain_of_custody.package import PackedLeaf
from chain_of_custody.progress import Progress
from chain_of_custody.proofs import LogProof
from tests.support.naive_log import make_id, make_key

HEAD = {"subject": "a" * 32, "seq": 3, "leaf_sha256": "b" * 64}


def test_heads_are_read():
    assert parse_heads({"heads": [HEAD], "number": "1"}) == (Head("a" * 32, 3, "b" * 64),)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"heads": None},
        {"heads": [HEAD, HEAD]},
        {"heads": [{**HEAD, "more": 1}]},
        {"heads": [{**HEAD, "seq": "3"}]},
        {"heads": [{**HEAD, "subject": "x"}]},
        {"heads": [{"subject": "a" * 32}]},
    ],
)
def test_heads_in_another_form_are_malformed(value):
    with pytest.raises(MalformedError):
        parse_heads(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["heads", "subject", "seq", "leaf_sha256"]), inner),
    max_leaves=12,
)


@given(JSON)
def test_random_values_are_heads_or_malformed(value):
    with suppress(MalformedError):
        parse_heads(value)


class Log:
    """Leaves of two subjects and an export's, put at whatever index and signed as they should be."""

    def __init__(self):
        self.leaves = []
        self.last = {}

    def add(self, type_, subject, kind="recording", *, index=None, **fields):
        before = self.last.get(subject)
        values = {
            "origin": "ledger.example.org/agency/2026",
            "type": type_,
            "event_id": make_id(f"event {len(self.leaves)}"),
            "subject": subject,
            "subject_kind": kind,
            "seq": before.seq + 1 if before else 1,
            "prev": leaf_digest(before.data) if before else None,
            "act_id": make_id("act"),
            "time": "2026-01-01T00:00:00.000000Z",
            "actor": make_id("actor"),
            "device": None,
            "anchor": None,
            "commitments": {},
            "key": make_key("event"),
        }
        leaf = build_leaf(**{**values, **fields})
        self.last[subject] = leaf
        self.leaves.append(PackedLeaf(len(self.leaves) if index is None else index, leaf, {}, LogProof(0, (), b"")))
        return leaf

    def prepare(self, *heads, **fields):
        listed = [{"subject": leaf.subject, "seq": leaf.seq, "leaf_sha256": leaf_digest(leaf.data)} for leaf in heads]
        self.add("export.prepared", make_id("export"), "export", **fields)
        packed = self.leaves[-1]
        opened = {"prepared": Opening("prepared", bytes(32), {"heads": listed})}
        self.leaves[-1] = PackedLeaf(packed.index, packed.leaf, opened, packed.proof)

    def check(self):
        return check_chains(sorted(self.leaves, key=lambda packed: packed.index), Progress())

    def assert_false(self, words):
        with pytest.raises(VerificationError, match=words):
            self.check()


RECORDING = make_id("recording")


@pytest.fixture
def log():
    made = Log()
    made.add("recording.received", RECORDING)
    return made


def test_history_up_to_its_head_is_whole(log):
    log.prepare(log.add("recording.viewed", RECORDING))
    assert [len(chain) for chain in log.check().chains.values()] == [2]


def test_leaf_recorded_after_the_export_was_prepared_is_false(log):
    # A forger who knows the leaf beforehand lists it; its place in the log tells.
    log.prepare(log.add("recording.viewed", RECORDING, index=9), index=5)
    log.assert_false("after the export was prepared")


def test_leaf_beyond_the_listed_head_is_false(log):
    head = log.add("recording.viewed", RECORDING)
    log.add("recording.cleared", RECORDING)
    log.prepare(head)
    log.assert_false("does not end at number 2")


def test_number_left_out_is_false(log):
    log.add("recording.viewed", RECORDING)
    head = log.add("recording.cleared", RECORDING)
    log.prepare(head)
    del log.leaves[1]
    log.assert_false("number 2 of its subject's history is missing")


def test_first_leaf_left_out_is_false(log):
    log.prepare(log.add("recording.viewed", RECORDING))
    del log.leaves[0]
    log.assert_false("number 1 of its subject's history is missing")


def test_leaf_that_does_not_follow_the_one_before_is_false(log):
    log.prepare(log.add("recording.viewed", RECORDING, prev="0" * 64))
    log.assert_false("does not follow")


def test_number_given_twice_is_false(log):
    head = log.add("recording.viewed", RECORDING)
    log.add("recording.viewed", RECORDING, seq=2)
    log.prepare(head)
    log.assert_false("not in order")


def test_subject_that_changes_its_kind_is_false(log):
    log.prepare(log.add("recording.viewed", RECORDING, "casefile"))
    log.assert_false("not in order")


def test_listed_subject_without_leaves_is_false(log):
    log.prepare(log.last[RECORDING], Log().add("recording.received", make_id("other")))
    log.assert_false("none of its leaves")


def test_two_exports_in_one_package_are_false(log):
    log.prepare(log.last[RECORDING])
    log.prepare(log.last[RECORDING])
    log.assert_false("exactly one")


def test_export_that_is_no_exports_event_is_false(log):
    log.add("export.prepared", make_id("export"), "casefile")
    log.assert_false("exactly one")


def test_export_that_withholds_its_list_is_false(log):
    log.add("export.prepared", make_id("export"), "export")
    log.assert_false("does not disclose")


def test_package_that_speaks_of_no_recording_cannot_be_judged():
    log = Log()
    log.add("casefile.opened", make_id("casefile"), "casefile")
    with pytest.raises(UndecidableError):
        log.check()


def test_single_leaves_of_others_are_told_from_whole_histories(log):
    log.add("unit.renamed", make_id("unit"), "unit")
    log.prepare(log.last[RECORDING])
    assert log.check().partial == {make_id("unit")}

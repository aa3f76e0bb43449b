"""The dock's judgement of a receipt: one fact changed, one code."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from chain_of_custody.canonical import canonical_json
from chain_of_custody.commitments import Opening
from chain_of_custody.digests import Digests
from chain_of_custody.errors import CustodyError, MalformedError, ReceiptOutdatedError, VerificationError
from chain_of_custody.proofs import ConsistencyProof
from chain_of_custody.receipts import Receipt, verify_receipt
from tests.support.hostile import change_value, json_values, quick, refuses_or_reads
from tests.support.naive_log import NaiveLog, expect, make_id, make_opening

FILE, OTHER = b"this file", b"other file"


def make_log(**changes) -> NaiveLog:
    """A log of nine leaves: this file's at 5, another file's at 6."""
    log = NaiveLog(**changes)
    for number in range(5):
        log.receive(b"earlier %d" % number)
    log.receive(FILE)
    log.receive(OTHER)
    log.receive(b"later")
    log.append("recording.viewed", make_id("viewed"), "recording", make_opening("received", {"size": 9}))
    return log


LOG = make_log()
SEEN = LOG.checkpoint(3)
RECEIPT = LOG.receipt(5, old=3)


def judge(receipt, *, log=LOG, seen=SEEN, requested=None, expected=None):
    return verify_receipt(
        receipt,
        vkey=log.vkey,
        event_key=log.event_key.public,
        requested_size=requested if requested is not None else seen.size if seen else 0,
        last_checkpoint=seen,
        expected=expected or expect(FILE),
    )


def refuse(receipt, **changes) -> str:
    with pytest.raises(VerificationError) as caught:
        judge(receipt, **changes)
    return caught.value.code


def test_the_receipt_of_this_file_is_proved():
    verified = judge(RECEIPT)
    assert verified.leaf.type == "recording.received"
    assert verified.received["size"] == len(FILE)
    assert (verified.checkpoint, verified.checkpoint_note) == (LOG.checkpoint(), LOG.note())


def test_a_dock_that_has_seen_nothing_believes_its_first_receipt():
    assert judge(LOG.receipt(5), seen=None).checkpoint.size == 9


def test_a_receipt_under_the_very_checkpoint_seen_is_proved():
    assert judge(LOG.receipt(5, old=9), seen=LOG.checkpoint()).checkpoint.size == 9


def test_a_file_presented_again_has_its_own_receipt():
    log = make_log()
    index = log.receive(FILE, manifest="second manifest", type_="recording.presented_again")
    assert judge(log.receipt(index, old=3), log=log, expected=expect(FILE, "second manifest")).leaf.seq == 1
    assert refuse(log.receipt(index, old=3), log=log) == "wrong_file"


def test_another_files_valid_receipt_is_refused():
    assert refuse(LOG.receipt(6, old=3)) == "wrong_file"


@pytest.mark.parametrize(
    "expected",
    [
        replace(expect(FILE), size=len(FILE) + 1),
        replace(expect(FILE), manifest_sha256="0" * 64),
        replace(expect(FILE), digests=Digests("0" * 64)),
        replace(expect(FILE), digests=Digests(expect(FILE).digests.sha2_256, "0" * 64)),
    ],
    ids=["size", "manifest", "digest", "sm3"],
)
def test_a_value_that_is_not_the_journals_is_refused(expected):
    assert refuse(RECEIPT, expected=expected) == "wrong_file"


def test_another_files_openings_are_refused():
    assert refuse(replace(RECEIPT, openings=LOG.openings[6])) == "bad_opening"


def test_openings_made_to_fit_the_journal_are_refused():
    fitting = Opening("received", LOG.openings[6][0].salt, RECEIPT.openings[0].value)
    assert refuse(replace(LOG.receipt(6, old=3), openings=(fitting,))) == "bad_opening"


@pytest.mark.parametrize(
    "openings", [(), (make_opening("findings", []),), RECEIPT.openings * 2], ids=["none", "other", "twice"]
)
def test_a_receipt_that_does_not_open_received_once_is_refused(openings):
    assert refuse(replace(RECEIPT, openings=openings)) == "bad_opening"


@pytest.mark.parametrize(
    "lock",
    [
        {"lock_mode": "GOVERNANCE"},
        {"lock_mode": None},
        {"lock_mode": ["COMPLIANCE"]},
        {"lock_mode": "none"},
    ],
    ids=str,
)
def test_a_lock_that_can_be_lifted_is_not_known(lock):
    log = NaiveLog()
    index = log.receive(FILE, **lock)
    assert refuse(log.receipt(index), log=log, seen=None) == "unknown_lock"


def test_a_store_without_locks_says_so():
    log = NaiveLog()
    index = log.receive(FILE, lock_mode="none", retain_until=None)
    assert judge(log.receipt(index), log=log, seen=None).received["lock_mode"] == "none"


def test_a_compliance_lock_without_an_end_is_malformed():
    log = NaiveLog()
    index = log.receive(FILE, retain_until=None)
    with pytest.raises(MalformedError):
        judge(log.receipt(index), log=log, seen=None)


def test_a_leaf_that_acknowledges_no_file_is_refused():
    assert refuse(LOG.receipt(8, old=3)) == "wrong_event"


def test_a_leaf_about_something_else_is_refused():
    log = NaiveLog()
    log.append("recording.received", make_id("x"), "casefile", RECEIPT.openings[0])
    assert refuse(log.receipt(0), log=log, seen=None) == "wrong_event"


def test_a_leaf_by_another_event_key_is_refused():
    log = NaiveLog()
    log.event_key = NaiveLog(name="thief").event_key
    log.receive(FILE)
    assert refuse(log.receipt(0), seen=None) == "bad_event_signature"


def test_a_ledger_with_another_log_key_is_refused():
    log = make_log()
    log.signer = NaiveLog(name="thief").signer
    assert refuse(log.receipt(5, old=3)) == "bad_log_signature"


def test_a_leaf_of_another_ledger_is_refused():
    log = make_log(origin="ledger.example.org/agency/2027")
    assert refuse(log.receipt(5, old=3)) == "wrong_origin"


def test_a_leaf_at_another_index_is_refused():
    assert refuse(replace(RECEIPT, index=6)) == "wrong_origin"
    assert refuse(replace(RECEIPT, index=6, proof=LOG.prove(6))) == "not_included"


def test_a_leaf_that_is_not_in_the_tree_is_refused():
    unlogged = make_log()
    index = unlogged.receive(FILE, manifest="unlogged")
    proof = replace(unlogged.prove(index), checkpoint_note=make_log().note())
    receipt = replace(unlogged.receipt(index, old=3), proof=proof)
    assert refuse(receipt, expected=expect(FILE, "unlogged")) == "not_included"


@pytest.mark.parametrize("size", [6, 8])
def test_a_ledger_rolled_back_is_refused(size):
    assert refuse(LOG.receipt(5, old=9, size=size), seen=LOG.checkpoint()) == "rolled_back"


def test_an_old_receipt_is_refused():
    # The same answer once more, after the dock has seen a larger tree and named it in its request.
    assert refuse(LOG.receipt(5, old=3, size=7), seen=LOG.checkpoint()) == "rolled_back"


def test_a_fork_is_refused():
    fork = make_log()
    fork.leaves[2] = LOG.leaves[1]
    assert refuse(fork.receipt(5, old=3), log=fork) == "forked"
    honest = LOG.prove_consistency(3)
    assert refuse(replace(fork.receipt(5, old=3), consistency=honest), log=fork) == "forked"


def test_a_fork_of_equal_size_is_refused():
    fork = make_log()
    fork.leaves[2] = LOG.leaves[1]
    assert refuse(fork.receipt(5, old=9), log=fork, seen=LOG.checkpoint()) == "forked"


@pytest.mark.parametrize(
    "consistency",
    [ConsistencyProof(0, 9, ()), ConsistencyProof(9, 9, ()), ConsistencyProof(3, 8, LOG.prove_consistency(3, 8).path)],
    ids=["from nothing", "from itself", "to another size"],
)
def test_a_consistency_proof_between_other_sizes_is_refused(consistency):
    assert refuse(replace(RECEIPT, consistency=consistency)) == "forked"


def test_a_larger_checkpoint_stored_meanwhile_asks_again_and_judges_nothing():
    for size in (5, 9):
        with pytest.raises(ReceiptOutdatedError) as caught:
            judge(RECEIPT, seen=LOG.checkpoint(size), requested=3)
        assert caught.value.code == "outdated"


def test_a_rollback_is_seen_though_a_larger_checkpoint_was_stored_meanwhile():
    assert refuse(LOG.receipt(5, size=6), seen=LOG.checkpoint(), requested=7) == "rolled_back"


def test_a_receipt_reads_back_from_its_file():
    value = json.loads(json.dumps(RECEIPT.to_json(), indent=1))
    assert Receipt.from_json(value) == RECEIPT


@quick
@given(json_values | change_value(RECEIPT.to_json()))
def test_hostile_receipt_is_refused_by_this_packages_errors_only(value):
    receipt = refuses_or_reads(Receipt.from_json, value)
    if receipt is None:
        return
    try:
        judge(receipt)
    except CustodyError:
        return
    assert canonical_json(receipt.to_json()["leaf"]) == canonical_json(RECEIPT.to_json()["leaf"])

"""A receipt judged alone."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_of_custody.policy import Policy, TrustPolicy
from chain_of_custody.receipts import Receipt
from chain_of_custody.report import render_report
from chain_of_custody.verifier import verify_file
from tests.support.custody_packages import Installation


@pytest.fixture(scope="module")
def agency(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("agency") / "data")
    installation.enrol()
    for content in (b"one", b"two"):
        installation.receive(content, evidence_id=content.hex()[:2] * 16)
    return installation


# Not a power of two, so that the proof's end can be checked without the old root.
OLD_SIZE = 3


def make_receipt(agency, subject: str) -> dict:
    entry = agency.ledger.subject_entries(subject)[0]
    size = agency.ledger.checkpoint()[0].size
    receipt = Receipt(
        entry.leaf.data,
        entry.index,
        (entry.record.open_part("received"),),
        agency.ledger.prove(entry.index),
        agency.ledger.prove_consistency(OLD_SIZE, size),
    )
    return receipt.to_json()


@pytest.fixture
def receipt(agency):
    return make_receipt(agency, "6f" * 16)


@pytest.fixture
def judge(tmp_path, agency):
    def run(value, vkey=agency.vkey):
        path = tmp_path / "receipt.json"
        path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        return verify_file(path, TrustPolicy((Policy.from_vkey(vkey),)) if vkey else None)

    return run


def test_receipt_is_proved_under_the_logs_key(judge, receipt):
    report = judge(receipt)
    assert (report.exit_code, report.kind, report.facts["size"]) == (0, "receipt", 3)


def test_what_a_receipt_leaves_open_is_said(judge, receipt):
    report = judge(receipt)
    assert {"receipt_file", "receipt_signer", "receipt_history"} <= {item.code for item in report.not_proved}
    assert "NOT PROVED" in render_report(report, "en")


def test_receipt_without_trust_cannot_be_judged(judge, receipt, agency):
    report = judge(receipt, None)
    assert (report.exit_code, report.is_consistent) == (2, True)
    # What can be compared with the agency's key is its beginning: name and hash.
    assert "+".join(agency.vkey.split("+", 2)[:2]) in render_report(report, "en")


def test_store_without_locks_is_stated(judge, receipt):
    assert "store_unprotected" in {item.code for item in judge(receipt).not_proved}


@pytest.mark.parametrize("change", [{"new_size": 5}, {"old_size": 2}, {"hashes": []}, {"hashes": "flip"}])
def test_receipt_with_a_false_consistency_proof_is_false(judge, receipt, change):
    proof = receipt["consistency"]
    if change == {"hashes": "flip"}:
        changed = bytearray(base64.b64decode(proof["hashes"][0]))
        changed[7] ^= 1
        change = {"hashes": [base64.b64encode(changed).decode(), *proof["hashes"][1:]]}
    receipt["consistency"] = {**proof, **change}
    report = judge(receipt)
    assert (report.exit_code, report.failure.where) == (1, "consistency")


def test_receipt_of_a_leaf_that_is_no_recording_is_false(judge, agency):
    subject = agency.receive(b"three", kind="casefile")
    report = judge(make_receipt(agency, subject))
    assert (report.exit_code, report.failure.where) == (1, "openings")


def test_receipt_of_another_log_is_false(judge, receipt, tmp_path):
    other = Installation(tmp_path / "other")
    assert judge(receipt, other.vkey).exit_code == 1


def test_receipt_with_another_leaf_is_false(judge, receipt, agency):
    receipt["leaf"] = make_receipt(agency, "74" * 16)["leaf"]
    assert judge(receipt).exit_code == 1


def test_receipt_with_another_opening_is_false(judge, receipt, agency):
    receipt["openings"] = make_receipt(agency, "74" * 16)["openings"]
    report = judge(receipt)
    assert (report.exit_code, report.failure.where) == (1, "openings")


def test_receipt_with_altered_size_is_false(judge, receipt):
    receipt["openings"][0]["value"]["size"] = 4
    assert judge(receipt).exit_code == 1


def test_receipt_at_another_index_is_false(judge, receipt):
    receipt["index"] += 1
    assert judge(receipt).exit_code == 1


def test_other_json_cannot_be_judged(judge):
    assert [judge(value).exit_code for value in ({}, {"v": 2}, b"{", b'{"v":1,"v":1}')] == [2, 2, 2, 2]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_mutated_receipt_is_never_proved_as_another(place, value, judge, receipt):
    raw = bytearray(json.dumps(receipt).encode())
    raw[int(place * len(raw))] = value
    if judge(bytes(raw)).exit_code == 0:
        assert json.loads(raw) == receipt

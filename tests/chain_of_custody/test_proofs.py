"""Log proofs and consistency proofs."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.proofs import ConsistencyProof, LogProof, parse_log_proof, verify_log_proof
from tests.support.hostile import change_value, hostile_bytes, json_values, quick, refuses_or_reads
from tests.support.naive_log import NaiveLog

LOG = NaiveLog()
for number in range(11):
    LOG.receive(b"file %d" % number)
PROOF = LOG.prove(4)
VERIFIERS = [LOG.signer.verifier]
HASHES = st.binary(min_size=32, max_size=32)


def test_a_proof_reads_back_and_holds():
    again = parse_log_proof(PROOF.to_bytes())
    assert again == PROOF == parse_log_proof(PROOF.to_text())
    assert verify_log_proof(again, LOG.leaves[4], VERIFIERS, LOG.origin) == LOG.checkpoint()


def test_the_text_is_that_of_tlog_proof():
    lines = PROOF.to_text().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 4"]
    assert lines[2 : lines.index("")] == [base64.b64encode(item).decode() for item in PROOF.path]
    assert "\n".join(lines[lines.index("") + 1 :]).encode() == LOG.note()


def test_an_extra_line_is_read_and_proves_nothing():
    text = PROOF.to_text().replace("index 4", "extra AAAA\nindex 4")
    assert parse_log_proof(text) == PROOF


@quick
@given(st.integers(0, 2**53 - 1), st.lists(HASHES, max_size=63).map(tuple))
def test_any_proof_reads_back(index, path):
    proof = LogProof(index, path, LOG.note())
    assert parse_log_proof(proof.to_bytes()) == proof


@quick
@given(hostile_bytes(PROOF.to_bytes()))
def test_hostile_bytes_are_read_or_refused(data):
    proof = refuses_or_reads(parse_log_proof, data)
    if proof is not None:
        try:
            verify_log_proof(proof, LOG.leaves[4], VERIFIERS, LOG.origin)
        except (MalformedError, VerificationError):
            return
        assert (proof.index, proof.path) == (PROOF.index, PROOF.path)


@quick
@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_hostile_text_is_read_or_refused_as_malformed(text):
    refuses_or_reads(parse_log_proof, text)
    refuses_or_reads(parse_log_proof, f"c2sp.org/tlog-proof@v1\nindex {text}\n\n")


@pytest.mark.parametrize(
    "change",
    [
        ("proof@v1", "proof@v2"),
        ("index 4", "index 04"),
        ("index 4", "index -4"),
        ("index 4", "index ٤"),
        ("index 4", "index 9007199254740992"),
        ("index 4\n", ""),
        ("index 4", "extra A\nindex 4"),
        ("index 4", "index 4\nAAAA"),
        ("index 4", "index 4\n" + "\n".join([base64.b64encode(bytes(32)).decode()] * 64)),
        ("\n\n", "\n"),
    ],
    ids=range(10),
)
def test_what_is_no_proof_is_refused(change):
    text = PROOF.to_text().replace(*change)
    assert text != PROOF.to_text()
    with pytest.raises(MalformedError):
        parse_log_proof(text if change[0] != "\n\n" else text.replace("\n\n", "\n"))


def test_two_swapped_proofs_are_refused():
    for index, leaf in ((5, LOG.leaves[4]), (4, LOG.leaves[5])):
        with pytest.raises(VerificationError) as caught:
            verify_log_proof(LOG.prove(index), leaf, VERIFIERS, LOG.origin)
        assert caught.value.code == "not_included"


def test_a_consistency_proof_reads_back():
    proof = LOG.prove_consistency(3)
    assert proof.path
    assert ConsistencyProof.from_json(proof.to_json()) == proof


@quick
@given(json_values | change_value(LOG.prove_consistency(3).to_json()))
def test_hostile_consistency_proof_is_read_or_refused_as_malformed(value):
    proof = refuses_or_reads(ConsistencyProof.from_json, value)
    assert proof is None or proof.to_json() == value


@pytest.mark.parametrize(
    "change",
    [
        {"old_size": 12},
        {"old_size": -1},
        {"new_size": 2**53},
        {"old_size": True},
        {"hashes": ["AAAA"]},
        {"hashes": [base64.b64encode(bytes(32)).decode()] * 65},
    ],
)
def test_a_consistency_proof_of_another_form_is_refused(change):
    with pytest.raises(MalformedError):
        ConsistencyProof.from_json({**LOG.prove_consistency(3).to_json(), **change})

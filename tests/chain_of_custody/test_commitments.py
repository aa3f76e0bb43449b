"""Commitments and openings."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.canonical import canonical_json
from chain_of_custody.commitments import Opening, check_label, commit, new_salt, verify_opening
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.records import make_record
from tests.support.hostile import change_value, clean_values, json_values, quick, refuses_or_reads

OPENING = Opening("received", bytes(range(32)), {"size": 1, "name": "é"})
LABELS = st.from_regex(r"\A[a-z][a-z0-9_]{0,63}\Z")


@quick
@given(LABELS, st.binary(min_size=32, max_size=32), clean_values)
def test_a_commitment_is_the_hash_the_format_writes_down(label, salt, value):
    fields = (label.encode(), salt, canonical_json(value))
    framed = b"".join(struct.pack(">Q", len(field)) + field for field in fields)
    assert commit(label, salt, value) == hashlib.sha256(b"evidock/commitment/v1\n" + framed).hexdigest()


@quick
@given(LABELS, clean_values)
def test_an_opening_proves_its_commitment_and_reads_back(label, value):
    opening = Opening(label, new_salt(), value)
    again = Opening.from_json(opening.to_json())
    assert verify_opening(again, {label: opening.commitment()}) == value


def test_opening_one_part_gives_no_help_in_guessing_another():
    officers = [f"{number:06d}" for number in range(0, 1_000_000, 997)]
    record, commitments = make_record({"place": "the north gate", "officer": officers[500]})
    opened = record.open_part("place")
    # Whoever holds one opening knows its salt; if the other part shared or derived from it, one pass would find it.
    for salt in (opened.salt, hashlib.sha256(opened.salt).digest(), bytes.fromhex(commitments["place"]), bytes(32)):
        assert commitments["officer"] not in {commit("officer", salt, number) for number in officers}
    # With the officer's own salt the same search succeeds, so it is the salt alone that hides the number.
    own = record.open_part("officer").salt
    assert own != opened.salt
    assert commitments["officer"] in {commit("officer", own, number) for number in officers}


def test_equal_parts_have_unequal_commitments():
    commitments = [make_record({"officer": "123456", "witness": "123456"})[1] for _ in range(20)]
    assert len({value for pair in commitments for value in pair.values()}) == 40


@pytest.mark.parametrize("change", ["label", "salt", "value"])
def test_an_altered_opening_is_refused(change):
    commitments = {"received": OPENING.commitment(), "findings": "0" * 64}
    altered = {
        "label": Opening("findings", OPENING.salt, OPENING.value),
        "salt": Opening("received", bytes(32), OPENING.value),
        "value": Opening("received", OPENING.salt, {"size": 2, "name": "é"}),
    }
    with pytest.raises(VerificationError) as caught:
        verify_opening(altered[change], commitments)
    assert caught.value.code == "bad_opening"


def test_an_opening_of_a_part_the_leaf_lacks_is_refused():
    with pytest.raises(VerificationError, match="commits to no part"):
        verify_opening(OPENING, {})


@quick
@given(json_values | change_value(OPENING.to_json()))
def test_hostile_opening_is_read_or_refused_as_malformed(value):
    refuses_or_reads(Opening.from_json, value)


@pytest.mark.parametrize("label", ["", "A", "a b", "1a", "_a", "é", "a" * 65, None, "a-b"])
def test_what_is_no_label_is_refused(label):
    with pytest.raises(MalformedError):
        check_label(label)

"""Records."""

import json

import pytest
from hypothesis import given

from chain_of_custody.canonical import canonical_json
from chain_of_custody.errors import MalformedError
from chain_of_custody.records import Record, make_record
from tests.support.hostile import change_value, json_values, quick, refuses_or_reads

PARTS = {"actor": {"kind": "operator", "name": "operator kim@station"}, "reason": "court", "findings": []}
RECORD, COMMITMENTS = make_record(PARTS)


def test_a_record_reads_back_with_the_same_commitments():
    again = Record.from_json(json.loads(canonical_json(RECORD.to_json())))
    assert again == RECORD
    assert again.commitments() == COMMITMENTS
    assert {label: again.value(label) for label in PARTS} == PARTS


def test_a_part_that_is_not_there_is_none():
    assert RECORD.value("received") is None
    with pytest.raises(KeyError):
        RECORD.open_part("received")


def test_each_part_has_its_own_salt():
    assert len({opening.salt for opening in RECORD.parts.values()}) == len(PARTS)


def test_a_part_cannot_rename_itself():
    stored = RECORD.to_json()
    # A label inside a part would let one part be opened under another's name.
    with pytest.raises(MalformedError):
        Record.from_json({"reason": {**stored["reason"], "label": "actor"}})


@quick
@given(json_values | change_value(RECORD.to_json()))
def test_hostile_record_is_read_or_refused_as_malformed(value):
    refuses_or_reads(Record.from_json, value)

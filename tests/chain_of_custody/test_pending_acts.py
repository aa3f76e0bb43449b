"""Acts handed over by another process: what is no act is refused before anything of it is committed."""

import json

import pytest
from hypothesis import given

from chain_of_custody.errors import MalformedError
from chain_of_custody.leaves import parse_leaf
from chain_of_custody.pending_acts import decode_act, encode_act
from chain_of_custody.stores.memory import MemoryCheckpointLock, MemoryLedgerStore
from tests.support.hostile import change_value, json_values, quick
from tests.support.ledgers import make_act, make_draft, make_sequencer
from tests.support.naive_log import make_id

DEVICE = {"key": "d" * 64, "counter": 7, "time": "2026-03-04T05:06:06.000000Z"}
ACT = make_act(make_draft(make_id("a"), claims=("recording:1",)), make_draft(make_id("b"), expects_heads={"c" * 32: 0}))
EVENTS = json.loads(encode_act(ACT))


def test_act_reads_back_as_it_was_handed_over():
    assert encode_act(decode_act(encode_act(ACT))) == encode_act(ACT)
    again = decode_act(encode_act(ACT))
    assert [event.commitments for event in again] == [event.commitments for event in ACT]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "received"},
        {"subject": "x"},
        {"subject_kind": "camera"},
        {"actor": "kim"},
        {"device": {**DEVICE, "key": "short"}},
        {"event_id": "1"},
        {"act_id": "f" * 32},
        {"expected_version": "1"},
        {"expects_heads": {"c" * 32: "many"}},
        {"claims": [1]},
        {"record": {"Actor": {"salt": "", "value": 1}}},
    ],
)
def test_event_in_another_form_is_malformed(change):
    with pytest.raises(MalformedError):
        decode_act(json.dumps([EVENTS[0], {**EVENTS[1], **change}]))


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", "[{}]", "null", "[" * 200_000, '["\\ud800"]'])
def test_text_that_is_no_act_is_malformed(text):
    with pytest.raises(MalformedError):
        decode_act(text)


@quick
@given(change_value(EVENTS) | json_values)
def test_hostile_act_is_refused_or_recorded_and_never_stops_the_ledger(value):
    store = MemoryLedgerStore()
    sequencer = make_sequencer(store, MemoryCheckpointLock())
    try:
        act = decode_act(json.dumps(value))
    except MalformedError:
        return
    outcome = sequencer.integrate([act, make_act()])
    assert len(outcome[1]) == 1
    for stored in store.read_leaves(0, 10):
        parse_leaf(stored.leaf)

"""Leaf version 1."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.canonical import canonical_json
from chain_of_custody.dsse import sign_envelope
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.leaves import (
    LEAF_TYPE,
    MAX_LEAF_BYTES,
    READING_EVENTS,
    SUBJECT_KINDS,
    check_event_type,
    is_changing,
    leaf_digest,
    parse_leaf,
    verify_leaf,
)
from tests.support.hostile import change_value, hostile_bytes, json_values, quick, refuses_or_reads
from tests.support.naive_log import NaiveLog, make_id, make_key, make_opening

LOG = NaiveLog()
SUBJECT = make_id("recording")
DEVICE = {"key": "d" * 64, "counter": 7, "time": "2026-11-24T07:59:59.000000Z"}
ANCHOR = {"size": 3, "root": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
FIRST = LOG.append("recording.received", SUBJECT, "recording", make_opening("received", {"size": 1}), device=DEVICE)
SECOND = LOG.append("recording.viewed", SUBJECT, "recording", anchor=ANCHOR)
PAYLOAD = json.loads(SECOND.envelope.payload)


def sign(payload: object) -> bytes:
    """A leaf's bytes around any payload, properly signed."""
    data = payload if isinstance(payload, bytes) else canonical_json(payload)
    return sign_envelope(LEAF_TYPE, data, LOG.event_key).to_bytes()


@pytest.mark.parametrize("leaf", [FIRST, SECOND], ids=["first", "second"])
def test_a_built_leaf_reads_back_field_by_field(leaf):
    assert parse_leaf(leaf.data) == leaf
    verify_leaf(parse_leaf(leaf.data), LOG.event_key.public)


def test_the_bytes_are_the_canonical_form_of_the_envelope():
    assert FIRST.data == FIRST.envelope.to_bytes() == canonical_json(json.loads(FIRST.data))


def test_a_leaf_names_the_one_before_it():
    assert (FIRST.seq, FIRST.prev, SECOND.seq, SECOND.prev) == (1, None, 2, leaf_digest(FIRST.data))


def test_the_payload_has_exactly_the_fields_of_the_format():
    assert sorted(PAYLOAD) == sorted(
        [
            "v",
            "origin",
            "type",
            "event_id",
            "subject",
            "subject_kind",
            "seq",
            "prev",
            "act_id",
            "time",
            "actor",
            "device",
            "anchor",
            "commitments",
        ]
    )


def test_a_leaf_by_another_key_is_refused():
    with pytest.raises(VerificationError):
        verify_leaf(FIRST, make_key("other").public)


@pytest.mark.parametrize("field", sorted(PAYLOAD))
def test_a_leaf_without_a_field_is_refused(field):
    with pytest.raises(MalformedError):
        parse_leaf(sign({name: value for name, value in PAYLOAD.items() if name != field}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("v", True),
        ("origin", "Example.org"),
        ("origin", "a//b"),
        ("origin", ""),
        ("origin", "a" * 256),
        ("type", "received"),
        ("type", "recording.Received"),
        ("type", "recording.received\n"),
        ("event_id", "A" * 32),
        ("subject", make_id("x")[:31]),
        ("subject_kind", "camera"),
        ("subject_kind", ["recording"]),
        ("seq", 0),
        ("seq", True),
        ("seq", "2"),
        ("seq", 1),
        ("prev", None),
        ("prev", "0" * 63),
        ("act_id", None),
        ("time", "2026-11-24T08:00:00Z"),
        ("actor", "kim"),
        ("device", {}),
        ("device", {**DEVICE, "counter": -1}),
        ("device", {**DEVICE, "key": "d" * 63}),
        ("device", {**DEVICE, "name": "Desk 1"}),
        ("anchor", {"size": 1}),
        ("anchor", {**ANCHOR, "root": "AAAA"}),
        ("commitments", []),
        ("commitments", {"received": "0" * 63}),
        ("commitments", {"Received": "0" * 64}),
        ("reason", "an unknown field"),
    ],
    ids=str,
)
def test_a_field_of_another_form_is_refused_though_signed(field, value):
    with pytest.raises(MalformedError):
        parse_leaf(sign({**PAYLOAD, field: value}))


def test_a_payload_or_envelope_in_another_encoding_is_refused():
    spaced = json.dumps(PAYLOAD).encode()
    for data in (sign(spaced), FIRST.data + b"\n", FIRST.data.replace(b'","', b'", "')):
        with pytest.raises(MalformedError):
            parse_leaf(data)


def test_another_type_of_envelope_is_no_leaf():
    with pytest.raises(MalformedError, match="not a leaf"):
        parse_leaf(sign_envelope("text/plain", FIRST.envelope.payload, LOG.event_key).to_bytes())


def test_the_longest_leaf_that_fits_8_kib_is_built_and_read_and_the_next_is_not():
    many = {f"part{number}": "0" * 64 for number in range(72)}
    sizes = []
    for length in range(1, 65):
        log = NaiveLog()
        try:
            leaf = log.append("recording.received", SUBJECT, "recording", commitments={**many, "p" * length: "0" * 64})
        except MalformedError:
            break
        sizes.append(len(parse_leaf(leaf.data).data))
    # Base64 grows by four characters, so of the lengths around the limit only these two occur.
    assert (max(sizes), max(sizes) + 4 > MAX_LEAF_BYTES) == (8189, True)


def test_a_leaf_over_8_kib_is_neither_built_nor_read():
    many = {f"part{number}": "0" * 64 for number in range(100)}
    with pytest.raises(MalformedError, match=str(MAX_LEAF_BYTES)):
        NaiveLog().append("recording.received", SUBJECT, "recording", commitments=many)
    with pytest.raises(MalformedError, match=str(MAX_LEAF_BYTES)):
        parse_leaf(sign({**PAYLOAD, "commitments": many}))


@quick
@given(hostile_bytes(FIRST.data, SECOND.data))
def test_hostile_bytes_are_read_or_refused_as_malformed(data):
    leaf = refuses_or_reads(parse_leaf, data)
    assert leaf is None or leaf.data == data


@quick
@given(change_value(PAYLOAD))
def test_a_signed_payload_with_anything_in_it_is_read_or_refused_as_malformed(payload):
    try:
        data = sign(payload)
    except MalformedError:
        return
    refuses_or_reads(parse_leaf, data)


@quick
@given(st.integers(0, len(FIRST.data) * 8 - 1))
def test_a_flipped_bit_is_noticed(bit):
    data = bytearray(FIRST.data)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises((MalformedError, VerificationError)):
        verify_leaf(parse_leaf(bytes(data)), LOG.event_key.public)


def test_reading_events_are_the_only_ones_that_do_not_change_a_subject():
    assert not is_changing("recording.viewed")
    assert is_changing("recording.received")
    assert all(check_event_type(name) == name for name in READING_EVENTS)
    assert "recording" in SUBJECT_KINDS


@quick
@given(json_values)
def test_hostile_event_type_is_read_or_refused_as_malformed(value):
    refuses_or_reads(check_event_type, value)

"""DSSE envelopes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.dsse import Envelope, decode_base64, pae, parse_envelope, sign_envelope, verify_envelope
from chain_of_custody.errors import MalformedError, VerificationError
from tests.support.hostile import change_value, hostile_bytes, json_values, quick, refuses_or_reads
from tests.support.naive_log import make_key

KEY = make_key("dsse")
ENVELOPE = sign_envelope("http://example.com/HelloWorld", b"hello world", KEY)


def test_encoding_that_is_signed_is_that_of_the_dsse_protocol():
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_an_envelope_reads_back_and_is_proved():
    again = parse_envelope(ENVELOPE.to_bytes())
    assert again == ENVELOPE == parse_envelope(ENVELOPE.to_json())
    assert verify_envelope(again, KEY.public, ENVELOPE.payload_type) == b"hello world"


@pytest.mark.parametrize("field", ["payload", "payload_type", "key_id", "signature"])
def test_an_altered_envelope_is_refused(field):
    values = {name: getattr(ENVELOPE, name) for name in ("payload_type", "payload", "key_id", "signature")}
    changed = {"payload": b"hello World", "payload_type": "text/plain", "key_id": "0" * 64, "signature": bytes(64)}
    with pytest.raises(VerificationError):
        verify_envelope(
            Envelope(**{**values, field: changed[field]}),
            KEY.public,
            changed["payload_type"] if field == "payload_type" else ENVELOPE.payload_type,
        )


def test_an_envelope_of_another_type_is_refused_though_its_signature_holds():
    with pytest.raises(VerificationError, match="signed as") as caught:
        verify_envelope(ENVELOPE, KEY.public, "text/plain")
    assert caught.value.code == "wrong_type"


def test_an_envelope_by_another_key_is_refused_by_name():
    with pytest.raises(VerificationError) as caught:
        verify_envelope(ENVELOPE, make_key("other").public, ENVELOPE.payload_type)
    assert caught.value.code == "wrong_key"


def test_two_signatures_or_none_are_refused():
    value = ENVELOPE.to_json()
    for signatures in ([], value["signatures"] * 2):
        with pytest.raises(MalformedError):
            parse_envelope({**value, "signatures": signatures})


@quick
@given(hostile_bytes(ENVELOPE.to_bytes()))
def test_hostile_bytes_are_read_or_refused_as_malformed(data):
    refuses_or_reads(parse_envelope, data)


@quick
@given(json_values.filter(lambda value: not isinstance(value, bytes)) | change_value(json.loads(ENVELOPE.to_bytes())))
def test_hostile_value_is_read_or_refused_as_malformed(value):
    refuses_or_reads(parse_envelope, value)


@quick
@given(st.binary(max_size=50))
def test_base64_has_one_form(data):
    import base64

    assert decode_base64(base64.b64encode(data).decode()) == data


@pytest.mark.parametrize(
    "text", ["AA", "AAA", "AB==", "AAB=", "AA==\n", "A A=", "-_8=", "é===", "====", None, b"AAAA", "\ud800"]
)
def test_other_forms_of_base64_are_refused(text):
    with pytest.raises(MalformedError):
        decode_base64(text)

"""Enrolment: codes as people type them, and proofs over what both sides see."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.enrolment import (
    Transcript,
    derive_key,
    find_code_id,
    make_mac,
    new_code,
    new_nonce,
    parse_code,
    read_spki_digest,
    verify_mac,
)
from chain_of_custody.errors import MalformedError, VerificationError
from tests.support.hostile import hostile_bytes, quick, refuses_or_reads

SEEN = Transcript("ledger.example.org/a/2026", "vkey", "1" * 64, "2" * 64, "3" * 64, "4" * 64, None)
KEY = derive_key(bytes(16))


def test_code_is_read_as_people_type_it():
    code = new_code()
    assert len(parse_code(code)) == 16
    assert {parse_code(text) for text in (code.lower(), code.replace("-", " "), f" {code.replace('-', '')}\n")} == {
        parse_code(code)
    }


def test_codes_and_nonces_are_fresh():
    assert len({new_code() for _ in range(20)} | {new_nonce() for _ in range(20)}) == 40


def test_key_and_its_name_follow_from_the_code():
    assert derive_key(bytes(16)) == KEY != derive_key(b"\x01" + bytes(15))
    assert len(find_code_id(KEY)) == 16


@pytest.mark.parametrize("text", ["", "A" * 25, "A" * 27, "1" * 26, "é" * 26, "A" * 32])
def test_what_is_no_code_is_refused(text):
    with pytest.raises(MalformedError):
        parse_code(text)


@quick
@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_hostile_code_is_read_or_refused_as_malformed(text):
    refuses_or_reads(parse_code, text)


@pytest.mark.parametrize("side", ["dock", "server"])
def test_proof_of_one_side_is_not_the_others(side):
    mac = make_mac(KEY, side, SEEN)
    verify_mac(KEY, side, SEEN, mac)
    with pytest.raises(VerificationError):
        verify_mac(KEY, "server" if side == "dock" else "dock", SEEN, mac)


def test_proof_under_another_code_is_refused():
    with pytest.raises(VerificationError):
        verify_mac(derive_key(b"\x01" * 16), "dock", SEEN, make_mac(KEY, "dock", SEEN))


@pytest.mark.parametrize("name", [field.name for field in fields(Transcript)])
def test_somebody_in_between_who_changes_anything_is_noticed(name):
    with pytest.raises(VerificationError):
        verify_mac(KEY, "dock", replace(SEEN, **{name: "5" * 64}), make_mac(KEY, "dock", SEEN))


@quick
@given(st.text(st.characters(exclude_categories=()), max_size=70))
def test_hostile_proof_is_refused(mac):
    with pytest.raises(VerificationError):
        verify_mac(KEY, "dock", SEEN, mac)


@quick
@given(hostile_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"0\x82\x01\x00"))
def test_hostile_certificate_is_refused_as_malformed(data):
    with pytest.raises(MalformedError):
        read_spki_digest(data)

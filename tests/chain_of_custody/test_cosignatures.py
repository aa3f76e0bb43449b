"""Witnesses' cosignatures (C2SP tlog-cosignature)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.cosignatures import COSIGNATURE, WitnessKey, find_cosignatures, parse_witness_vkey
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.note import LogSigner, sign_note
from tests.support.hostile import quick, refuses_or_reads
from tests.support.naive_log import make_key

TEXT = "ledger.example.org/agency/2026\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
NOTE = sign_note(TEXT, [LogSigner("ledger.example.org/agency/2026", make_key("log"))])
SIGNER = make_key("witness")
WITNESS = WitnessKey("witness.example/w1", SIGNER.public)


def format_vkey(witness: WitnessKey, kind: int = COSIGNATURE) -> str:
    return f"{witness.name}+{witness.note_id.hex()}+{base64.b64encode(bytes([kind]) + witness.key.raw).decode()}"


def cosign(text: str = TEXT, time_s: int = 1_764_000_000, length: int = 72) -> bytes:
    signed = f"cosignature/v1\ntime {time_s}\n{text}".encode()
    blob = WITNESS.note_id + (time_s.to_bytes(8, "big") + SIGNER.sign(signed))[:length]
    return NOTE + f"\u2014 {WITNESS.name} {base64.b64encode(blob).decode()}\n".encode()


def test_cosignature_is_found_with_its_time():
    assert [(item.witness, item.time_s) for item in find_cosignatures(cosign(), [WITNESS])] == [
        (WITNESS, 1_764_000_000)
    ]


def test_witness_nobody_knows_is_ignored():
    assert find_cosignatures(cosign(), []) == ()


@pytest.mark.parametrize("note", [cosign("another text\n"), cosign(length=71)])
def test_false_cosignature_of_a_known_witness_refuses_the_note(note):
    with pytest.raises(VerificationError) as caught:
        find_cosignatures(note, [WITNESS])
    assert caught.value.code == "bad_cosignature"


def test_verifier_key_of_a_witness_is_read():
    assert parse_witness_vkey(format_vkey(WITNESS)) == WITNESS


@pytest.mark.parametrize("text", ["", "a+b", format_vkey(WITNESS, 1), format_vkey(WITNESS).replace("w1", "w2")])
def test_other_key_is_malformed(text):
    with pytest.raises(MalformedError):
        parse_witness_vkey(text)


@quick
@given(st.text(st.characters(exclude_categories=()), max_size=120))
def test_hostile_key_is_read_or_refused_as_malformed(text):
    refuses_or_reads(parse_witness_vkey, text)
    refuses_or_reads(parse_witness_vkey, f"{text}+{format_vkey(WITNESS).partition('+')[2]}")

"""Policies, witnesses and quorums (C2SP tlog-policy, tlog-cosignature)."""

import base64
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.checkpoint import Checkpoint, sign_checkpoint
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.note import LogSigner, Verifier, format_vkey
from chain_of_custody.policy import TrustPolicy, format_policy, parse_policy
from chain_of_custody.signing import SigningKey

ORIGIN = "ledger.example.org/agency/2025"
LOG_KEY = SigningKey.from_seed(b"\x01" * 32)
LOG_VKEY = format_vkey(Verifier(ORIGIN, LOG_KEY.public))
WITNESSES = {name: SigningKey.from_seed(bytes([number]) * 32) for number, name in enumerate(("w1", "w2", "w3"), 2)}
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 7, b"\x05" * 32), LogSigner(ORIGIN, LOG_KEY))
NAMES = "".join(f"witness {name} {{{name}}} https://w.example/\n" for name in WITNESSES)


def key_id(name: str) -> bytes:
    return hashlib.sha256(f"{name}.example".encode() + b"\n\x04" + WITNESSES[name].public.raw).digest()[:4]


def witness_vkey(name: str) -> str:
    encoded = base64.b64encode(b"\x04" + WITNESSES[name].public.raw).decode()
    return f"{name}.example+{key_id(name).hex()}+{encoded}"


def cosign(note: bytes, name: str, *, time_s: int = 1_700_000_000, text: bytes | None = None) -> bytes:
    signed = note.rpartition(b"\n\n")[0] + b"\n" if text is None else text
    signature = WITNESSES[name].sign(b"cosignature/v1\ntime %d\n" % time_s + signed)
    blob = base64.b64encode(key_id(name) + time_s.to_bytes(8, "big") + signature).decode()
    return note + f"— {name}.example {blob}\n".encode()


def make_policy(text: str):
    return parse_policy(text.format(log=LOG_VKEY, **{name: witness_vkey(name) for name in WITNESSES}).encode())


TWO_OF_THREE = "log {log}\n" + NAMES + "group all-of-them 2 w1 w2 w3\nquorum all-of-them\n"


def test_log_signature_alone_is_enough_without_quorum():
    trusted = TrustPolicy((make_policy("log {log} https://l.example/\n\n# none\nquorum none\n"),)).verify(NOTE)
    assert (trusted.checkpoint.size, trusted.quorum_demanded) == (7, False)


def test_quorum_is_met_by_enough_witnesses():
    trusted = TrustPolicy((make_policy(TWO_OF_THREE),)).verify(cosign(cosign(NOTE, "w1"), "w3"))
    assert sorted(item.witness.name for item in trusted.cosignatures) == ["w1.example", "w3.example"]


def test_quorum_is_missed_by_one_witness_twice():
    with pytest.raises(VerificationError, match="quorum"):
        TrustPolicy((make_policy(TWO_OF_THREE),)).verify(cosign(cosign(NOTE, "w1"), "w1", time_s=1_700_000_001))


def test_false_cosignature_refuses_the_whole_note():
    note = cosign(cosign(cosign(NOTE, "w1"), "w2"), "w3", text=b"another checkpoint\n")
    with pytest.raises(VerificationError):
        TrustPolicy((make_policy(TWO_OF_THREE),)).verify(note)


def test_cosignature_at_another_time_is_false():
    note = cosign(NOTE, "w1")
    blob = note.rsplit(b" ", 1)[1].strip()
    raw = bytearray(base64.b64decode(blob))
    raw[11] ^= 1
    with pytest.raises(VerificationError):
        TrustPolicy((make_policy("log {log}\n" + NAMES + "quorum w1\n"),)).verify(
            note.replace(blob, base64.b64encode(bytes(raw)))
        )


def test_key_given_by_hand_does_not_weaken_a_policy_beside_it():
    trust = TrustPolicy((make_policy(TWO_OF_THREE), make_policy("log {log}\nquorum none\n")))
    with pytest.raises(VerificationError, match="quorum"):
        trust.verify(NOTE)


def test_policy_of_another_log_does_not_speak():
    other = format_vkey(Verifier("elsewhere.example/a/2025", LOG_KEY.public))
    with pytest.raises(VerificationError, match="none of the keys"):
        TrustPolicy((parse_policy(format_policy(other)),)).verify(NOTE)


def test_nested_groups_are_judged_in_order():
    text = "log {log}\n" + NAMES + "group x any w1 w2\ngroup y all x w3\nquorum y\n"
    policy = make_policy(text)
    TrustPolicy((policy,)).verify(cosign(cosign(NOTE, "w2"), "w3"))
    with pytest.raises(VerificationError):
        TrustPolicy((policy,)).verify(cosign(cosign(NOTE, "w1"), "w2"))


@pytest.mark.parametrize(
    "text",
    [
        "log {log}\n",
        "log {log}\nquorum none\nquorum none\n",
        "log {log}\nlog {log}\nquorum none\n",
        "quorum w1\n",
        "witness w1 {w1}\nwitness w1 {w2}\nquorum none\n",
        "witness w1 {w1}\nwitness w2 {w1}\nquorum none\n",
        "witness none {w1}\nquorum none\n",
        "witness w1 {log}\nquorum none\n",
        "log {w1}\nquorum none\n",
        "group g 1\nquorum none\n",
        "witness w1 {w1}\ngroup g 2 w1\nquorum g\n",
        "witness w1 {w1}\ngroup g 0 w1\nquorum g\n",
        "witness w1 {w1}\ngroup g one w1\nquorum g\n",
        "witness w1 {w1}\ngroup g all w1\ngroup h all w1\nquorum none\n",
        "group g all w1\nwitness w1 {w1}\nquorum none\n",
        "something else\nquorum none\n",
        "log {log}\rquorum none\n",
    ],
)
def test_policy_against_its_format_is_malformed(text):
    with pytest.raises(MalformedError):
        make_policy(text)


@given(st.binary(max_size=200) | st.text("logwitnessgroupquorumneay12 +\n").map(str.encode))
def test_random_policy_is_read_or_malformed(data):
    with suppress(MalformedError):
        parse_policy(data)


@given(st.binary(max_size=200))
def test_random_note_is_never_trusted(data):
    with suppress(MalformedError, VerificationError):
        raise AssertionError(TrustPolicy((make_policy(TWO_OF_THREE),)).verify(data))

"""Checkpoints."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint_text, sign_checkpoint
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.merkle import EMPTY_ROOT
from chain_of_custody.note import LogSigner, sign_note
from tests.support.hostile import hostile_bytes, quick, refuses_or_reads
from tests.support.naive_log import ORIGIN, NaiveLog

LOG = NaiveLog()
ROOT = base64.b64encode(bytes(32)).decode()
VERIFIERS = [LOG.signer.verifier]


@quick
@given(st.integers(1, 2**53 - 1), st.binary(min_size=32, max_size=32))
def test_a_signed_checkpoint_reads_back(size, root):
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert open_checkpoint(sign_checkpoint(checkpoint, LOG.signer), VERIFIERS, ORIGIN) == checkpoint


def test_the_text_is_origin_size_and_root():
    assert Checkpoint(ORIGIN, 7, bytes(32)).text() == f"{ORIGIN}\n7\n{ROOT}\n"


def test_an_empty_log_has_the_empty_root_only():
    assert parse_checkpoint_text(Checkpoint(ORIGIN, 0, EMPTY_ROOT).text()).size == 0
    with pytest.raises(MalformedError):
        parse_checkpoint_text(Checkpoint(ORIGIN, 0, bytes(32)).text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n7\n{ROOT}",
        f"{ORIGIN}\n7\n{ROOT}\nextension\n",
        f"{ORIGIN}\n7\n{ROOT}\n\n",
        f"\n7\n{ROOT}\n",
        f"{ORIGIN}\n07\n{ROOT}\n",
        f"{ORIGIN}\n-7\n{ROOT}\n",
        f"{ORIGIN}\n+7\n{ROOT}\n",
        f"{ORIGIN}\n7 \n{ROOT}\n",
        f"{ORIGIN}\n٧\n{ROOT}\n",
        f"{ORIGIN}\n\n{ROOT}\n",
        f"{ORIGIN}\n9007199254740992\n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
        f"{ORIGIN}\n7\nAAAA\n",
        f"{ORIGIN}\n7\n{ROOT[:-2]}B=\n",
    ],
    ids=range(15),
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(MalformedError):
        parse_checkpoint_text(text)


def test_a_checkpoint_of_another_origin_is_refused_though_the_key_is_known():
    note = sign_note(f"another.example.org/log\n7\n{ROOT}\n", [LOG.signer])
    with pytest.raises(VerificationError) as caught:
        open_checkpoint(note, VERIFIERS, ORIGIN)
    assert caught.value.code == "wrong_origin"


def test_a_checkpoint_by_another_key_is_refused():
    forged = sign_checkpoint(Checkpoint(ORIGIN, 7, bytes(32)), LogSigner(ORIGIN, LOG.event_key))
    with pytest.raises(VerificationError) as caught:
        open_checkpoint(forged, VERIFIERS, ORIGIN)
    assert caught.value.code == "bad_log_signature"


@quick
@given(st.text(max_size=80) | st.from_regex(r"\A[a-z/]+\n[0-9]{1,20}\n[A-Za-z0-9+/]{40,44}=?\n\Z"))
def test_hostile_text_is_read_or_refused_as_malformed(text):
    checkpoint = refuses_or_reads(parse_checkpoint_text, text)
    assert checkpoint is None or checkpoint.text() == text


@quick
@given(hostile_bytes(sign_checkpoint(Checkpoint(ORIGIN, 7, bytes(32)), LOG.signer)))
def test_hostile_note_is_read_or_refused(data):
    with contextlib.suppress(MalformedError, VerificationError):
        assert open_checkpoint(data, VERIFIERS, ORIGIN) == Checkpoint(ORIGIN, 7, bytes(32))

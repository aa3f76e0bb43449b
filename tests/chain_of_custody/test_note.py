"""Signed notes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.note import LogSigner, check_key_name, format_vkey, open_note, parse_note, parse_vkey, sign_note
from tests.support.hostile import hostile_bytes, quick, refuses_or_reads
from tests.support.naive_log import make_key

# The example of the note format's first implementation and of C2SP signed-note.
EXAMPLE_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE = (
    b"If you think cryptography is the answer to your problem,\n"
    b"then you don't know what your problem is.\n"
    b"\n"
    b"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
    b"RZb6KE6RyyBwJnAM=\n"
)
SIGNER, OTHER = LogSigner("example.org/log", make_key("a")), LogSigner("other.example.org/log", make_key("b"))
KNOWN = [SIGNER.verifier]
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n"), max_size=80).map(lambda t: t + "\n")


def test_the_published_example_is_proved():
    verifier = parse_vkey(EXAMPLE_VKEY)
    assert format_vkey(verifier) == EXAMPLE_VKEY
    assert open_note(EXAMPLE, [verifier]).verified == ("PeterNeumann",)


@quick
@given(TEXTS)
def test_a_signed_text_reads_back(text):
    note = open_note(sign_note(text, [SIGNER]), KNOWN)
    assert (note.text, note.verified) == (text, ("example.org/log",))


@quick
@given(hostile_bytes(EXAMPLE, sign_note("text\n\nmore\n", [SIGNER, OTHER])))
def test_hostile_bytes_are_read_or_refused(data):
    refuses_or_reads(parse_note, data)
    with contextlib.suppress(MalformedError, VerificationError):
        open_note(data, KNOWN)


@quick
@given(st.text(st.characters(exclude_categories=()), max_size=80) | st.just(EXAMPLE_VKEY).map(lambda v: v[:-3] + "AAA"))
def test_hostile_vkey_is_read_or_refused_as_malformed(text):
    refuses_or_reads(parse_vkey, text)


def test_lines_of_unknown_keys_are_passed_over():
    note = sign_note("text\n", [OTHER, SIGNER])
    assert open_note(note, KNOWN).verified == ("example.org/log",)
    assert open_note(note, [*KNOWN, OTHER.verifier]).verified == ("other.example.org/log", "example.org/log")


def test_a_note_that_nobody_believed_signed_is_refused():
    with pytest.raises(VerificationError) as caught:
        open_note(sign_note("text\n", [OTHER]), KNOWN)
    assert caught.value.code == "bad_log_signature"


def test_a_known_key_that_fails_refuses_the_whole_note():
    good, bad = sign_note("text\n", [SIGNER, OTHER]), sign_note("other\n", [OTHER])
    mixed = b"\n".join([*good.split(b"\n")[:-2], bad.split(b"\n")[-2], b""])
    with pytest.raises(VerificationError, match="other"):
        open_note(mixed, [*KNOWN, OTHER.verifier])
    assert open_note(mixed, KNOWN).text == "text\n"


def test_a_same_named_key_with_another_id_is_unknown():
    impostor = LogSigner("example.org/log", make_key("impostor"))
    with pytest.raises(VerificationError, match="no believed key"):
        open_note(sign_note("text\n", [impostor]), KNOWN)


def test_the_last_empty_line_divides_text_and_signatures():
    text = "one\n\ntwo\n\n\n"
    assert open_note(sign_note(text, [SIGNER]), KNOWN).text == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        EXAMPLE[:-1],
        EXAMPLE + b"\n",
        EXAMPLE.replace(b"\n", b"\r\n"),
        EXAMPLE.replace(b"\xe2\x80\x94", b"-"),
        EXAMPLE.replace(b"PeterNeumann ", b" "),
        EXAMPLE.replace(b"PeterNeumann ", b"Peter+Neumann "),
        EXAMPLE.replace(b"nAM=", b"nAN="),
        EXAMPLE.replace(b"nAM=", b"nAM"),
        EXAMPLE.replace(b"think", b"th\x00ink"),
        EXAMPLE.replace(b"think", b"th\tink"),
        EXAMPLE.replace(b"think", b"th\xffink"),
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"x" * 70000,
        b"text\n\n" + EXAMPLE.split(b"\n")[3] * 1 + b"\n" + (EXAMPLE.split(b"\n")[3] + b"\n") * 64,
    ],
    ids=range(17),
)
def test_what_is_no_note_is_refused(data):
    with pytest.raises(MalformedError):
        parse_note(data)


def test_sixteen_signatures_are_accepted():
    signers = [LogSigner(f"witness{number}", make_key(f"w{number}")) for number in range(16)]
    assert len(parse_note(sign_note("text\n", signers))[1]) == 16


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name+c74f20a3",
        EXAMPLE_VKEY.replace("c74f20a3", "c74f20a4"),
        EXAMPLE_VKEY.replace("Peter", "Paul"),
        EXAMPLE_VKEY.replace("ARpc", "BBpc"),
        EXAMPLE_VKEY.replace("TW", "T"),
        "\udcff+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_what_is_no_vkey_is_refused(vkey):
    with pytest.raises(MalformedError):
        parse_vkey(vkey)


@pytest.mark.parametrize("text", ["no line feed", "tab\t\n", "nul\0\n", ""])
def test_a_text_no_note_can_hold_is_not_signed(text):
    with pytest.raises(MalformedError):
        sign_note(text, [SIGNER])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x01b", "\ud800"])
def test_a_name_no_key_can_have_is_refused(name):
    with pytest.raises(MalformedError):
        check_key_name(name)
    with pytest.raises(MalformedError):
        sign_note("text\n", [LogSigner(name, SIGNER.key)])

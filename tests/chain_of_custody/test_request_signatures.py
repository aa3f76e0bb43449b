"""Signed requests of docks: what exactly is covered, and what strangers may put into the headers."""

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.request_signatures import MAX_AGE, read_request_signature, sign_request, verify_request
from tests.support.hostile import quick
from tests.support.naive_log import make_key

KEY = make_key("dock")
NOW = dt.datetime(2026, 11, 24, 8, 0, 0, tzinfo=dt.UTC)
URL, BODY, NONCE = "https://server.example/api/intakes?part=1", b'{"a":1}', "n" * 22
HEADERS = sign_request("POST", URL, BODY, KEY, created=NOW, nonce=NONCE)


def judge(method="POST", url=URL, headers=HEADERS, body=BODY, key=KEY, now=NOW):
    return verify_request(method, url, headers, body, key.public, now=now)


def test_signed_request_is_proved():
    assert judge().nonce == NONCE


def test_request_with_an_empty_body_is_signed_too():
    headers = sign_request("GET", URL, b"", KEY, created=NOW, nonce=NONCE)
    assert judge("GET", headers=headers, body=b"").key_id == KEY.public.key_id


def test_host_is_not_covered_since_a_proxy_may_change_it():
    judge(url=URL.replace("server.example", "10.0.0.1:8400"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"method": "PUT"}, "bad_signature"),
        ({"url": URL.replace("intakes", "intake")}, "bad_signature"),
        ({"url": URL + "0"}, "bad_signature"),
        ({"url": URL.partition("?")[0]}, "bad_signature"),
        ({"body": b'{"a":2}'}, "bad_digest"),
        ({"body": b""}, "bad_digest"),
        ({"key": make_key("other")}, "bad_signature"),
        ({"now": NOW + MAX_AGE + dt.timedelta(seconds=1)}, "bad_time"),
        ({"now": NOW - MAX_AGE - dt.timedelta(seconds=1)}, "bad_time"),
    ],
)
def test_altered_request_is_refused(change, code):
    with pytest.raises(VerificationError) as caught:
        judge(**change)
    assert caught.value.code == code


def test_request_within_300_seconds_is_taken():
    for offset in (MAX_AGE, -MAX_AGE):
        judge(now=NOW + offset)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"content-digest"', ""),
        ('"@query" ', ""),
        ('"@method" "@path"', '"@path" "@method"'),
        ('"@method"', '"@method" "@authority"'),
        ('"@path"', '"@path";req'),
        (';tag="evidock-dock-v1"', ""),
        ('tag="evidock-dock-v1"', 'tag="other"'),
        (';alg="ed25519"', ""),
        ('alg="ed25519"', 'alg="hmac-sha256"'),
        (f';nonce="{NONCE}"', ""),
        (NONCE, "short"),
        (NONCE, "n" * 65),
        (";created=", ";expires="),
        (f";created={int(NOW.timestamp())}", f";created={int(NOW.timestamp())}.5"),
        (KEY.public.key_id, KEY.public.key_id.upper()),
    ],
)
def test_signature_that_covers_anything_else_is_malformed(old, new):
    name = next(name for name in HEADERS if name.lower() == "signature-input")
    assert old in HEADERS[name]
    with pytest.raises(MalformedError):
        judge(headers={**HEADERS, name: HEADERS[name].replace(old, new, 1)})


def test_second_signature_is_malformed():
    headers = {
        name: f"{value}, {value.replace('dock=', 'more=', 1)}" if name.lower().startswith("signature") else value
        for name, value in HEADERS.items()
    }
    with pytest.raises(MalformedError):
        judge(headers=headers)


@pytest.mark.parametrize("missing", sorted(HEADERS))
def test_request_without_one_of_its_headers_is_refused(missing):
    with pytest.raises((MalformedError, VerificationError)):
        judge(headers={name: value for name, value in HEADERS.items() if name != missing})


# What an HTTP server hands over: bytes read as Latin-1.
HEADER_TEXTS = st.text(st.characters(max_codepoint=255), max_size=60)


def changed_text(text: str) -> st.SearchStrategy[str]:
    place = st.integers(0, len(text))
    return st.builds(lambda at, cut, put: text[:at] + put + text[at + cut :], place, st.integers(0, 30), HEADER_TEXTS)


@quick
@given(st.data())
def test_hostile_headers_are_refused_as_ours_or_mean_the_same(data):
    headers = {name: data.draw(st.just(value) | changed_text(value) | HEADER_TEXTS) for name, value in HEADERS.items()}
    with suppress(MalformedError):
        read_request_signature(headers)
    try:
        found = judge(headers=headers)
    except (MalformedError, VerificationError):
        return
    assert (found.key_id, found.nonce, found.created) == (KEY.public.key_id, NONCE, int(NOW.timestamp()))

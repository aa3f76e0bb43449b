"""Signatures against the published example, and part requests that bind what they must."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minio.credentials.credentials import Credentials

from ingest_server.store.signing import (
    EMPTY_SHA256,
    build_url,
    composite_checksum,
    encode_checksum,
    object_path,
    sign_headers,
    sign_part_request,
)

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
THEN = datetime(2013, 5, 24, tzinfo=UTC)


def test_the_signature_is_that_of_the_published_example() -> None:
    signed = sign_headers(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {"Range": "bytes=0-9"},
        sha256_hex=EMPTY_SHA256,
        keys=KEYS,
        region="us-east-1",
        now=THEN,
    )
    assert signed["authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def test_a_part_request_signs_all_that_the_format_names() -> None:
    request = sign_part_request("https://s:9000", "/b/k", "u+/=", 3, 7, "0" * 64, keys=KEYS, region="r", now=THEN)
    assert (
        "SignedHeaders=content-length;host;x-amz-checksum-sha256;x-amz-content-sha256;x-amz-date,"
        in (request.headers["authorization"])
    )
    assert (request.method, request.number) == ("PUT", 3)
    assert parse_qs(urlsplit(request.url).query) == {"partNumber": ["3"], "uploadId": ["u+/="]}


def test_a_session_token_is_signed() -> None:
    keys = Credentials("a", "b", session_token="token")
    signed = sign_headers("GET", "http://h/", {}, sha256_hex=EMPTY_SHA256, keys=keys, region="r", now=THEN)
    assert "x-amz-security-token" in signed["authorization"]


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 66, "A" * 64, "zz" * 32])
def test_a_digest_that_is_none_is_not_encoded(digest: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        encode_checksum(digest)


def test_the_composite_checksum_is_the_one_minio_reported() -> None:
    assert composite_checksum([EMPTY_SHA256]) == "Xfbg4nYTWdMKgnUFjimfzAOBU0VF9Vz0PkGYP11MlFY=-1"


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=9), max_size=4))
def test_any_query_survives_the_url(query: dict[str, str]) -> None:
    url = build_url("http://h", "/p", query)
    parsed = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert parsed == {name: [value] for name, value in query.items()}


@pytest.mark.parametrize("key", ["../x", "A", "a b", "a/", "/a"])
def test_an_object_path_is_made_of_store_keys_only(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        object_path("b", key)

"""Addresses and names that are refused before anything is connected."""

from __future__ import annotations

import pytest

from ingest_server.store import S3Settings, StoreSecrets


def test_what_is_not_given_follows_from_the_rest() -> None:
    settings = S3Settings("https://store:9000/", "evidence")
    assert settings.endpoint == "https://store:9000"
    assert settings.dock_endpoint == settings.endpoint
    assert settings.scratch_bucket == "evidence-canary"


@pytest.mark.parametrize(
    "endpoint",
    [
        "store:9000",
        "ftp://store",
        "https://",
        "https://store/path",
        "https://u:p@store",
        "https://store?x=1",
        "http://s:x",
    ],
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        S3Settings(endpoint, "evidence")


@pytest.mark.parametrize("bucket", ["", "ab", "Evidence", "evi_dence", "-evidence", "evidence-", "e" * 57, "a/b"])
def test_a_bucket_name_that_is_none_is_refused(bucket: str) -> None:
    with pytest.raises(ValueError, match="bucket"):
        S3Settings("https://store", bucket)


def test_the_canary_never_shares_the_originals_bucket() -> None:
    with pytest.raises(ValueError, match="bucket of its own"):
        S3Settings("https://store", "evidence", scratch_bucket="evidence")


def test_secrets_are_not_printed() -> None:
    assert "hidden" not in repr(StoreSecrets(access_key="a", secret_key="hidden", part_secret="hidden"))

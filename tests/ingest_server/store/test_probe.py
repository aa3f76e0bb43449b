"""Looking at a store without writing to it: what is missing, whose clock is off, which rights are too many."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ingest_server.store import S3Settings, StoreSecrets, StoreUnavailableError
from ingest_server.store.probe import bucket_exists, probe_s3
from ingest_server.store.s3 import S3Store
from ingest_server.store.s3_connection import S3Connection
from tests.support.lying_proxy import LyingProxy, fail_always
from tests.support.stores import make_s3_case, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.minio_server import MinioServer
    from tests.support.rclone_server import RcloneServer

pytestmark = pytest.mark.minio


@pytest.fixture(scope="module")
def store(minio_server: MinioServer) -> Iterator[S3Store]:
    made = make_s3_case(minio_server).store
    assert isinstance(made, S3Store)
    yield made
    made.close()


def test_the_probe_writes_nothing(store: S3Store) -> None:
    def listing() -> bytes:
        answer = store.connection.send("GET", store.settings.bucket, query={"versions": ""})
        return answer.data

    before = listing()
    assert store.probe(now()).ok
    assert listing() == before


def test_a_missing_bucket_is_named(store: S3Store) -> None:
    settings = S3Settings(store.settings.endpoint, "not-there")
    report = probe_s3(store.connection, settings, now())
    assert [check.name for check in report.checks if not check.passed] == [
        "originals_bucket_exists",
        "scratch_bucket_exists",
    ]


@pytest.mark.parametrize("minutes", [5, -5])
def test_a_clock_that_differs_is_a_finding(store: S3Store, minutes: int) -> None:
    codes = [finding.code for finding in store.probe(now() + timedelta(minutes=minutes)).findings]
    assert "store_clock_differs" in codes


def test_a_clock_that_agrees_is_none(store: S3Store) -> None:
    assert "store_clock_differs" not in [finding.code for finding in store.probe(now()).findings]


def test_versioning_is_still_on_after_the_probe(store: S3Store) -> None:
    store.probe(now())
    answer = store.connection.send("GET", store.settings.bucket, query={"versioning": ""})
    assert b"<Status>Enabled</Status>" in answer.data


def test_a_store_out_of_order_is_not_taken_for_one_without_buckets(minio_server: MinioServer) -> None:
    proxy = LyingProxy(minio_server, fail_always)
    settings = S3Settings(proxy.endpoint, "evidence")
    connection = S3Connection(settings, StoreSecrets("a", "b"), now)
    with pytest.raises(StoreUnavailableError):
        bucket_exists(connection, "evidence")
    connection.close()
    proxy.stop()


def test_a_store_that_knows_no_versions_is_named(rclone_server: RcloneServer) -> None:
    (rclone_server.folder / "evidence").mkdir()
    settings = S3Settings(rclone_server.endpoint, "evidence")
    connection = S3Connection(settings, StoreSecrets(rclone_server.access_key, rclone_server.secret_key), now)
    report = probe_s3(connection, settings, now())
    failed = {check.name for check in report.checks if not check.passed}
    assert {"originals_bucket_is_versioned", "originals_bucket_has_object_lock"} <= failed
    connection.close()

"""The canary believes only what is still there: MinIO passes, every kind of liar is named."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ingest_server.store import (
    S3Settings,
    StoreSecrets,
    StoreUnavailableError,
    UnsafeStoreError,
    create_store,
)
from ingest_server.store.canary import run_canary
from ingest_server.store.opening import _make_missing
from ingest_server.store.s3 import S3Store
from ingest_server.store.s3_connection import S3Connection
from ingest_server.store.scratch import Scratch, Way
from tests.support import lying_proxy
from tests.support.lying_proxy import Exchange, LyingProxy, Reply
from tests.support.stores import make_s3_case, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest_server.store import CanaryReport
    from tests.support.minio_server import MinioServer
    from tests.support.rclone_server import RcloneServer

pytestmark = pytest.mark.minio


@pytest.fixture(scope="module")
def buckets(minio_server: MinioServer) -> str:
    """A pair of honest buckets that the liars stand in front of."""
    name = f"evidock-{secrets.token_hex(6)}"
    make_s3_case(minio_server, name).store.close()
    return name


@pytest.fixture
def run_through(minio_server: MinioServer, buckets: str) -> Iterator[Callable[..., CanaryReport]]:
    """Run the canary through a proxy that breaks a promise."""
    proxies: list[LyingProxy] = []
    connections: list[S3Connection] = []

    def run(*alterations: Callable[..., object], retention: timedelta = timedelta(minutes=1)) -> CanaryReport:
        proxy = LyingProxy(minio_server, *alterations)  # type: ignore[arg-type]
        proxies.append(proxy)
        settings = S3Settings(proxy.endpoint, buckets, canary_retention=retention)
        connection = S3Connection(settings, StoreSecrets(minio_server.access_key, minio_server.secret_key), now)
        connections.append(connection)
        return run_canary(connection, settings, now())

    yield run
    for connection in connections:
        connection.close()
    for proxy in proxies:
        proxy.stop()


def failed_names(report: CanaryReport) -> set[str]:
    return {check.name for check in report.failed}


def test_minio_passes_through_an_honest_proxy(run_through: Callable[..., CanaryReport]) -> None:
    report = run_through(lying_proxy.tell_truth)
    assert report.ok, report.failed
    assert len(report.checks) > 20


def test_a_store_that_forgets_locks_is_refused(run_through: Callable[..., CanaryReport]) -> None:
    failed = failed_names(run_through(lying_proxy.strip_locks))
    assert failed == {"single_lock_is_applied", "multipart_lock_is_applied"}


def test_a_store_that_forgets_locks_of_uploads_only_is_refused(run_through: Callable[..., CanaryReport]) -> None:
    assert failed_names(run_through(lying_proxy.strip_locks_of_uploads)) == {"multipart_lock_is_applied"}


def test_a_store_whose_locks_yield_to_bypass_is_refused(run_through: Callable[..., CanaryReport]) -> None:
    failed = failed_names(run_through(lying_proxy.weaken_locks, lying_proxy.call_strong))
    assert {"single_survives_delete_with_bypass", "multipart_survives_delete_with_bypass"} <= failed
    assert "single_lock_is_applied" not in failed


def test_a_store_that_only_says_it_deletes_proves_nothing(run_through: Callable[..., CanaryReport]) -> None:
    failed = failed_names(run_through(lying_proxy.swallow_deletes))
    assert {"unlocked_version_can_be_deleted", "unlocked_version_can_be_deleted_in_bulk"} <= failed


def test_an_account_without_the_right_to_delete_proves_nothing(run_through: Callable[..., CanaryReport]) -> None:
    report = run_through(lying_proxy.forbid_deletes)
    assert "unlocked_version_can_be_deleted" in failed_names(report)
    assert not report.ok


def test_a_store_that_does_not_extend_locks_is_refused(run_through: Callable[..., CanaryReport]) -> None:
    failed = failed_names(run_through(lying_proxy.forbid_extensions))
    assert failed == {"single_lock_can_be_extended", "multipart_lock_can_be_extended"}


def test_a_store_that_takes_flipped_bytes_is_refused(run_through: Callable[..., CanaryReport]) -> None:
    assert "flipped_byte_is_refused" in failed_names(run_through(lying_proxy.accept_any_bytes))


def test_a_store_out_of_order_is_not_judged(run_through: Callable[..., CanaryReport]) -> None:
    with pytest.raises(StoreUnavailableError):
        run_through(lying_proxy.fail_always)


def test_a_store_that_fails_in_the_middle_is_not_judged(run_through: Callable[..., CanaryReport]) -> None:
    def fail_reads_of_versions(exchange: Exchange) -> Exchange | Reply:
        is_read = exchange.method == "GET" and "versionId=" in exchange.target
        return lying_proxy.fail_always(exchange) if is_read else exchange

    with pytest.raises(StoreUnavailableError):
        run_through(fail_reads_of_versions)


def test_locks_that_run_out_during_the_trials_prove_nothing(run_through: Callable[..., CanaryReport]) -> None:
    report = run_through(lying_proxy.tell_truth, retention=timedelta(milliseconds=1))
    assert not report.ok


def test_rights_of_the_account_are_findings_and_not_refusals(run_through: Callable[..., CanaryReport]) -> None:
    report = run_through(lying_proxy.tell_truth)
    assert report.ok
    assert {finding.code for finding in report.findings} == {
        "account_may_delete_versions",
        "account_may_bypass_governance",
        "account_may_change_versioning",
    }


def test_an_account_without_rights_over_originals_gives_no_finding(
    run_through: Callable[..., CanaryReport], buckets: str
) -> None:
    def forbid_in_originals(exchange: Exchange) -> Exchange | Reply:
        is_original = exchange.target.startswith(f"/{buckets}/") or exchange.target.startswith(f"/{buckets}?")
        is_change = exchange.method == "DELETE" or "versioning=" in exchange.target
        if is_original and is_change:
            return Reply(403, {"content-type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
        return exchange

    report = run_through(forbid_in_originals)
    assert report.ok
    assert report.findings == ()


def test_expired_objects_of_earlier_canaries_are_removed(minio_server: MinioServer) -> None:
    case = make_s3_case(minio_server)
    assert isinstance(case.store, S3Store)
    scratch = Scratch(case.store.connection, f"{case.store.settings.bucket}-x")
    _make_missing(case.store.connection, scratch.bucket, [])
    scratch.write(Way.SINGLE, now() + timedelta(seconds=1))
    assert scratch.sweep(now() - timedelta(minutes=10)) == 0
    assert scratch.sweep() == 1
    time.sleep(2.1)
    assert scratch.sweep() == 0
    case.store.close()


def test_rclone_is_refused_and_the_failed_checks_are_named(rclone_server: RcloneServer) -> None:
    settings = S3Settings(rclone_server.endpoint, "evidence")
    keys = StoreSecrets(rclone_server.access_key, rclone_server.secret_key)
    with pytest.raises(UnsafeStoreError) as caught:
        create_store(settings, keys, public_url=lambda: "", clock=now)
    names = {check.name for check in caught.value.checks}
    assert {"single_lock_is_applied", "multipart_lock_is_applied", "flipped_byte_is_refused"} <= names
    assert "single_lock_is_applied" in str(caught.value)
    assert list(rclone_server.folder.iterdir()) == []

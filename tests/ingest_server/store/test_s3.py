"""What only a store behind a network can do: die in the middle, come back, lose answers, lie about what it made."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import urllib3

from ingest_server.store import (
    LockMode,
    S3Settings,
    StoreRefusedError,
    StoreSecrets,
    StoreUnavailableError,
    UploadedPart,
    UploadGoneError,
)
from ingest_server.store.s3 import S3Store
from tests.support.local_program import free_port
from tests.support.lying_proxy import Exchange, LyingProxy, Reply, tell_truth
from tests.support.stores import PART_SIZE, StoreCase, make_s3_case, new_key, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.minio_server import MinioServer

pytestmark = pytest.mark.minio

FULL = os.urandom(PART_SIZE)
LAST = os.urandom(4321)


@pytest.fixture(scope="module")
def case(minio_server: MinioServer) -> Iterator[StoreCase]:
    made = make_s3_case(minio_server)
    yield made
    made.store.close()
    made.pool.clear()


@pytest.fixture
def open_through(minio_server: MinioServer, case: StoreCase) -> Iterator[Callable[..., S3Store]]:
    """Open the same bucket through a proxy."""
    opened: list[tuple[S3Store, LyingProxy]] = []

    def open_store(*alterations: Callable[..., object]) -> S3Store:
        proxy = LyingProxy(minio_server, *alterations)  # type: ignore[arg-type]
        assert isinstance(case.store, S3Store)
        settings = S3Settings(proxy.endpoint, case.store.settings.bucket)
        keys = StoreSecrets(minio_server.access_key, minio_server.secret_key)
        opened.append((S3Store(settings, keys, now), proxy))
        return opened[-1][0]

    yield open_store
    for store, proxy in opened:
        store.close()
        proxy.stop()


def open_upload(case: StoreCase, key: str) -> str:
    return case.store.create_upload(key, lock_until=now() + timedelta(days=1), part_size=PART_SIZE)


@pytest.mark.faults
def test_an_upload_goes_on_after_the_store_was_killed(own_minio_server: MinioServer) -> None:
    case = make_s3_case(own_minio_server)
    key, until = new_key(), now() + timedelta(days=1)
    upload_id = case.store.create_upload(key, lock_until=until, part_size=PART_SIZE)
    first = case.send_part(key, upload_id, 1, FULL)
    own_minio_server.kill()
    with pytest.raises(StoreUnavailableError):
        case.store.list_parts(key, upload_id)
    own_minio_server.start()
    assert [part.number for part in case.store.list_parts(key, upload_id)] == [1]
    last = case.send_part(key, upload_id, 2, LAST)
    made = case.store.complete_upload(key, upload_id, [first, last])
    own_minio_server.restart()
    assert b"".join(case.store.read(key, made.version_id)) == FULL + LAST
    lock = case.store.read_lock(key, made.version_id)
    assert lock.mode is LockMode.COMPLIANCE
    assert lock.retain_until is not None
    assert lock.retain_until >= until
    case.store.close()
    case.pool.clear()


@pytest.mark.faults
def test_a_part_broken_off_by_a_kill_is_not_listed(own_minio_server: MinioServer) -> None:
    case = make_s3_case(own_minio_server)
    key = new_key()
    upload_id = open_upload(case, key)
    request = case.store.sign_part(key, upload_id, 1, len(FULL), hashlib.sha256(FULL).hexdigest(), now=now())

    def die_in_the_middle() -> Iterator[bytes]:
        yield FULL[: PART_SIZE // 2]
        own_minio_server.kill()
        yield FULL[PART_SIZE // 2 :]

    with pytest.raises(urllib3.exceptions.HTTPError):
        case.pool.request("PUT", request.url, headers=dict(request.headers), body=die_in_the_middle(), retries=False)
    own_minio_server.start()
    assert case.store.list_parts(key, upload_id) == []
    made = case.store.complete_upload(key, upload_id, [case.send_part(key, upload_id, 1, FULL)])
    assert made.size == PART_SIZE
    case.store.close()
    case.pool.clear()


def test_a_completion_whose_answer_was_lost_finds_the_version(
    case: StoreCase, open_through: Callable[..., S3Store]
) -> None:
    def lose_answer(reply: Reply) -> Reply:
        if b"CompleteMultipartUploadResult" in reply.body:
            return Reply(503, {"content-type": "application/xml"}, b"<Error><Code>SlowDown</Code></Error>")
        return reply

    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, LAST)
    with pytest.raises(StoreUnavailableError):
        open_through(tell_truth, lose_answer).complete_upload(key, upload_id, parts)
    assert case.store.complete_upload(key, upload_id, parts).size == len(LAST)


def test_an_error_after_a_200_is_an_error(case: StoreCase, open_through: Callable[..., S3Store]) -> None:
    def say_error(reply: Reply) -> Reply:
        if b"CompleteMultipartUploadResult" in reply.body:
            return reply._replace(body=b"<Error><Code>InternalError</Code></Error>")
        return reply

    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, LAST)
    with pytest.raises(StoreUnavailableError):
        open_through(tell_truth, say_error).complete_upload(key, upload_id, parts)


def test_a_version_without_an_id_is_refused(case: StoreCase, open_through: Callable[..., S3Store]) -> None:
    def drop_version(reply: Reply) -> Reply:
        headers = {name: value for name, value in reply.headers.items() if name != "x-amz-version-id"}
        return reply._replace(headers=headers)

    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, LAST)
    with pytest.raises(StoreRefusedError, match="version id"):
        open_through(tell_truth, drop_version).complete_upload(key, upload_id, parts)


def test_a_version_with_another_checksum_is_refused(case: StoreCase, open_through: Callable[..., S3Store]) -> None:
    def change_checksum(reply: Reply) -> Reply:
        if "x-amz-checksum-sha256" in reply.headers:
            return reply._replace(headers={**reply.headers, "x-amz-checksum-sha256": "A" * 43 + "=-1"})
        return reply

    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, LAST)
    with pytest.raises(StoreRefusedError, match="checksum"):
        open_through(tell_truth, change_checksum).complete_upload(key, upload_id, parts)


def test_a_read_that_breaks_off_is_never_taken_for_the_end(
    case: StoreCase, open_through: Callable[..., S3Store]
) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    made = case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, FULL))

    class Cut(bytes):
        """Announces its full length and gives half of it."""

        def __len__(self) -> int:
            return PART_SIZE

    def cut_body(reply: Reply) -> Reply:
        if len(reply.body) != PART_SIZE:
            return reply
        return reply._replace(headers={"connection": "close"}, body=Cut(reply.body[: PART_SIZE // 2]))

    store = open_through(tell_truth, cut_body)
    received = 0
    with pytest.raises(StoreUnavailableError):  # noqa: PT012 (how far it came is part of the case)
        for piece in store.read(key, made.version_id):
            received += len(piece)
    assert received < PART_SIZE


def test_small_parts_before_the_last_are_refused_at_completion(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, LAST, LAST)
    with pytest.raises(StoreRefusedError, match="EntityTooSmall"):
        case.store.complete_upload(key, upload_id, parts)


def test_another_etag_is_refused_before_completion(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    part = case.send_part(key, upload_id, 1, LAST)
    with pytest.raises(StoreRefusedError, match="not the parts"):
        case.store.complete_upload(key, upload_id, [replace(part, etag='"><x')])


def test_more_than_a_thousand_parts_are_listed(case: StoreCase, open_through: Callable[..., S3Store]) -> None:
    def small_pages(exchange: Exchange) -> Exchange | Reply:
        return exchange._replace(target=exchange.target.replace("max-parts=1000", "max-parts=2"))

    key = new_key()
    upload_id = open_upload(case, key)
    for number in range(1, 6):
        case.send_part(key, upload_id, number, LAST)
    listed = open_through(small_pages).list_parts(key, upload_id)
    assert [part.number for part in listed] == [1, 2, 3, 4, 5]


def test_part_requests_name_the_address_docks_use(case: StoreCase) -> None:
    assert isinstance(case.store, S3Store)
    settings = replace(case.store.settings, dock_endpoint="https://store.for.docks:9443")
    store = S3Store(settings, StoreSecrets("a", "b"), now)
    request = store.sign_part(new_key(), "u", 1, 1, "0" * 64, now=now())
    assert request.url.startswith("https://store.for.docks:9443/")
    assert request.headers["host"] == "store.for.docks:9443"
    store.close()


def test_a_lock_is_never_shortened(case: StoreCase) -> None:
    key, until = new_key(), now() + timedelta(days=2)
    upload_id = case.store.create_upload(key, lock_until=until, part_size=PART_SIZE)
    made = case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, LAST))
    with pytest.raises(StoreRefusedError):
        case.store.extend_lock(key, made.version_id, until - timedelta(days=1))
    lock = case.store.read_lock(key, made.version_id)
    assert lock.retain_until is not None
    assert lock.retain_until >= until


def test_a_version_stored_without_a_lock_reads_as_without(case: StoreCase) -> None:
    key = new_key()
    upload_id = case.store.create_upload(key, lock_until=None, part_size=PART_SIZE)
    made = case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, LAST))
    assert case.store.read_lock(key, made.version_id).mode is LockMode.NONE


def test_an_upload_thrown_away_by_the_store_is_gone(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    part = case.send_part(key, upload_id, 1, LAST)
    assert isinstance(case.store, S3Store)
    case.store.connection.send("DELETE", case.store.settings.bucket, key, query={"uploadId": upload_id})
    with pytest.raises(UploadGoneError):
        case.store.complete_upload(key, upload_id, [part])


def test_a_store_that_is_not_there_is_unavailable() -> None:
    store = S3Store(S3Settings(f"http://127.0.0.1:{free_port()}", "evidence"), StoreSecrets("a", "b"), now)
    with pytest.raises(StoreUnavailableError) as caught:
        store.find_version(new_key())
    assert caught.value.retryable
    assert "Signature" not in str(caught.value)
    store.close()


def test_a_store_without_an_account_is_refused() -> None:
    with pytest.raises(StoreRefusedError, match="MINIO_ACCESS_KEY"):
        S3Store(S3Settings("http://127.0.0.1:9", "evidence"), StoreSecrets(), now)


def test_wrong_credentials_are_refused_and_not_printed(case: StoreCase) -> None:
    assert isinstance(case.store, S3Store)
    store = S3Store(case.store.settings, StoreSecrets("nobody", "wrong-secret"), now)
    with pytest.raises(StoreRefusedError) as caught:
        store.create_upload(new_key(), lock_until=None, part_size=PART_SIZE)
    assert "nobody" not in str(caught.value)
    assert "wrong-secret" not in str(caught.value)
    store.close()


def test_a_certificate_nobody_vouches_for_is_not_accepted(minio_tls_server: MinioServer) -> None:
    keys = StoreSecrets(minio_tls_server.access_key, minio_tls_server.secret_key)
    store = S3Store(S3Settings(minio_tls_server.endpoint, "evidence"), keys, now)
    with pytest.raises(StoreUnavailableError, match="SSL"):
        store.find_version(new_key())
    store.close()


def test_completion_takes_only_parts(case: StoreCase) -> None:
    key = new_key()
    with pytest.raises(StoreRefusedError):
        case.store.complete_upload(key, open_upload(case, key), [UploadedPart(1, 5, "0" * 64, "x")])

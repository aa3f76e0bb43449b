"""What every object store must do: the same tests for the directory store, MinIO, and MinIO over TLS."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ingest_server.store import (
    LockMode,
    StoreRefusedError,
    UploadGoneError,
    VersionMissingError,
)
from ingest_server.store.contract import MAX_DERIVATIVE
from tests.support.stores import (
    PART_SIZE,
    PartServer,
    StoreCase,
    make_directory_case,
    make_s3_case,
    new_key,
    now,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest_server.store import StoredVersion

FULL = os.urandom(PART_SIZE)
LAST = os.urandom(1234)


@pytest.fixture(
    params=[
        "directory",
        pytest.param("minio", marks=pytest.mark.minio),
        pytest.param("minio-tls", marks=pytest.mark.minio),
    ]
)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreCase]:
    if request.param == "directory":
        server = PartServer()
        made = make_directory_case(tmp_path / "store", server)
        yield made
        server.stop()
    else:
        fixture = "minio_server" if request.param == "minio" else "minio_tls_server"
        made = make_s3_case(request.getfixturevalue(fixture))
        yield made
    made.store.close()
    made.pool.clear()


def open_upload(case: StoreCase, key: str) -> str:
    return case.store.create_upload(key, lock_until=now() + timedelta(days=1), part_size=PART_SIZE)


def store_bytes(case: StoreCase, *pieces: bytes) -> StoredVersion:
    key = new_key()
    upload_id = open_upload(case, key)
    return case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, *pieces))


def read_all(case: StoreCase, made: StoredVersion) -> bytes:
    return b"".join(case.store.read(made.key, made.version_id))


def test_parts_come_back_as_one_object(case: StoreCase) -> None:
    made = store_bytes(case, FULL, FULL, LAST)
    assert made.size == 2 * PART_SIZE + len(LAST)
    assert hashlib.sha256(read_all(case, made)).digest() == hashlib.sha256(FULL + FULL + LAST).digest()


def test_parts_that_the_server_stores_itself_come_back_as_one_object(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    parts = [case.store.store_part(key, upload_id, number, data) for number, data in ((1, FULL), (2, LAST))]
    assert read_all(case, case.store.complete_upload(key, upload_id, parts)) == FULL + LAST


def test_the_server_stores_no_part_of_an_upload_that_is_gone(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    case.store.abort_upload(key, upload_id)
    with pytest.raises(UploadGoneError):
        case.store.store_part(key, upload_id, 1, LAST)


def test_parts_sent_out_of_order_come_back_in_order(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    last = case.send_part(key, upload_id, 2, LAST)
    first = case.send_part(key, upload_id, 1, FULL)
    made = case.store.complete_upload(key, upload_id, [first, last])
    assert read_all(case, made) == FULL + LAST


def test_an_empty_file_is_one_empty_part(case: StoreCase) -> None:
    made = store_bytes(case, b"")
    assert (made.size, read_all(case, made)) == (0, b"")


def test_a_range_is_read_without_the_rest(case: StoreCase) -> None:
    made = store_bytes(case, LAST)
    assert b"".join(case.store.read(made.key, made.version_id, offset=100, length=50)) == LAST[100:150]


def test_a_range_beyond_the_end_is_what_there_is(case: StoreCase) -> None:
    made = store_bytes(case, LAST)
    assert b"".join(case.store.read(made.key, made.version_id, offset=1200, length=500)) == LAST[1200:]
    assert b"".join(case.store.read(made.key, made.version_id, offset=99999)) == b""


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (PART_SIZE - 1, 2), (PART_SIZE, None), (PART_SIZE + 1233, 9)])
def test_a_range_across_parts_is_what_lies_there(case: StoreCase, offset: int, length: int | None) -> None:
    made = store_bytes(case, FULL, LAST)
    end = None if length is None else offset + length
    pieces = case.store.read(made.key, made.version_id, offset=offset, length=length)
    assert b"".join(pieces) == (FULL + LAST)[offset:end]


def test_a_reading_that_is_left_early_may_be_followed_by_another(case: StoreCase) -> None:
    made = store_bytes(case, FULL, LAST)
    for _ in range(40):
        pieces = case.store.read(made.key, made.version_id, offset=5)
        next(pieces)
        close = getattr(pieces, "close", None)
        assert close is not None
        close()
    assert read_all(case, made) == FULL + LAST


def test_bytes_come_in_pieces_of_at_most_one_mebibyte(case: StoreCase) -> None:
    made = store_bytes(case, FULL)
    assert max(len(piece) for piece in case.store.read(made.key, made.version_id)) <= 1024 * 1024


def test_a_flipped_byte_is_refused_and_not_listed(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    request = case.store.sign_part(key, upload_id, 1, len(LAST), hashlib.sha256(LAST).hexdigest(), now=now())
    flipped = LAST[:-1] + bytes([LAST[-1] ^ 1])
    assert case.send(request, flipped).status == 400
    assert case.store.list_parts(key, upload_id) == []


def test_a_part_of_another_length_is_refused(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    request = case.store.sign_part(key, upload_id, 1, len(LAST), hashlib.sha256(LAST).hexdigest(), now=now())
    longer = replace(request, headers={**request.headers, "content-length": str(len(LAST) + 1)})
    assert case.send(longer, LAST + b"x").status in {400, 403}
    assert case.store.list_parts(key, upload_id) == []


@pytest.mark.parametrize("header", ["x-amz-content-sha256", "x-amz-date", "authorization", "x-amz-checksum-sha256"])
def test_a_changed_header_is_refused(case: StoreCase, header: str) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    request = case.store.sign_part(key, upload_id, 1, len(LAST), hashlib.sha256(LAST).hexdigest(), now=now())
    other = case.store.sign_part(
        key, upload_id, 1, len(FULL), hashlib.sha256(FULL).hexdigest(), now=now() - timedelta(seconds=90)
    )
    changed = replace(request, headers={**request.headers, header: other.headers[header]})
    assert case.send(changed, LAST).status in {400, 403}


def test_a_request_for_one_part_does_not_store_another(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    request = case.store.sign_part(key, upload_id, 1, len(LAST), hashlib.sha256(LAST).hexdigest(), now=now())
    moved = replace(request, url=request.url.replace("partNumber=1", "partNumber=2"))
    assert case.send(moved, LAST).status == 403


def test_a_request_older_than_a_quarter_of_an_hour_is_refused(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    earlier = now() - timedelta(minutes=16)
    request = case.store.sign_part(key, upload_id, 1, len(LAST), hashlib.sha256(LAST).hexdigest(), now=earlier)
    assert request.expires < now()
    assert case.send(request, LAST).status == 403


def test_part_requests_hold_no_secret_and_no_md5(case: StoreCase) -> None:
    request = case.store.sign_part(new_key(), "0" * 32, 1, 1, "0" * 64, now=now())
    assert set(request.headers) == {
        "host",
        "x-amz-date",
        "content-length",
        "x-amz-content-sha256",
        "x-amz-checksum-sha256",
        "authorization",
    }


@pytest.mark.parametrize("number", [0, 10001])
def test_a_part_number_that_is_none_is_not_signed(case: StoreCase, number: int) -> None:
    with pytest.raises(ValueError, match="number"):
        case.store.sign_part(new_key(), "0" * 32, number, 1, "0" * 64, now=now())


def test_the_same_part_may_be_sent_twice(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    first = case.send_part(key, upload_id, 1, LAST)
    second = case.send_part(key, upload_id, 1, LAST)
    assert first == second
    made = case.store.complete_upload(key, upload_id, [second])
    assert read_all(case, made) == LAST


def test_a_part_may_be_replaced_before_completion(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    case.send_part(key, upload_id, 1, FULL)
    part = case.send_part(key, upload_id, 1, LAST)
    made = case.store.complete_upload(key, upload_id, [part])
    assert read_all(case, made) == LAST


def test_parts_are_listed_with_number_size_and_etag(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    sent = case.send_parts(key, upload_id, FULL, LAST)
    listed = case.store.list_parts(key, upload_id)
    assert [(p.number, p.size, p.etag) for p in listed] == [(p.number, p.size, p.etag) for p in sent]


def test_completion_with_another_digest_is_refused(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    part = case.send_part(key, upload_id, 1, LAST)
    with pytest.raises(StoreRefusedError):
        case.store.complete_upload(key, upload_id, [replace(part, sha256_hex=hashlib.sha256(b"x").hexdigest())])
    assert case.store.find_version(key) is None


def test_completion_without_a_part_that_was_sent_is_refused(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, FULL, LAST)
    with pytest.raises(StoreRefusedError):
        case.store.complete_upload(key, upload_id, parts[:1])


def test_completion_with_a_part_that_was_not_sent_is_refused(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    part = case.send_part(key, upload_id, 1, FULL)
    with pytest.raises(StoreRefusedError):
        case.store.complete_upload(key, upload_id, [part, replace(part, number=2)])


def test_completion_of_nothing_is_refused(case: StoreCase) -> None:
    key = new_key()
    with pytest.raises(StoreRefusedError):
        case.store.complete_upload(key, open_upload(case, key), [])


def test_a_repeated_completion_gives_the_same_version(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, LAST)
    made = case.store.complete_upload(key, upload_id, parts)
    assert case.store.complete_upload(key, upload_id, parts) == made


def test_a_completed_upload_is_gone(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, LAST))
    with pytest.raises(UploadGoneError):
        case.store.list_parts(key, upload_id)


def test_a_part_sent_after_completion_changes_nothing(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    made = case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, LAST))
    request = case.store.sign_part(key, upload_id, 1, len(FULL), hashlib.sha256(FULL).hexdigest(), now=now())
    assert case.send(request, FULL).status >= 400
    assert read_all(case, made) == LAST


def test_an_aborted_upload_is_gone_and_may_be_aborted_again(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    parts = case.send_parts(key, upload_id, LAST)
    case.store.abort_upload(key, upload_id)
    case.store.abort_upload(key, upload_id)
    with pytest.raises(UploadGoneError):
        case.store.list_parts(key, upload_id)
    with pytest.raises(UploadGoneError):
        case.store.complete_upload(key, upload_id, parts)


def test_aborting_a_completed_upload_leaves_the_object(case: StoreCase) -> None:
    key = new_key()
    upload_id = open_upload(case, key)
    made = case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, LAST))
    case.store.abort_upload(key, upload_id)
    assert read_all(case, made) == LAST


@pytest.mark.parametrize("upload_id", ["nonsense", "0" * 32])
def test_an_upload_that_never_was_is_gone(case: StoreCase, upload_id: str) -> None:
    with pytest.raises(UploadGoneError):
        case.store.list_parts(new_key(), upload_id)


def test_an_upload_belongs_to_its_key(case: StoreCase) -> None:
    key, other = new_key(), new_key()
    upload_id = open_upload(case, key)
    case.send_part(key, upload_id, 1, LAST)
    with pytest.raises(UploadGoneError):
        case.store.list_parts(other, upload_id)


def test_a_completed_key_is_found_with_its_version(case: StoreCase) -> None:
    made = store_bytes(case, LAST)
    assert case.store.find_version(made.key) == made


def test_a_key_never_used_is_not_found(case: StoreCase) -> None:
    assert case.store.find_version(new_key()) is None


@pytest.mark.parametrize("version_id", ["00000000-0000-4000-8000-000000000000", "nonsense"])
def test_another_version_is_not_read(case: StoreCase, version_id: str) -> None:
    made = store_bytes(case, LAST)
    with pytest.raises(VersionMissingError):
        list(case.store.read(made.key, version_id))
    with pytest.raises(VersionMissingError):
        case.store.read_lock(made.key, version_id)


def test_the_lock_read_back_is_the_one_given_at_create(case: StoreCase) -> None:
    key, until = new_key(), now() + timedelta(days=7)
    upload_id = case.store.create_upload(key, lock_until=until, part_size=PART_SIZE)
    made = case.store.complete_upload(key, upload_id, case.send_parts(key, upload_id, LAST))
    lock = case.store.read_lock(key, made.version_id)
    if case.store.kind == "directory":
        assert (lock.mode, lock.retain_until) == (LockMode.NONE, None)
    else:
        assert lock.mode is LockMode.COMPLIANCE
        assert lock.retain_until is not None
        assert until <= lock.retain_until < until + timedelta(seconds=2)


def test_an_extended_lock_reads_back_as_extended_and_never_as_what_is_not_there(case: StoreCase) -> None:
    made = store_bytes(case, LAST)
    until = now() + timedelta(days=183)
    case.store.extend_lock(made.key, made.version_id, until)
    lock = case.store.read_lock(made.key, made.version_id)
    if case.store.kind == "directory":
        assert lock.mode is LockMode.NONE
    else:
        assert lock.retain_until is not None
        assert lock.retain_until >= until


def new_derivative_key() -> str:
    return new_key().replace("originals/", "derivatives/")


def test_a_derivative_comes_back_by_its_version(case: StoreCase) -> None:
    made = case.store.put_derivative(new_derivative_key(), LAST)
    assert (made.size, read_all(case, made)) == (len(LAST), LAST)
    assert case.store.find_version(made.key) == made


def test_a_derivative_put_twice_is_one(case: StoreCase) -> None:
    key = new_derivative_key()
    assert case.store.put_derivative(key, LAST) == case.store.put_derivative(key, LAST)


def test_a_derivative_is_never_replaced(case: StoreCase) -> None:
    made = case.store.put_derivative(new_derivative_key(), LAST)
    with pytest.raises(StoreRefusedError):
        case.store.put_derivative(made.key, LAST[::-1])
    assert read_all(case, made) == LAST


def test_a_derivative_stands_below_its_own_folder_and_is_small(case: StoreCase) -> None:
    with pytest.raises(ValueError, match="key"):
        case.store.put_derivative(new_key(), LAST)
    with pytest.raises(ValueError, match="large"):
        case.store.put_derivative(new_derivative_key(), bytes(MAX_DERIVATIVE + 1))


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "originals/../x", "Originals/x", "a//b", "a/.b", "", "a\x00b"])
def test_a_key_that_is_none_is_refused(case: StoreCase, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        case.store.create_upload(key, lock_until=None, part_size=PART_SIZE)


def test_the_probe_finds_everything_the_product_needs(case: StoreCase) -> None:
    report = case.store.probe(now())
    assert report.ok, report.checks
    assert report.kind == case.store.kind


def test_the_canary_passes(case: StoreCase) -> None:
    report = case.store.run_canary(now())
    assert report.ok, report.failed
    assert report.findings

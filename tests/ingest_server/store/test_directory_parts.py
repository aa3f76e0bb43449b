"""Parts at the directory store's own door: what is signed is taken, once, whole, and nothing else."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_server.store import (
    DirectorySettings,
    PartRefusedError,
    PartRequest,
    StoreSecrets,
    StoreUnavailableError,
    UploadGoneError,
    create_store,
)
from ingest_server.store.directory import DirectoryStore
from ingest_server.store.directory_parts import PartReceiver, receive_part, verify_part_request
from tests.support.stores import new_key, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ingest_server.store import StoredPart

SIZE = 4096
DATA = os.urandom(SIZE)
OTHER = os.urandom(SIZE)


class Door:
    """An open upload on a directory store, and its parts' endpoint."""

    def __init__(self, root: Path) -> None:
        keys = StoreSecrets(part_secret="secret of this installation")
        store = create_store(DirectorySettings(root), keys, public_url=lambda: "https://dock.example:1", clock=now)
        assert isinstance(store, DirectoryStore)
        self.store = store
        self.key = new_key()
        self.upload_id = store.create_upload(self.key, lock_until=None, part_size=SIZE)

    def sign(self, data: bytes, number: int = 1) -> PartRequest:
        digest = hashlib.sha256(data).hexdigest()
        return self.store.sign_part(self.key, self.upload_id, number, len(data), digest, now=now())

    def receive(self, request: PartRequest, body: Iterable[bytes], **changes: str) -> StoredPart:
        return receive_part(
            self.store,
            key=changes.get("key", self.key),
            upload_id=changes.get("upload_id", self.upload_id),
            part_number=changes.get("part_number", str(request.number)),
            headers=request.headers,
            body=body,
            now=now(),
        )

    def open_receiver(self, data: bytes) -> PartReceiver:
        request = self.sign(data)
        part = verify_part_request(
            self.store,
            key=self.key,
            upload_id=self.upload_id,
            part_number="1",
            headers=request.headers,
            now=now(),
        )
        return PartReceiver(self.store, part)

    def digests(self) -> list[str]:
        return [part.etag for part in self.store.list_parts(self.key, self.upload_id)]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "store")


def test_a_part_counts_when_it_was_received_in_pieces(door: Door) -> None:
    door.receive(door.sign(DATA), [DATA[:1000], b"", DATA[1000:]])
    assert door.digests() == [hashlib.sha256(DATA).hexdigest()]


@pytest.mark.parametrize(
    ("body", "code"),
    [(DATA[:-1], "wrong_length"), (DATA + b"x", "wrong_length"), (OTHER, "wrong_digest"), (b"", "wrong_length")],
)
def test_a_body_that_was_not_signed_is_refused_and_named(door: Door, body: bytes, code: str) -> None:
    with pytest.raises(PartRefusedError) as caught:
        door.receive(door.sign(DATA), [body])
    assert (caught.value.code, caught.value.status, caught.value.retryable) == (code, 400, False)
    assert door.digests() == []


def test_a_request_of_another_installation_is_refused(door: Door, tmp_path: Path) -> None:
    other = DirectoryStore(tmp_path / "store", "another secret", lambda: "https://dock.example:1")
    digest = hashlib.sha256(DATA).hexdigest()
    request = other.sign_part(door.key, door.upload_id, 1, SIZE, digest, now=now())
    with pytest.raises(PartRefusedError) as caught:
        door.receive(request, [DATA])
    assert (caught.value.code, caught.value.status) == ("wrong_signature", 403)


@pytest.mark.parametrize("change", [{"part_number": "2"}, {"upload_id": "0" * 32}, {"key": new_key()}])
def test_a_request_is_good_for_its_own_part_only(door: Door, change: dict[str, str]) -> None:
    with pytest.raises(PartRefusedError) as caught:
        door.receive(door.sign(DATA), [DATA], **change)
    assert caught.value.code == "wrong_signature"


@pytest.mark.parametrize("minutes", [16, -16])
def test_a_request_is_good_for_a_quarter_of_an_hour(door: Door, minutes: int) -> None:
    then = now() - timedelta(minutes=minutes)
    digest = hashlib.sha256(DATA).hexdigest()
    request = door.store.sign_part(door.key, door.upload_id, 1, SIZE, digest, now=then)
    with pytest.raises(PartRefusedError) as caught:
        door.receive(request, [DATA])
    assert (caught.value.code, caught.value.retryable) == ("request_expired", True)


@pytest.mark.parametrize("header", ["authorization", "x-amz-date", "content-length", "x-amz-content-sha256"])
def test_a_request_without_one_of_its_headers_is_malformed(door: Door, header: str) -> None:
    request = door.sign(DATA)
    headers = {name: value for name, value in request.headers.items() if name != header}
    with pytest.raises(PartRefusedError) as caught:
        verify_part_request(
            door.store, key=door.key, upload_id=door.upload_id, part_number="1", headers=headers, now=now()
        )
    assert caught.value.code == "malformed_request"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.sampled_from(
        ["authorization", "x-amz-date", "content-length", "x-amz-content-sha256", "x-amz-checksum-sha256"]
    ),
    value=st.text(max_size=80),
    number=st.text(max_size=6),
)
def test_no_header_and_no_part_number_does_more_than_be_refused(
    door: Door, header: str, value: str, number: str
) -> None:
    request = door.sign(DATA)
    headers = {**request.headers, header: value}
    if headers == request.headers and number in {"1", "01"}:
        return
    with pytest.raises(PartRefusedError):
        verify_part_request(
            door.store, key=door.key, upload_id=door.upload_id, part_number=number, headers=headers, now=now()
        )


def test_a_proxy_may_rewrite_host_and_header_names(door: Door) -> None:
    request = door.sign(DATA)
    headers = {name.title(): value for name, value in request.headers.items()} | {"Host": "internal:8400"}
    part = verify_part_request(
        door.store, key=door.key, upload_id=door.upload_id, part_number="1", headers=headers, now=now()
    )
    assert part.sha256_hex == hashlib.sha256(DATA).hexdigest()


def test_a_part_of_an_upload_that_is_gone_is_refused(door: Door) -> None:
    door.store.abort_upload(door.key, door.upload_id)
    with pytest.raises(UploadGoneError):
        door.receive(door.sign(DATA), [DATA])


def test_a_part_longer_than_its_place_is_refused(door: Door) -> None:
    longer = DATA + b"x"
    with pytest.raises(PartRefusedError) as caught:
        door.receive(door.sign(longer), [longer])
    assert caught.value.code == "wrong_length"


def test_a_part_does_not_count_before_it_is_finished(door: Door) -> None:
    with door.open_receiver(DATA) as receiver:
        receiver.write(DATA)
        assert door.digests() == []


def test_a_part_broken_off_leaves_nothing_that_counts(door: Door) -> None:
    def break_off() -> Iterator[bytes]:
        yield DATA[:2000]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        door.receive(door.sign(DATA), break_off())
    assert door.digests() == []
    door.receive(door.sign(DATA), [DATA])
    assert door.digests() == [hashlib.sha256(DATA).hexdigest()]


def test_a_part_being_overwritten_no_longer_counts_as_what_it_was(door: Door) -> None:
    door.receive(door.sign(DATA), [DATA])
    with door.open_receiver(OTHER) as receiver:
        receiver.write(OTHER[:10])
    assert door.digests() == []


def test_a_part_sent_again_with_wrong_bytes_leaves_the_good_one(door: Door) -> None:
    request = door.sign(DATA)
    door.receive(request, [DATA])
    with pytest.raises(PartRefusedError):
        door.receive(request, [OTHER])
    assert door.digests() == [hashlib.sha256(DATA).hexdigest()]
    with (door.store.uploads / door.upload_id / "data").open("rb") as data:
        assert data.read() == DATA


def test_the_same_part_is_not_received_twice_at_once(door: Door) -> None:
    with door.open_receiver(DATA), pytest.raises(StoreUnavailableError), door.open_receiver(DATA):
        pass


def test_an_upload_is_not_completed_while_a_part_arrives(door: Door) -> None:
    with door.open_receiver(DATA), pytest.raises(StoreUnavailableError):
        door.store.complete_upload(door.key, door.upload_id, [])


def test_two_parts_arrive_at_once(door: Door) -> None:
    second = door.sign(OTHER, 2)
    with door.open_receiver(DATA) as receiver:
        receiver.write(DATA[:100])
        door.receive(second, [OTHER])
        receiver.write(DATA[100:])
        receiver.finish()
    assert door.digests() == [hashlib.sha256(DATA).hexdigest(), hashlib.sha256(OTHER).hexdigest()]


def test_a_full_disk_is_temporary(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fill)
    with pytest.raises(StoreUnavailableError, match="disk is full"):
        door.receive(door.sign(DATA), [DATA])
    assert door.digests() == []

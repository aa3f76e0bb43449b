"""Senders against a store that keeps what it is sent; the server's part is only to sign."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from agent.buffers import BufferPool
from agent.copying import FilledPart
from agent.errors import PartChangedError, RefusedError, UnreachableError
from agent.journal import Journal, SentPart
from agent.retrying import Patience
from agent.uploading import PART_TRIES, FileUpload, PartSender
from chain_of_custody.instants import utc_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from agent.journal import FileRow


class SigningStore:
    """Stands where server and store stand: signs what it is asked for and keeps what it is sent."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.bodies: dict[int, bytes] = {}
        self.on_put: Callable[[int], None] = lambda _: None
        self.on_sign: Callable[[list[int]], None] = lambda _: None

    def call(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        numbers = [part["number"] for part in body["parts"]]
        self.on_sign(numbers)
        self.batches.append(numbers)
        return 200, {"requests": [dict(part) for part in body["parts"]]}

    def put_part(self, request: Mapping[str, Any], body: memoryview) -> str:
        self.on_put(request["number"])
        assert request["sha256"] == hashlib.sha256(body).hexdigest()
        self.bodies[request["number"]] = bytes(body)
        return f"etag-{request['number']}"


@pytest.fixture
def store() -> SigningStore:
    return SigningStore()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path, utc_clock)
    yield journal
    journal.close()


@pytest.fixture
def row(journal: Journal) -> FileRow:
    journal.add_docking("d" * 32, "source", {}, "0" * 64)
    row = journal.add_files("d" * 32, "source", [(b"a", 100, 1)])[0]
    journal.move(row, row.state, intake_id="i" * 32, part_size=10)
    return row


@pytest.fixture
def sender(store: SigningStore, journal: Journal) -> Iterator[PartSender]:
    sender = PartSender(store, journal, BufferPool(8), Patience(0))  # type: ignore[arg-type]  # has what is needed of it
    yield sender
    sender.close()


def send(upload: FileUpload, pool: BufferPool, bodies: list[bytes]) -> None:
    for number, body in enumerate(bodies, 1):
        buffer = pool.take(10)
        buffer[: len(body)] = body
        upload.take(FilledPart(number, buffer, len(body)))


def send_all(upload: FileUpload, pool: BufferPool, bodies: list[bytes]) -> None:
    send(upload, pool, bodies)
    upload.wait()


def assert_no_buffer_is_lent(pool: BufferPool) -> None:
    for buffer in [pool.take(1) for _ in range(8)]:
        pool.give_back(buffer)


BODIES = [bytes([number]) * 10 for number in range(30)]


def test_every_part_arrives_and_is_in_the_journal(
    sender: PartSender, store: SigningStore, journal: Journal, row: FileRow
) -> None:
    upload = FileUpload(sender, row, {})
    send_all(upload, sender.pool, BODIES)
    assert [store.bodies[number] for number in sorted(store.bodies)] == BODIES
    assert {n: p.etag for n, p in journal.list_parts(row).items()} == {n: f"etag-{n}" for n in range(1, 31)}
    assert_no_buffer_is_lent(sender.pool)


def test_parts_that_wait_are_signed_together(sender: PartSender, store: SigningStore, row: FileRow) -> None:
    slow = threading.Event()
    store.on_put = lambda _: slow.wait(0.05) and None
    upload = FileUpload(sender, row, {})
    send_all(upload, sender.pool, BODIES[:20])
    assert sum(len(batch) for batch in store.batches) == 20
    assert len(store.batches) < 20


def test_a_part_that_the_store_holds_is_not_sent_again(sender: PartSender, store: SigningStore, row: FileRow) -> None:
    held = SentPart(2, 10, hashlib.sha256(BODIES[1]).hexdigest(), "etag-2")
    upload = FileUpload(sender, row, {2: held})
    send_all(upload, sender.pool, BODIES[:3])
    assert sorted(store.bodies) == [1, 3]


def test_a_part_that_is_not_what_it_was_ends_the_upload(sender: PartSender, store: SigningStore, row: FileRow) -> None:
    upload = FileUpload(sender, row, {1: SentPart(1, 10, "0" * 64, "etag-1")})
    with pytest.raises(PartChangedError):
        send_all(upload, sender.pool, BODIES)
    upload.drain()
    assert_no_buffer_is_lent(sender.pool)


def test_an_unreachable_store_ends_the_upload_and_keeps_what_arrived(
    sender: PartSender, store: SigningStore, journal: Journal, row: FileRow
) -> None:
    def fail(number: int) -> None:
        if number > 3:
            raise UnreachableError("unplugged")

    store.on_put = fail
    upload = FileUpload(sender, row, {})
    with pytest.raises(UnreachableError):
        send_all(upload, sender.pool, BODIES)
    upload.drain()
    assert set(journal.list_parts(row)) <= {1, 2, 3}
    assert_no_buffer_is_lent(sender.pool)


def test_a_refused_part_is_signed_anew_a_few_times_only(sender: PartSender, store: SigningStore, row: FileRow) -> None:
    tries: list[int] = []

    def refuse(number: int) -> None:
        tries.append(number)
        raise RefusedError(403, "part_refused", "expired")

    store.on_put = refuse
    upload = FileUpload(sender, row, {})
    send(upload, sender.pool, BODIES[:1])
    with pytest.raises(RefusedError, match="expired"):
        upload.wait()
    assert len(tries) == PART_TRIES


@pytest.mark.parametrize("status", [400, 404, 410])
def test_an_upload_that_can_no_longer_be_signed_for_is_gone(
    sender: PartSender, store: SigningStore, row: FileRow, status: int
) -> None:
    def refuse(_: list[int]) -> None:
        raise RefusedError(status, "whatever", "too old, or its budget is spent")

    store.on_sign = refuse
    upload = FileUpload(sender, row, {})
    with pytest.raises(RefusedError) as refused:
        send_all(upload, sender.pool, BODIES[:2])
    upload.drain()
    assert refused.value.code == "upload_gone"
    assert_no_buffer_is_lent(sender.pool)


def test_one_files_trouble_is_not_anothers(
    sender: PartSender, store: SigningStore, journal: Journal, row: FileRow
) -> None:
    other = journal.add_files("d" * 32, "source", [(b"b", 100, 1)])[0]
    journal.move(other, other.state, intake_id="j" * 32, part_size=10)
    bad, good = FileUpload(sender, row, {1: SentPart(1, 10, "0" * 64, "e")}), FileUpload(sender, other, {})
    send(bad, sender.pool, BODIES[:1])
    send(good, sender.pool, BODIES[:5])
    good.wait()
    with pytest.raises(PartChangedError):
        bad.wait()
    assert len(journal.list_parts(other)) == 5


def test_a_server_that_signs_too_few_parts_is_refused(sender: PartSender, store: SigningStore, row: FileRow) -> None:
    store.call = lambda *_: (200, {"requests": []})  # type: ignore[method-assign,assignment,misc]
    upload = FileUpload(sender, row, {})
    send(upload, sender.pool, BODIES[:1])
    with pytest.raises(RefusedError, match="did not sign"):
        upload.wait()


def test_senders_rest_only_while_no_part_is_on_its_way(sender: PartSender, store: SigningStore, row: FileRow) -> None:
    let_go = threading.Event()
    store.on_put = lambda _: let_go.wait(20) and None
    upload = FileUpload(sender, row, {})
    send(upload, sender.pool, BODIES[:1])
    assert sender.rested_s() == 0.0
    let_go.set()
    upload.wait()
    threading.Event().wait(0.05)
    assert sender.rested_s() >= 0.05

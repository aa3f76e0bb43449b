"""Bodies from the store: read ahead by one, resumed where the store breaks off, and closed whatever happens."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ingest_server.access import media
from ingest_server.access.ranges import Span
from ingest_server.access.streaming import PieceReader, StoreResponse
from ingest_server.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

DATA = bytes(range(256)) * 8
ROW: Any = {"store_key": "originals/2026/x", "version_id": "x"}


class BreakingStore:
    """Gives a few bytes at a time and breaks off after every third piece."""

    def __init__(self, *, gives: int = 3, size: int = len(DATA)) -> None:
        self.gives, self.size = gives, size
        self.offsets: list[int] = []

    def read(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.offsets.append(offset)
        end = min(self.size, len(DATA) if length is None else offset + length)
        for number, start in enumerate(range(offset, end, 100)):
            if number == self.gives:
                raise StoreUnavailableError("it broke off")
            yield DATA[start : min(start + 100, end)]


def read_span(store: Any, span: Span) -> bytes:
    return b"".join(media._read_on(store, ROW, span))


def test_a_store_that_breaks_off_is_asked_again_from_there() -> None:
    store = BreakingStore()
    assert read_span(store, Span(50, 1000)) == DATA[50:1050]
    assert store.offsets == [50, 350, 650, 950]


def test_a_store_that_gives_nothing_is_given_up() -> None:
    store = BreakingStore(gives=0)
    with pytest.raises(StoreUnavailableError):
        read_span(store, Span(0, 10))
    assert len(store.offsets) == 3


def test_fewer_bytes_than_were_recorded_never_look_whole() -> None:
    with pytest.raises(StoreUnavailableError):
        read_span(BreakingStore(gives=99, size=500), Span(0, 1000))


class Pieces:
    """An iterator that tells whether it was closed."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = iter(pieces)
        self.is_closed = False

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> bytes:
        piece = next(self.pieces)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.is_closed = True


async def send_all(pieces: Pieces, *, leaves: bool = False, fails: bool = False) -> list[bytes]:
    """Send a body to a client that takes all of it, leaves after the first piece, or cannot be reached."""
    sent: list[bytes] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            if fails:
                raise OSError("gone")
            sent.append(message["body"])
            if leaves:
                gone.set()
                await asyncio.sleep(60)

    reader = PieceReader(pieces)
    answer = StoreResponse(await reader.next(), reader, status=200, headers={})
    await asyncio.wait_for(answer({"type": "http"}, receive, send), 5)
    return sent


def run(sending: Coroutine[Any, Any, list[bytes]]) -> list[bytes]:
    """Run to the end in a thread of its own: in this one a browser's loop may be running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, sending).result()


def test_all_pieces_are_sent_in_order_and_the_source_is_closed() -> None:
    pieces = Pieces(b"a", b"b", b"c")
    assert run(send_all(pieces)) == [b"a", b"b", b"c", b""]
    assert pieces.is_closed


def test_a_client_that_leaves_closes_the_source() -> None:
    pieces = Pieces(b"a", b"b", b"c")
    assert run(send_all(pieces, leaves=True)) == [b"a"]
    assert pieces.is_closed


def test_a_client_that_cannot_be_reached_closes_the_source() -> None:
    pieces = Pieces(b"a", b"b")
    assert run(send_all(pieces, fails=True)) == []
    assert pieces.is_closed


def test_a_store_that_fails_on_the_way_leaves_the_body_unfinished() -> None:
    pieces = Pieces(b"a", b"b", StoreUnavailableError("gone"))
    assert run(send_all(pieces)) == [b"a", b"b"]
    assert pieces.is_closed


def test_a_fault_of_ours_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        run(send_all(Pieces(b"a", ZeroDivisionError())))


def test_a_grant_that_ends_ends_a_long_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "RECHECK_S", -1.0)
    answers = iter([True, True, False])
    monkeypatch.setattr(media, "is_still_good", lambda *_: next(answers))
    opened: Any = type("Opened", (), {"row": ROW, "viewer": None, "grant": None})
    opened.installation = type("Installation", (), {"store": BreakingStore(gives=99)})
    pieces = media._read_guarded(opened, Span(0, len(DATA)))
    assert [next(pieces), next(pieces)] == [DATA[:100], DATA[100:200]]
    with pytest.raises(ConnectionAbortedError):
        next(pieces)

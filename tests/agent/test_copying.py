from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.buffers import BufferPool
from agent.copying import FilledPart, hash_source, read_parts
from agent.errors import UnreadableError

POOL = BufferPool(2)


class BytesSource:
    """Gives bytes in pieces of the sizes asked for, and fails where a test wants it."""

    def __init__(self, data: bytes, *, piece: int = 7, fails_at: int | None = None) -> None:
        self.data = memoryview(data)
        self.piece = piece
        self.fails_at = fails_at
        self.position = 0
        self.is_finished = False

    def readinto(self, buffer: memoryview) -> int:
        if self.fails_at is not None and self.position >= self.fails_at:
            raise UnreadableError("bad sector")
        count = min(len(buffer), self.piece, len(self.data) - self.position)
        buffer[:count] = self.data[self.position : self.position + count]
        self.position += count
        return count

    def finish(self) -> None:
        self.is_finished = True


def copy(source: BytesSource, part_size: int, pool: BufferPool = POOL) -> tuple[list[bytes], list[str], str]:
    bodies: list[bytes] = []
    digests: list[str] = []
    spooled = bytearray()

    def take(part: FilledPart) -> None:
        assert part.number == len(bodies) + 1
        bodies.append(bytes(part.body))
        digests.append(part.digest())
        pool.give_back(part.buffer)

    whole = read_parts(
        source, part_size, pool, sm3=False, on_part=take, on_bytes=lambda _: None, on_piece=spooled.extend
    )
    assert bytes(spooled) == b"".join(bodies)
    return bodies, digests, whole.sha2_256


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(min_value=1, max_value=50), st.integers(min_value=1, max_value=60))
def test_parts_and_digests_are_those_of_the_bytes(data: bytes, part_size: int, piece: int) -> None:
    source = BytesSource(data, piece=piece)
    bodies, digests, whole = copy(source, part_size)
    assert b"".join(bodies) == data
    assert all(len(body) == part_size for body in bodies[:-1])
    assert len(bodies) == max(1, -(-len(data) // part_size))
    assert digests == [hashlib.sha256(body).hexdigest() for body in bodies]
    assert whole == hashlib.sha256(data).hexdigest()
    assert source.is_finished


def test_an_unreadable_file_gives_no_digest_and_keeps_no_buffer() -> None:
    pool = BufferPool(1)
    with pytest.raises(UnreadableError):
        copy(BytesSource(b"x" * 100, fails_at=50), 30, pool)
    pool.give_back(pool.take(1))


def test_a_receiver_that_refuses_a_part_ends_the_reading() -> None:
    source = BytesSource(b"x" * 100)

    def refuse(part: FilledPart) -> None:
        POOL.give_back(part.buffer)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the very error the receiver raised
        read_parts(source, 30, POOL, sm3=False, on_part=refuse, on_bytes=lambda _: None)
    assert not source.is_finished


def test_sm3_stands_beside_sha256_where_it_is_configured() -> None:
    digests = hash_source(BytesSource(b"abc"), sm3=True, on_bytes=lambda _: None)
    assert digests.sha2_256 == hashlib.sha256(b"abc").hexdigest()
    assert digests.sm3 == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_reading_is_told_byte_by_byte() -> None:
    counts: list[int] = []
    hash_source(BytesSource(b"x" * 100), sm3=False, on_bytes=counts.append)
    assert sum(counts) == 100

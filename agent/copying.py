"""The one read pass over a file: its digest, the parts for the senders and the bytes for the spool, from one buffer.

A filled buffer is not written again before it is given back, so what is hashed, spooled and sent are the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chain_of_custody.digests import Digests, Hasher, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffers import BufferPool

READ_SIZE = 1024 * 1024


class ByteSource(Protocol):
    """Something that is read once, from the start."""

    def readinto(self, buffer: memoryview) -> int:
        """Read the next bytes; 0 at the end."""

    def finish(self) -> None:
        """Confirm after the last byte that what was read counts."""


class FilledPart:
    """One part in a pooled buffer: number from 1, and how many bytes are filled."""

    __slots__ = ("_sha256", "buffer", "number", "size")

    def __init__(self, number: int, buffer: bytearray, size: int, sha256: str | None = None) -> None:
        """Take a filled buffer; ``sha256`` where it is known already."""
        self.number = number
        self.buffer = buffer
        self.size = size
        self._sha256 = sha256

    @property
    def body(self) -> memoryview:
        """The filled bytes."""
        return memoryview(self.buffer)[: self.size]

    def digest(self) -> str:
        """SHA-256 of the filled bytes, hashed by whoever asks first, so that it need not be the reading thread."""
        if self._sha256 is None:
            self._sha256 = sha256_hex(self.body)
        return self._sha256


def hash_source(
    source: ByteSource,
    *,
    sm3: bool,
    on_bytes: Callable[[int], None],
    on_piece: Callable[[memoryview], None] | None = None,
) -> Digests:
    """Read a file once for its digests, and for the spool where ``on_piece`` takes its bytes."""
    hasher = Hasher(sm3=sm3)
    buffer = memoryview(bytearray(READ_SIZE))
    while count := source.readinto(buffer):
        hasher.update(buffer[:count])
        if on_piece is not None:
            on_piece(buffer[:count])
        on_bytes(count)
    source.finish()
    return hasher.digests()


def read_parts(
    source: ByteSource,
    part_size: int,
    pool: BufferPool,
    *,
    sm3: bool,
    on_part: Callable[[FilledPart], None],
    on_bytes: Callable[[int], None],
    on_piece: Callable[[memoryview], None] | None = None,
) -> Digests:
    """Read a file once and hand on its parts; the receiver of a part gives its buffer back.

    An empty file is one empty part.

    Args:
        source: The file.
        part_size: Bytes of every part but the last.
        pool: Lends the buffers.
        sm3: Whether SM3 is made beside SHA-256.
        on_part: Takes over each filled part.
        on_bytes: Told how many bytes were read.
        on_piece: Sees each piece before its part is handed on, for the spool.

    Returns:
        The digests of all bytes, once the source has confirmed them.
    """
    hasher = Hasher(sm3=sm3)
    number = 0
    while True:
        buffer = pool.take(part_size)
        number += 1
        try:
            filled = _fill_part(source, memoryview(buffer)[:part_size], hasher, on_bytes, on_piece)
        except BaseException:
            pool.give_back(buffer)
            raise
        if filled == 0 and number > 1:
            pool.give_back(buffer)
            break
        # The first part's digest is the file's so far: it need not be hashed twice.
        on_part(FilledPart(number, buffer, filled, hasher.digests().sha2_256 if number == 1 else None))
        if filled < part_size:
            break
    source.finish()
    return hasher.digests()


def _fill_part(
    source: ByteSource,
    view: memoryview,
    hasher: Hasher,
    on_bytes: Callable[[int], None],
    on_piece: Callable[[memoryview], None] | None,
) -> int:
    filled = 0
    while filled < len(view):
        count = source.readinto(view[filled : filled + READ_SIZE])
        if not count:
            break
        piece = view[filled : filled + count]
        hasher.update(piece)
        if on_piece is not None:
            on_piece(piece)
        filled += count
        on_bytes(count)
    return filled

"""The one read pass over a file: its digest, the digests of its parts, the spool and the senders, all from one buffer.

The file's digest is fed before a buffer is handed on; the part's digest is made by who sends it, from the same buffer,
which nobody writes until it is given back. So what is sent is what was hashed, and both digests cost no core twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chain_of_custody.digests import Digests, Hasher

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


@dataclass(frozen=True, slots=True)
class FilledPart:
    """One part in a pooled buffer: number from 1, and how many bytes are filled."""

    number: int
    buffer: bytearray
    size: int

    @property
    def body(self) -> memoryview:
        """The filled bytes."""
        return memoryview(self.buffer)[: self.size]

    def digest(self) -> str:
        """SHA-256 of the filled bytes, 64 hex digits; computed when asked for."""
        return hashlib.sha256(self.body).hexdigest()


def hash_source(source: ByteSource, *, sm3: bool, on_bytes: Callable[[int], None]) -> Digests:
    """Read a file once for its digests alone."""
    hasher = Hasher(sm3=sm3)
    buffer = memoryview(bytearray(READ_SIZE))
    while count := source.readinto(buffer):
        hasher.update(buffer[:count])
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

    Returns:
        The digests of all bytes, once the source has confirmed them.
    """
    hasher = Hasher(sm3=sm3)
    number = 0
    while True:
        buffer = pool.take(part_size)
        number += 1
        try:
            filled = _fill_part(source, memoryview(buffer)[:part_size], hasher, on_bytes)
        except BaseException:
            pool.give_back(buffer)
            raise
        if filled == 0 and number > 1:
            pool.give_back(buffer)
            break
        on_part(FilledPart(number, buffer, filled))
        if filled < part_size:
            break
    source.finish()
    return hasher.digests()


def _fill_part(source: ByteSource, view: memoryview, hasher: Hasher, on_bytes: Callable[[int], None]) -> int:
    filled = 0
    while filled < len(view):
        count = source.readinto(view[filled : filled + READ_SIZE])
        if not count:
            break
        hasher.update(view[filled : filled + count])
        filled += count
        on_bytes(count)
    return filled

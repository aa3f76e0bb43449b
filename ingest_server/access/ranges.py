"""The ``Range`` header of RFC 9110, section 14: one range of bytes, or the whole.

>>> parse_range("bytes=0-99", 1000)
Span(start=0, length=100)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=[ \t]*(\d{0,30})-(\d{0,30})[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes that are sent."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """The ``Content-Range`` header of an answer with this span."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


class UnsatisfiableRangeError(ValueError):
    """The range lies outside the content; the answer is 416."""


def parse_range(header: str | None, size: int) -> Span | None:
    """Read a ``Range`` header for content of ``size`` bytes.

    Returns:
        The span; None where the whole is to be sent: no header, another unit, several ranges, or nonsense, all of
        which a server may ignore (section 14.2).

    Raises:
        UnsatisfiableRangeError: One well-formed range without a byte of the content in it.
    """
    found = _ONE.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return _take_suffix(last, size) if last else None
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableRangeError
    end = min(int(last), size - 1) if last else size - 1
    return Span(start, end - start + 1)


def _take_suffix(count: str, size: int) -> Span:
    length = min(int(count), size)
    if not length:
        raise UnsatisfiableRangeError
    return Span(size - length, length)

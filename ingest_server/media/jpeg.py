"""The frame of a JPEG file (ISO/IEC 10918-1, annex B), without decoding it: is it one, and how large is its picture."""

from __future__ import annotations

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN = 0xDA
# Start-of-frame markers; C4, C8 and CC are something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read_jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, or None for bytes that are no JPEG from their first to their last byte."""
    if not data.startswith(_START) or not data.endswith(_END):
        return None
    offset, size = 2, None
    while offset + 4 <= len(data):
        if data[offset] != 0xFF:
            return None
        marker, length = data[offset + 1], int.from_bytes(data[offset + 2 : offset + 4], "big")
        if length < 2 or offset + 2 + length > len(data):
            return None
        if marker in _FRAMES:
            if length < 8:
                return None
            height, width = (int.from_bytes(data[offset + n : offset + n + 2], "big") for n in (5, 7))
            size = (width, height)
        if marker == _SCAN:
            return size if size and min(size) > 0 else None
        offset += 2 + length
    return None

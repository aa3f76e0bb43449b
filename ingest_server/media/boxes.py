"""The top-level boxes of an MP4 file (ISO/IEC 14496-12): enough to see that a file was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BOXES = 2000


def find_cut(read_at: Callable[[int, int], bytes], size: int) -> str | None:
    """What is missing of an MP4 file, by its boxes: ``index`` (no moov), ``content`` (a box ends behind the file).

    Args:
        read_at: Gives bytes by offset and length.
        size: The file's size in bytes.

    Returns:
        None where nothing is missing or the boxes say nothing; damage inside a box is not seen here.
    """
    offset, has_index, is_cut = 0, False, False
    for _ in range(MAX_BOXES):
        if offset >= size:
            break
        head = read_at(offset, 16)
        if len(head) < 8:
            is_cut = True
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - offset
        if length < 8:
            break
        has_index = has_index or kind in {b"moov", b"moof"}
        is_cut = is_cut or offset + length > size
        offset += length
    if not has_index:
        return "index"
    return "content" if is_cut else None

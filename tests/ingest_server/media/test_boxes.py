"""The boxes of an MP4 file tell whether it was cut off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest_server.media.boxes import find_cut


def cut_of(data: bytes, size: int | None = None) -> str | None:
    return find_cut(lambda offset, length: data[offset : offset + length], len(data) if size is None else size)


def box(kind: bytes, length: int) -> bytes:
    return length.to_bytes(4, "big") + kind + bytes(length - 8)


WHOLE = box(b"ftyp", 24) + box(b"mdat", 100) + box(b"moov", 60)


def test_a_whole_file_is_not_cut() -> None:
    assert cut_of(WHOLE) is None


def test_a_file_without_its_index_was_cut() -> None:
    assert cut_of(WHOLE[:100]) == "index"


def test_a_file_that_ends_inside_its_content_was_cut() -> None:
    assert cut_of(box(b"ftyp", 24) + box(b"moov", 60) + box(b"mdat", 100)[:40]) == "content"


def test_a_last_box_may_reach_to_the_end() -> None:
    assert cut_of(box(b"moov", 60) + b"\x00\x00\x00\x00mdat" + bytes(50)) is None


def test_a_large_box_has_its_length_behind_its_kind() -> None:
    large = b"\x00\x00\x00\x01mdat" + (116).to_bytes(8, "big") + bytes(100)
    assert cut_of(large + box(b"moov", 60)) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_walked_to_an_end(data: bytes) -> None:
    assert cut_of(data) in {None, "index", "content"}

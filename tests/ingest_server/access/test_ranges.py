"""The Range header: what it means, and that nothing in it can hurt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.access.ranges import Span, UnsatisfiableRangeError, parse_range

CONTENT = bytes(range(100))


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-99", Span(0, 100)),
        ("bytes=90-", Span(90, 10)),
        ("bytes=-10", Span(90, 10)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=50-1000", Span(50, 50)),
        ("Bytes=1-2", Span(1, 2)),
        (" bytes=1-2 ", Span(1, 2)),
        ("bytes=0-99999999999999999999", Span(0, 100)),
    ],
)
def test_one_range_is_taken(header: str, span: Span) -> None:
    assert parse_range(header, 100) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "items=0-1",
        "bytes=5-2",
        "bytes=0-1,5-9",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=１-２",
    ],
)
def test_anything_else_means_the_whole(header: str | None) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_range_outside_the_content_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 100)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_nothing_of_an_empty_file_can_be_satisfied(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 0)


@given(
    st.one_of(st.text(max_size=60), st.from_regex(r"bytes=[0-9]{0,40}-[0-9]{0,40}(,[0-9]*-[0-9]*)?", fullmatch=True))
)
def test_any_header_gives_bytes_of_the_content_or_the_whole(header: str) -> None:
    for size in (0, 1, 100, 2**40):
        try:
            span = parse_range(header, size)
        except UnsatisfiableRangeError:
            continue
        if span is not None:
            assert 0 <= span.start < size
            assert 1 <= span.length <= size - span.start
            assert span.content_range(size) == f"bytes {span.start}-{span.start + span.length - 1}/{size}"


@given(st.integers(0, 120), st.one_of(st.none(), st.integers(0, 120)))
def test_a_range_is_the_slice_it_names(first: int, last: int | None) -> None:
    header = f"bytes={first}-{'' if last is None else last}"
    try:
        span = parse_range(header, 100)
    except UnsatisfiableRangeError:
        assert first >= 100
        return
    if span is None:
        assert last is not None
        assert last < first
        return
    assert CONTENT[span.start : span.start + span.length] == CONTENT[first : None if last is None else last + 1]

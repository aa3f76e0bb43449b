"""Positions as people write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.errors import BadRequestError
from ingest_server.recordings.positions import MAX_MS, parse_position, show_position


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [("0:00", 0), ("7:05", 425_000), ("1:02:03", 3_723_000), ("7:05.25", 425_250), ("7:05,5", 425_500), ("90", 90_000),
     ("75:00", 4_500_000), (" 0:01 ", 1000)],
)  # fmt: skip
def test_a_position_is_read(text: str, at_ms: int) -> None:
    assert parse_position(text) == at_ms


@pytest.mark.parametrize(
    "text", ["", "360000", "x", "-1", "1:60", "1:75:00", "7:5", "99:59:59:59", "１:00", "1e3", "100:00:01"]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError):
        parse_position(text)


@given(st.integers(0, MAX_MS))
def test_what_is_shown_is_read_again(at_ms: int) -> None:
    assert parse_position(show_position(at_ms)) == at_ms


@given(st.text(max_size=30))
def test_any_text_is_a_position_or_refused(text: str) -> None:
    with suppress(BadRequestError):
        assert 0 <= parse_position(text) <= MAX_MS

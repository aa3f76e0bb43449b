"""Times that people type."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.errors import BadRequestError
from ingest_server.web.typed_times import read_month, read_time, write_time

ZONE = ZoneInfo("Asia/Shanghai")


def test_a_typed_time_is_the_agencys() -> None:
    assert read_time("2026-11-25T10:30", ZONE) == datetime(2026, 11, 25, 2, 30, tzinfo=UTC)


@given(st.integers(0, 7_000_000_000))
def test_a_time_written_into_a_form_comes_back(seconds: int) -> None:
    at = datetime.fromtimestamp(seconds // 60 * 60, UTC)
    assert read_time(write_time(at, ZONE), ZONE) == at


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(BadRequestError):
        assert read_time(text, ZONE).tzinfo is UTC


@given(st.text(max_size=10))
def test_any_text_gives_a_month(text: str) -> None:
    month, begin, end = read_month(text, ZONE, datetime(2026, 11, 30, 17, tzinfo=UTC))
    assert begin < end
    if len(text) != 7:
        assert month == "2026-12"


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_the_ends_of_the_calendar_do_no_harm(text: str) -> None:
    with contextlib.suppress(BadRequestError):
        read_time(text, ZONE)

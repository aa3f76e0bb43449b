"""Instants."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError
from chain_of_custody.instants import format_instant, parse_instant, utc_clock
from tests.support.hostile import json_values, quick, refuses_or_reads

LIMITS = {"min_value": datetime(1, 1, 2), "max_value": datetime(9999, 12, 30)}  # noqa: DTZ001 - hypothesis adds the zone
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

MOMENTS = st.datetimes(**LIMITS, timezones=ZONES)


@quick
@given(MOMENTS)
def test_an_instant_reads_back_as_the_same_moment_in_utc(moment):
    text = format_instant(moment)
    assert len(text) == 27
    assert parse_instant(text) == moment
    assert parse_instant(text).tzinfo is UTC


@quick
@given(json_values)
def test_hostile_values_are_read_or_refused_as_malformed(value):
    refuses_or_reads(parse_instant, value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T08:00:00Z",
        "2026-11-24T08:00:00.000Z",
        "2026-11-24T08:00:00.0000000Z",
        "2026-11-24T08:00:00.000000+00:00",
        "2026-11-24t08:00:00.000000z",
        "2026-11-24 08:00:00.000000Z",
        "2026-02-30T08:00:00.000000Z",
        "2026-11-24T24:00:00.000000Z",
        "2026-11-24T08:00:60.000000Z",
        "0000-11-24T08:00:00.000000Z",
        "２026-11-24T08:00:00.000000Z",
        "2026-11-24T08:00:00.000000Z\n",
        0,
        None,
    ],
)
def test_another_form_is_refused(text):
    with pytest.raises(MalformedError):
        parse_instant(text)


def test_a_time_without_a_zone_is_not_taken_for_utc():
    with pytest.raises(ValueError, match="zone"):
        format_instant(utc_clock().replace(tzinfo=None))


def test_the_clock_knows_its_zone():
    assert utc_clock().tzinfo is UTC

"""Numbers that are missing between files are named; numbering that begins again is not a gap."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.completeness import TOLD_GAPS, find_gaps, find_losses


def name(number: int, *, day: int = 23, minute: int | None = None, serial: str = "3100457") -> bytes:
    at = f"202611{day:02}14{number % 60 if minute is None else minute:02}00"
    return f"DCIM/100MEDIA/{serial}_014207{at}_{number:04}.MP4".encode()


def gaps(paths: list[bytes], before: list[bytes] | None = None) -> list[tuple[str, str]]:
    found = cast("list[dict[str, Any]]", find_gaps(paths, before or []))
    assert all((one["code"], one["severity"]) == ("SEQUENCE_GAP", "warning") for one in found)
    return [(str(one["where"]).rsplit("_", 1)[-1], str(one["message"])) for one in found]


def test_a_series_without_a_gap_has_no_finding() -> None:
    assert gaps([name(number) for number in (3, 1, 2, 4)]) == []


@pytest.mark.parametrize(
    ("numbers", "where", "told"),
    [
        ((1, 3), "0003.MP4", "1 missing before this file: number 0002"),
        ((1, 2, 6), "0006.MP4", "3 missing before this file: number 0003 to 0005"),
    ],
)
def test_missing_numbers_are_named(numbers: tuple[int, ...], where: str, told: str) -> None:
    found = gaps([name(number) for number in numbers])
    assert [(place, text.split(",", 1)[0]) for place, text in found] == [(where, told)]


def test_a_series_goes_on_across_dockings() -> None:
    assert gaps([name(5)], [name(3)])[0][1].startswith("1 missing before this file: number 0004")
    assert gaps([name(4)], [name(3)]) == []


def test_a_gap_that_an_earlier_docking_told_is_not_told_again() -> None:
    assert gaps([name(6)], [name(1), name(5)]) == []


def test_counters_begin_again_after_the_last_number_and_on_a_new_day() -> None:
    assert gaps([name(9999, minute=1), name(0, minute=2), name(1, minute=3)]) == []
    assert gaps([name(7, day=23), name(1, day=24)]) == []


def test_two_recorders_are_two_series() -> None:
    assert gaps([name(1), name(3, serial="3100458")]) == []


def test_names_without_numbers_say_nothing() -> None:
    assert gaps([b"movie.mp4", b"DCIM/100MEDIA/DSCF0001.JPG", b"DCIM/100MEDIA/DSCF0009.JPG"]) == []


def test_many_gaps_are_told_up_to_a_limit() -> None:
    assert len(gaps([name(number, minute=number // 60) for number in range(0, 400, 2)])) == TOLD_GAPS


@given(st.lists(st.binary(max_size=60)), st.lists(st.binary(max_size=60)))
def test_no_names_break_it(paths: list[bytes], before: list[bytes]) -> None:
    find_gaps(paths, before)


def losses(here: dict[bytes, int], before: dict[bytes, int], safe: set[bytes]) -> list[tuple[str, str, str]]:
    found = cast("list[dict[str, str]]", find_losses(here, before, safe))
    return [(one["code"], one["severity"], one["where"]) for one in found]


def test_what_was_there_before_and_is_gone_or_shorter_is_told() -> None:
    before = {b"a.mp4": 10, b"b.mp4": 10, b"c.mp4": 10, b"d.mp4": 10}
    assert losses({b"a.mp4": 10, b"b.mp4": 4, b"d.mp4": 11, b"e.mp4": 1}, before, {b"b.mp4"}) == [
        ("FILE_GONE", "error", "c.mp4"),
        ("FILE_SHORTER", "warning", "b.mp4"),
    ]
    assert losses({}, {b"a.mp4": 10}, {b"a.mp4"}) == [("FILE_GONE", "warning", "a.mp4")]


def test_many_losses_are_counted_and_the_first_of_them_named() -> None:
    found = cast("list[dict[str, str]]", find_losses({}, {b"%d.mp4" % number: 1 for number in range(120)}, set()))
    assert len(found) == 50
    assert (found[-1]["message"], found[-1]["severity"]) == ("and 71 more of this kind", "error")

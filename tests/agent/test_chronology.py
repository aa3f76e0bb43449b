"""What claimed times say of a recorder's clock: bounds that hold, and findings that say no more than is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from agent.chronology import ClockEvidence, judge_times
from agent.scanning import FoundFile
from tests.support.hostile import quick

BEFORE = datetime(2026, 11, 23, 8, 0)  # noqa: DTZ001 - a recorder's clock has no zone
NOW = datetime(2026, 11, 23, 18, 0)  # noqa: DTZ001 - the same


def recorded(at: datetime, number: int = 1, *, minutes: int | None = None) -> FoundFile:
    path = f"DCIM/{at:%Y%m%d_%H%M%S}_{number:04}.MP4".encode()
    ended = None if minutes is None else int((at + timedelta(minutes=minutes)).timestamp() * 1e9)
    return FoundFile(path, "file", "found", 10, ended)


def judge(*files: FoundFile, before: datetime | None = BEFORE, known: tuple[bytes, ...] = ()) -> ClockEvidence:
    return judge_times(files, before, NOW, known)


def codes(evidence: ClockEvidence) -> list[str]:
    return [cast("dict[str, str]", finding)["code"] for finding in evidence.findings]


def text(evidence: ClockEvidence) -> str:
    return " ".join(cast("dict[str, str]", finding)["message"] for finding in evidence.findings)


HOUR = timedelta(hours=1)
TRUE = (BEFORE + HOUR, BEFORE + 3 * HOUR, NOW - HOUR)


@quick
@given(st.integers(-30 * 86400, 30 * 86400), st.booleans())
def test_the_true_offset_always_lies_within_the_bounds(offset: int, is_first: bool) -> None:
    files = [recorded(at + timedelta(seconds=offset), number) for number, at in enumerate(TRUE)]
    evidence = judge(*files, before=None if is_first else BEFORE)
    if "CLOCK_RESET" in codes(evidence):
        return
    assert evidence.lower_s is not None
    assert evidence.lower_s <= offset
    assert is_first == (evidence.upper_s is None)
    assert evidence.upper_s is None or evidence.upper_s >= offset
    assert "CLOCK_JUMPED" not in codes(evidence)


def test_a_right_clock_has_no_finding() -> None:
    assert codes(judge(*(recorded(at, number) for number, at in enumerate(TRUE)))) == []


def test_a_clock_that_is_ahead_or_behind_is_told_by_at_least_how_much() -> None:
    ahead = judge(recorded(NOW + timedelta(minutes=30)))
    assert codes(ahead) == ["CLOCK_AHEAD"]
    assert "at least 30 min ahead" in text(ahead)
    behind = judge(recorded(BEFORE - timedelta(days=3)))
    assert codes(behind) == ["CLOCK_BEHIND"]
    assert "at least 3 days behind" in text(behind)


def test_another_zone_is_named_as_a_guess() -> None:
    assert "another time zone" in text(judge(recorded(NOW + timedelta(hours=7, minutes=58))))
    assert "another time zone" not in text(judge(recorded(NOW + timedelta(hours=7, minutes=37))))


def test_a_recorder_seen_for_the_first_time_may_hold_old_recordings() -> None:
    assert codes(judge(recorded(BEFORE - timedelta(days=300)), before=None)) == []


def test_recordings_of_the_last_docking_say_nothing_about_the_time_since() -> None:
    old = recorded(BEFORE - timedelta(days=3))
    assert codes(judge(old, known=(old.path,))) == []


def test_times_that_no_one_setting_explains_are_a_jump() -> None:
    assert "CLOCK_JUMPED" in codes(judge(recorded(BEFORE - 5 * HOUR, 7), recorded(NOW + 5 * HOUR, 9)))
    set_back = judge(recorded(BEFORE + 5 * HOUR, 7), recorded(BEFORE + 4 * HOUR, 8))
    assert codes(set_back) == ["CLOCK_JUMPED"]
    assert "dated 60 min before" in text(set_back)


def test_a_flat_battery_is_told_once_and_bounds_nothing() -> None:
    reset = datetime(2000, 1, 1, 0, 3)  # noqa: DTZ001 - the same
    evidence = judge(recorded(reset, 8), recorded(reset + HOUR, 9))
    assert codes(evidence) == ["CLOCK_RESET"]
    assert "2 recordings are dated 2000-01-01" in text(evidence)
    assert (evidence.lower_s, evidence.upper_s, evidence.files) == (None, None, 0)


def test_overlapping_recordings_are_told_and_pre_recording_is_not() -> None:
    start = BEFORE + HOUR
    assert codes(judge(recorded(start, 1, minutes=20), recorded(start + timedelta(minutes=10), 2))) == [
        "RECORDINGS_OVERLAP"
    ]
    assert codes(judge(recorded(start, 1, minutes=10), recorded(start + timedelta(minutes=9, seconds=30), 2))) == []
    # A copy's time is no end of a recording.
    assert codes(judge(recorded(start, 1, minutes=60 * 24), recorded(start + HOUR, 2))) == []


@quick
@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(-(2**63), 2**63 - 1)), max_size=8))
def test_any_names_and_times_are_judged(files: list[tuple[bytes, int]]) -> None:
    found = [FoundFile(path, "file", "found", 1, mtime) for path, mtime in files]
    assert isinstance(cast("Any", judge_times(found, BEFORE, NOW, is_fat=True).to_json())["files"], int)

"""What a recorder's times say of its clock: they are claims, and nothing here changes them.

A recording that was not there at the last docking was made between that docking and this one. Its claimed start
therefore bounds how far the recorder's clock is off: with the true start in ``[before, now]``, the offset (recorder
less true time) is at least ``claimed - now`` and at most ``claimed - before``. All new recordings together narrow the
bounds; where no offset fits all of them the clock was changed in between. Bounds are in whole seconds and say nothing
more than they can.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from agent.findings import limit_findings, make_finding
from agent.recorders.reading import list_resets, read_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.scanning import FoundFile
    from chain_of_custody.canonical import JsonValue

SLACK = timedelta(minutes=2)
"""Clocks drift by seconds; less than this is no finding."""
LONGEST_RECORDING = timedelta(hours=12)
"""A file time further from the claimed start is no end of the recording but a copy's time."""
OVERLAP = timedelta(minutes=1)
"""Recorders keep half a minute from before the button was pressed; less than this is no overlap."""
ZONE_STEP_S = 900
_NEAR_S = 300


@dataclass(frozen=True, slots=True)
class Timed:
    """A recording with its times by the recorder's clock: start by its name, end by the file system where that fits."""

    shown: str
    started: datetime
    ended: datetime | None
    series: tuple[str, str]
    number: int | None


@dataclass(slots=True)
class ClockEvidence:
    """What the times say.

    Attributes:
        lower_s: The recorder's clock less true time is at least so many seconds; None where nothing bounds it.
        upper_s: It is at most so many seconds.
        files: How many recordings bound it.
        findings: What a person should know.
    """

    lower_s: int | None = None
    upper_s: int | None = None
    files: int = 0
    findings: list[JsonValue] = field(default_factory=list)

    def to_json(self) -> dict[str, JsonValue]:
        """As the inventory's ``clock.recorder`` carries it."""
        return {"offset_min_s": self.lower_s, "offset_max_s": self.upper_s, "files": self.files}


def judge_times(
    found: Sequence[FoundFile],
    before: datetime | None,
    now: datetime,
    known: Iterable[bytes] = (),
    *,
    is_fat: bool = False,
) -> ClockEvidence:
    """Judge a recorder's clock by the times that its files claim.

    Args:
        found: The files on the recorder.
        before: When the last docking of this recorder began, local time of this dock; None where there was none.
        now: Local time of this dock, without a zone, as recorders keep it.
        known: Raw paths that the last docking saw; they say nothing about the time since.
        is_fat: Whether file times are local times that the kernel passed on as if they were UTC.
    """
    timed = [(file, one) for file in found if (one := _read_times(file, is_fat=is_fat))]
    resets = [one for _, one in timed if one.started.date() in list_resets()]
    seen = set(known)
    fresh = [one for file, one in timed if file.path not in seen and one.started.date() not in list_resets()]
    evidence = ClockEvidence(files=len(fresh))
    evidence.findings += _tell_resets(resets)
    evidence.findings += _find_overlaps([one for _, one in timed])
    evidence.findings += _find_steps_back([one for _, one in timed if one not in resets])
    if fresh:
        _bound(evidence, fresh, before, now)
    return evidence


def _bound(evidence: ClockEvidence, fresh: Sequence[Timed], before: datetime | None, now: datetime) -> None:
    latest = max(fresh, key=lambda one: one.started)
    earliest = min(fresh, key=lambda one: one.started)
    evidence.lower_s = int((latest.started - now).total_seconds())
    if before is not None:
        evidence.upper_s = int((earliest.started - before).total_seconds())
    slack = int(SLACK.total_seconds())
    if evidence.upper_s is not None and evidence.lower_s > evidence.upper_s + slack:
        message = "no one setting of its clock fits the times of the recordings made since the last docking"
        evidence.findings.append(make_finding("CLOCK_JUMPED", latest.shown, message))
    elif evidence.lower_s > slack:
        message = f"its clock is at least {_say(evidence.lower_s)} ahead of this dock's{_hint(evidence.lower_s)}"
        evidence.findings.append(make_finding("CLOCK_AHEAD", latest.shown, message))
    elif evidence.upper_s is not None and evidence.upper_s < -slack:
        message = f"its clock is at least {_say(-evidence.upper_s)} behind this dock's{_hint(-evidence.upper_s)}"
        evidence.findings.append(make_finding("CLOCK_BEHIND", earliest.shown, message))


def _read_times(file: FoundFile, *, is_fat: bool) -> Timed | None:
    named = read_path(file.path)
    told = named.get("started_local")
    if told is None or named.get("role") not in {None, "recording"}:
        return None
    started = datetime.fromisoformat(told)
    number = next((claim for claim in named.claims if claim["name"] == "sequence"), None)
    series = (number["source"] if number else "", named.get("serial") or "")
    ended = None if file.mtime_ns is None else _read_file_time(file.mtime_ns, is_fat=is_fat)
    if ended is not None and not started <= ended <= started + LONGEST_RECORDING:
        ended = None
    return Timed(file.shown, started, ended, series, int(number["value"]) if number else None)


def _read_file_time(mtime_ns: int, *, is_fat: bool) -> datetime | None:
    try:
        at = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
        return (at if is_fat else at.astimezone()).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


def _tell_resets(resets: Sequence[Timed]) -> list[JsonValue]:
    if not resets:
        return []
    first = min(resets, key=lambda one: one.started)
    message = (
        f"{len(resets)} recordings are dated {first.started.date()}, a day that clocks begin at: its battery was empty"
        " or its clock was never set; when they were made is not known from their names"
    )
    return [make_finding("CLOCK_RESET", first.shown, message)]


def _find_overlaps(timed: Sequence[Timed]) -> list[JsonValue]:
    findings = []
    ordered = sorted(timed, key=lambda one: (one.started, one.shown))
    for first, then in itertools.pairwise(ordered):
        if first.ended is not None and first.ended > then.started + OVERLAP and first.started < then.started:
            message = f"it begins {_say(int((first.ended - then.started).total_seconds()))} before {first.shown} ends"
            findings.append(make_finding("RECORDINGS_OVERLAP", then.shown, message))
    return limit_findings("RECORDINGS_OVERLAP", findings)


def _find_steps_back(timed: Sequence[Timed]) -> list[JsonValue]:
    """A number that follows another and an earlier time: the clock was set back between the two."""
    findings = []
    ordered = sorted((one for one in timed if one.number is not None), key=lambda one: (one.series, one.number or 0))
    for first, then in itertools.pairwise(ordered):
        is_next = first.series == then.series and (then.number or 0) - (first.number or 0) == 1
        if is_next and then.started + SLACK < first.started:
            back = _say(int((first.started - then.started).total_seconds()))
            message = f"it is numbered after {first.shown} and dated {back} before"
            findings.append(make_finding("CLOCK_JUMPED", then.shown, message))
    return limit_findings("CLOCK_JUMPED", findings)


def _hint(seconds: int) -> str:
    """Whole quarters of an hour up to fourteen hours look like another zone."""
    off = seconds % ZONE_STEP_S
    is_near = min(off, ZONE_STEP_S - off) <= _NEAR_S and 3600 - _NEAR_S <= seconds <= 14 * 3600 + _NEAR_S
    return "; it may be set to another time zone" if is_near else ""


def _say(seconds: int) -> str:
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"

"""What should be on a recorder and is not: numbers that are missing between the files of one series.

A recorder numbers its files in turn. A series is the files that one recorder named in one form; between two of them,
in the order of their own times, a number left out means a file that was removed, never finished, or never numbered.
The finding says which numbers, not why. What an earlier docking saw counts: a series goes on across dockings.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.recorders.profile import read_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chain_of_custody.canonical import JsonValue

TOLD_GAPS = 50
LONGEST_GAP = 1000
"""More numbers than that at once are no gap but another series, or a counter that was set anew."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A file with its place in a series: the series, its own time, its number, how many digits numbers have."""

    series: tuple[str, str]
    started: str
    number: int
    digits: int
    path: str


def find_gaps(paths: Iterable[bytes], before: Iterable[bytes] = ()) -> list[JsonValue]:
    """Findings about numbers that are missing.

    Args:
        paths: Raw paths of the files that are on the recorder now.
        before: Raw paths of files of the same recorder that earlier dockings saw.

    Returns:
        At most ``TOLD_GAPS`` findings ``SEQUENCE_GAP``, each with the file after which numbers are missing.
    """
    here = set(_read_series(paths))
    # An earlier file bounds a gap, but a gap between two of them was told when they were seen.
    known = here | set(_read_series(before))
    findings: list[JsonValue] = []
    for first, then in _list_neighbours(known):
        missing = _count_missing(first, then)
        if missing and then in here and len(findings) < TOLD_GAPS:
            findings.append(_make_finding(first, then, missing))
    return findings


def _read_series(paths: Iterable[bytes]) -> Iterator[Numbered]:
    for path in paths:
        claims = {claim["name"]: claim for claim in read_name(path).claims}
        number, started = claims.get("sequence"), claims.get("started_local")
        if number is not None and started is not None:
            serial = claims["serial"]["value"] if "serial" in claims else ""
            shown = path.decode("utf-8", "replace")
            yield Numbered(
                (number["source"], serial), started["value"], int(number["value"]), len(number["value"]), shown
            )


def _list_neighbours(known: set[Numbered]) -> Iterator[tuple[Numbered, Numbered]]:
    ordered = sorted(known, key=lambda one: (one.series, one.started, one.number, one.path))
    for first, then in itertools.pairwise(ordered):
        if first.series == then.series:
            yield first, then


def _count_missing(first: Numbered, then: Numbered) -> int:
    """How many numbers lie between; counters begin again after all nines, and each day where a recorder does so."""
    step = (then.number - first.number) % 10**first.digits
    is_new_day = then.started[:10] != first.started[:10] and then.number <= 1
    return step - 1 if 1 < step <= LONGEST_GAP and not is_new_day else 0


def _make_finding(first: Numbered, then: Numbered, missing: int) -> JsonValue:
    digits = first.digits
    numbers = [f"{(first.number + 1) % 10**digits:0{digits}}", f"{(then.number - 1) % 10**digits:0{digits}}"]
    told = numbers[0] if missing == 1 else f"{numbers[0]} to {numbers[1]}"
    return {
        "code": "SEQUENCE_GAP",
        "severity": "warning",
        "where": then.path,
        "message": f"{missing} missing before this file: number {told}, after {first.path.rsplit('/', 1)[-1]}",
    }

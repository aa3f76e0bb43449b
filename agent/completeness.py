"""What should be on a recorder and is not: numbers missing in a series, files that were there before, lost bytes.

A recorder numbers its files in turn. A series is the files that one recorder named in one form; between two of them,
in the order of their own times, a number left out means a file that was removed, never finished, or never numbered.
The finding says which numbers, not why. What an earlier docking saw counts: a series goes on across dockings.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.findings import limit_findings, make_finding
from agent.names import display_path
from agent.recorders.reading import find_counter, read_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

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
            findings.append(_make_gap(first, then, missing))
    return findings


def _read_series(paths: Iterable[bytes]) -> Iterator[Numbered]:
    for path in paths:
        claims = {claim["name"]: claim for claim in read_path(path).claims}
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
    # A counter that begins anew each day has no gap overnight; one that runs on may begin again as well.
    is_daily = find_counter(first.series[0]) == "day"
    is_new_day = then.started[:10] != first.started[:10] and (is_daily or then.number <= 1)
    return step - 1 if 1 < step <= LONGEST_GAP and not is_new_day else 0


def _make_gap(first: Numbered, then: Numbered, missing: int) -> JsonValue:
    digits = first.digits
    numbers = [f"{(first.number + 1) % 10**digits:0{digits}}", f"{(then.number - 1) % 10**digits:0{digits}}"]
    told = numbers[0] if missing == 1 else f"{numbers[0]} to {numbers[1]}"
    message = f"{missing} missing before this file: number {told}, after {first.path.rsplit('/', 1)[-1]}"
    return make_finding("SEQUENCE_GAP", then.path, message)


def find_losses(here: Mapping[bytes, int], before: Mapping[bytes, int], safe: Collection[bytes]) -> list[JsonValue]:
    """Findings about files that an earlier docking listed and that are gone or shorter now.

    Args:
        here: Raw paths on the recorder with their sizes.
        before: The same of its last docking, without what this dock itself has cleared.
        safe: Raw paths that this dock has sealed: what is lost on the recorder is safe in the store.

    Returns:
        ``FILE_GONE`` and ``FILE_SHORTER``: an error where the lost bytes were never sealed, else a warning.
    """
    gone, shorter = [], []
    for path, size in before.items():
        severity = "warning" if path in safe else "error"
        state = "it was sealed before" if path in safe else "it was never sealed"
        if path not in here:
            message = f"an earlier docking listed it with {size} bytes and it is not there any more; {state}"
            gone.append(make_finding("FILE_GONE", display_path(path), message, severity))
        elif here[path] < size:
            message = f"it has {here[path]} bytes and had {size} at an earlier docking; {state}"
            shorter.append(make_finding("FILE_SHORTER", display_path(path), message, severity))
    return limit_findings("FILE_GONE", gone) + limit_findings("FILE_SHORTER", shorter)

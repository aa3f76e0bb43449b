"""The conformance check of a profile: what its maker runs before it is shipped, and what holds ours to their word.

It checks what the profile says of its own examples, that other profiles leave those alone, that hostile names neither
stop nor slow it, and that a simulated recorder of the family is recognised as one.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from agent.recorders.profile import load_profiles
from agent.recorders.reading import UNKNOWN, read_path, recognise
from agent.recorders.simulator import Shift, simulate
from agent.scanning import scan_volume
from agent.volumes import open_volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.recorders.profile import Profile

SLOWEST_S = 5.0
"""Longer than that for a few long names, and a recorder could hold up a dock by its names alone."""
_HOSTILE = (
    b"0" * 4000,
    b"_" * 4000,
    b"20" * 2000 + b".mp4",
    b"DCIM/" * 800 + b"a.mp4",
    b"\xff\xfe\x80" * 1000,
    b"3100457_014207" + b"2" * 4000 + b"_0001.mp4",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked; ``problem`` is empty where it is well."""

    what: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """What the profiles understand of a real volume.

    Attributes:
        family: As it is recognised.
        files: Regular files found.
        claims: How many files have each claim.
        unparsed: Names that no pattern knows and no place explains, the first of them.
    """

    family: str
    files: int
    claims: dict[str, int]
    unparsed: tuple[str, ...]


def check_profile(profile: Profile, shipped: Sequence[Profile] | None = None) -> list[Check]:
    """Check a profile beside the shipped ones."""
    others = [other for other in (load_profiles() if shipped is None else shipped) if other.name != profile.name]
    hostile = _check_hostile(profile)
    if any(check.problem for check in hostile):
        return hostile
    return [
        *hostile,
        *_check_examples(profile, others),
        *_check_patterns(profile),
        *_check_simulated(profile, others),
    ]


def read_volume(root: Path, profile: Profile | None = None) -> Understood:
    """Say what of a real volume is understood, the given profile being tried first; nothing is written.

    Raises:
        VolumeGoneError: It is no volume.
    """
    known = [*([profile] if profile else []), *load_profiles()]
    scan = scan_volume(open_volume(root))
    counts: Counter[str] = Counter()
    unparsed = []
    for file in scan.found:
        named = read_path(file.path, known)
        counts.update({claim["name"] for claim in named.claims})
        if "NAME_UNPARSED" in named.codes:
            unparsed.append(file.shown)
    return Understood(
        recognise((file.path for file in scan.found), known), len(scan.found), dict(counts), tuple(unparsed[:20])
    )


def _check_examples(profile: Profile, others: Sequence[Profile]) -> Iterator[Check]:
    if not profile.examples:
        yield Check("examples", "there is none: give at least one path of each kind with what it claims")
    for example in profile.examples:
        named = read_path(example.path.encode(), [profile, *others])
        found = {claim["name"]: claim["value"] for claim in named.claims}
        role = found.get("role", "recording")
        is_well = found == example.claims and role == example.role
        yield Check(f"example {example.path}", "" if is_well else f"it claims {found}, not {example.claims}")


def _check_patterns(profile: Profile) -> Iterator[Check]:
    names = [example.path.rsplit("/", 1)[-1] for example in profile.examples]
    for pattern in profile.names:
        is_shown = any(pattern.regex.fullmatch(name) for name in names)
        yield Check(f"pattern {pattern.pattern_id}", "" if is_shown else "no example shows it")


def _check_hostile(profile: Profile) -> list[Check]:
    """Read hostile names in a process that can be ended: a pattern that backtracks would not come to an end."""
    reading = get_context("spawn").Process(target=_read_hostile, args=(profile,), daemon=True)
    reading.start()
    reading.join(SLOWEST_S)
    is_slow = reading.is_alive()
    if is_slow:
        reading.kill()
        reading.join()
    return [Check("hostile names", f"not read within {SLOWEST_S:.0f} s: a pattern backtracks" if is_slow else "")]


def _read_hostile(profile: Profile) -> None:
    for name in _HOSTILE:
        read_path(name, [profile])
        recognise([name], [profile])


def _check_simulated(profile: Profile, others: Sequence[Profile]) -> Iterator[Check]:
    """A volume made by its own forms is recognised, and its recordings claim what was put into their names."""
    if profile.simulate is None or profile not in load_profiles():
        # Only what is shipped can be made by the simulator.
        listed = [example.path.encode() for example in profile.examples]
        family = recognise(listed, [profile, *others])
        yield Check("its examples as a volume", "" if family == profile.name else f"recognised as {family}")
        return
    with tempfile.TemporaryDirectory(prefix="evidock-profile-") as folder:
        shift = Shift(datetime(2026, 11, 23, 18), file_size=256)  # noqa: DTZ001 - a recorder's clock has no zone
        made = simulate(Path(folder), shift, [profile.name], [None])[0]
        understood = read_volume(made.root)
    is_well = understood.family == profile.name and not understood.unparsed
    told = understood.family if understood.family != UNKNOWN else "no family"
    yield Check("a simulated recorder", "" if is_well else f"recognised as {told}; unknown: {understood.unparsed}")

"""What a volume's paths say by the profiles: its family, and what each name and place claims.

Every profile is tried on every path, whatever the volume is: a card may have been in two recorders. A name nobody knows
is a finding, not a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING

from agent.names import display_path
from agent.recorders.profile import load_profiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.recorders.profile import Profile

UNKNOWN = "unknown"
MEDIA_ENDINGS = frozenset(
    {"3gp", "aac", "amr", "avi", "g711", "jpeg", "jpg", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mts", "ts", "wav"}
)
TIME_FORMATS = ("%Y%m%d%H%M%S", "%Y%m%d_%H%M%S", "%Y-%m-%d_%H-%M-%S")
# What clocks without a calendar of their own begin at: Unix, FAT, and the date most firmware falls back to.
EPOCHS = frozenset({date(1970, 1, 1), date(1980, 1, 1), date(2000, 1, 1)})


@dataclass(frozen=True, slots=True)
class NameClaims:
    """What a path says: claims with their source, and codes of findings about it."""

    claims: tuple[dict[str, str], ...]
    codes: tuple[str, ...]

    def get(self, name: str) -> str | None:
        """The value claimed under a name."""
        return next((claim["value"] for claim in self.claims if claim["name"] == name), None)


def recognise(paths: Iterable[bytes], profiles: Sequence[Profile] | None = None) -> str:
    """Name the family whose layout a volume has, from its raw paths; ``unknown`` where none fits."""
    shown = [display_path(path) for path in paths]
    for profile in load_profiles() if profiles is None else profiles:
        if profile.detect:
            if any(regex.search(path) for regex in profile.detect for path in shown):
                return profile.name
        elif any(_match(profile, path) for path in shown):
            return profile.name
    return UNKNOWN


def has_media(paths: Iterable[bytes]) -> bool:
    """Whether any path ends as media files do."""
    return any(path.rsplit(b".", 1)[-1].decode("ascii", "replace").lower() in MEDIA_ENDINGS for path in paths)


def read_path(path: bytes, profiles: Sequence[Profile] | None = None) -> NameClaims:
    """Turn a raw path into claims: of its name, of its role, of a mark by its place.

    A name nobody knows gives ``NAME_UNPARSED`` unless its place tells what it is for; an all-zero serial and officer
    ``DEVICE_IDENTITY_UNSET``; a time that is none ``NAME_TIME_IMPOSSIBLE``.
    """
    shown = display_path(path)
    known = load_profiles() if profiles is None else profiles
    found = next((match for profile in known if (match := _match(profile, shown))), None)
    claims, codes = _read_values(*found) if found else ([], [])
    role = _find_place(known, shown, "roles")
    if role is not None:
        claims.append(role)
    elif found is None:
        codes.append("NAME_UNPARSED")
    if not any(claim["name"] == "mark" for claim in claims):
        mark = _find_place(known, shown, "marks")
        claims += [mark] if mark else []
    return NameClaims(tuple(claims), tuple(codes))


def read_role(path: bytes) -> str:
    """What a file is for; ``recording`` where no place says otherwise."""
    return read_path(path).get("role") or "recording"


def is_marked(path: bytes) -> bool:
    """Whether name or place say that an officer marked the recording as important (重点)."""
    return read_path(path).get("mark") is not None


@cache
def find_counter(pattern_source: str) -> str:
    """How the numbers of a name pattern run, from the claim's source: ``recorder`` or ``day``."""
    pattern_id = pattern_source.removeprefix("name:")
    profiles = load_profiles()
    return next((p.counter for p in profiles if any(n.pattern_id == pattern_id for n in p.names)), "recorder")


@cache
def list_resets() -> frozenset[date]:
    """Dates that a recorder's clock shows when it was never set or its battery was empty."""
    return EPOCHS.union(*(profile.resets for profile in load_profiles()))


def _match(profile: Profile, shown: str) -> tuple[str, dict[str, str]] | None:
    name = shown.rsplit("/", 1)[-1]
    for pattern in profile.names:
        found = pattern.regex.fullmatch(name)
        if found:
            return pattern.pattern_id, {key: value for key, value in found.groupdict().items() if value}
    return None


def _find_place(profiles: Sequence[Profile], shown: str, kind: str) -> dict[str, str] | None:
    for profile in profiles:
        for place in profile.roles if kind == "roles" else ():
            if place.regex.search(shown):
                return {"name": "role", "value": place.role, "source": f"layout:{profile.name}"}
        for marked in profile.marks if kind == "marks" else ():
            if marked.regex.search(shown):
                return {"name": "mark", "value": marked.mark, "source": f"layout:{profile.name}"}
    return None


def _read_values(pattern_id: str, values: dict[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    source = f"name:{pattern_id}"
    codes: list[str] = []
    claims = []
    serial, officer = values.get("serial"), values.get("officer")
    is_unset = serial is not None and not serial.strip("0") and (officer is None or not officer.strip("0"))
    if is_unset:
        codes.append("DEVICE_IDENTITY_UNSET")
    for name in ("serial", "officer"):
        if values.get(name) and not is_unset:
            claims.append({"name": name, "value": values[name], "source": source})
    started = read_time(values.get("started", ""))
    if started is not None:
        claims.append({"name": "started_local", "value": started.isoformat(), "source": source})
    elif "started" in values:
        codes.append("NAME_TIME_IMPOSSIBLE")
    for name in ("sequence", "mark"):
        if values.get(name):
            claims.append({"name": name, "value": values[name], "source": source})
    return claims, codes


def read_time(text: str) -> datetime | None:
    """A recorder's own clock as local time without a zone; nothing is converted."""
    for form in TIME_FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the recorder gives no zone
        except ValueError:
            continue
    return None

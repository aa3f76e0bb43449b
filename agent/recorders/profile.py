"""Recorder profiles: what a family of recorders looks like, as data, and what its names claim.

A profile never decides whether a file is taken: every readable file is. It names the family and turns names into
claims, each with its source; a name nobody knows is a finding, not a refusal.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from agent.names import display_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNKNOWN = "unknown"
MEDIA_ENDINGS = frozenset(
    {"3gp", "aac", "amr", "avi", "g711", "jpeg", "jpg", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mts", "ts", "wav"}
)
_TIME_FORMATS = ("%Y%m%d%H%M%S", "%Y%m%d_%H%M%S", "%Y-%m-%d_%H-%M-%S")


@dataclass(frozen=True, slots=True)
class NamePattern:
    """One form that names take."""

    pattern_id: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of recorders.

    Attributes:
        name: Short name, in inventories.
        title: For people.
        confidence: How sure we are of it: ``high``, ``medium`` or ``low``.
        source: Where it comes from.
        folders: Top folders that this family has; empty where names alone tell.
        patterns: Forms of names, first match wins.
    """

    name: str
    title: str
    confidence: str
    source: str
    folders: tuple[str, ...]
    patterns: tuple[NamePattern, ...]


@dataclass(frozen=True, slots=True)
class NameClaims:
    """What a name says: claims with their source, and codes of findings about it."""

    claims: tuple[dict[str, str], ...]
    codes: tuple[str, ...]


@cache
def load_profiles() -> tuple[Profile, ...]:
    """The shipped profiles, in the order they are tried."""
    folder = resources.files("agent.recorders").joinpath("profiles")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return tuple(parse_profile(folder.joinpath(name).read_text(encoding="utf-8")) for name in names)


def parse_profile(text: str) -> Profile:
    """Read one profile; raises ValueError or KeyError where it is not one."""
    value: dict[str, Any] = tomllib.loads(text)
    patterns = tuple(
        NamePattern(item["id"], re.compile(item["regex"], re.ASCII | re.IGNORECASE)) for item in value["patterns"]
    )
    return Profile(
        value["name"], value["title"], value["confidence"], value["source"], tuple(value["folders"]), patterns
    )


def recognise(paths: Iterable[bytes]) -> str:
    """Name the family whose layout a volume has, from its raw paths; ``unknown`` where none fits."""
    listed = list(paths)
    tops = {path.split(b"/", 1)[0].decode("ascii", "replace").upper() for path in listed if b"/" in path}
    for profile in load_profiles():
        if profile.folders and not tops & set(profile.folders):
            continue
        if profile.folders or any(_match(profile.patterns, path) for path in listed):
            return profile.name
    return UNKNOWN


def has_media(paths: Iterable[bytes]) -> bool:
    """Whether any path ends as media files do."""
    return any(path.rsplit(b".", 1)[-1].decode("ascii", "replace").lower() in MEDIA_ENDINGS for path in paths)


def read_name(path: bytes) -> NameClaims:
    """Turn a raw path's last part into claims; every profile's patterns are tried, whatever the volume is.

    A name nobody knows gives ``NAME_UNPARSED``; an all-zero serial and officer ``DEVICE_IDENTITY_UNSET``.
    """
    for profile in load_profiles():
        found = _match(profile.patterns, path)
        if found is not None:
            return _make_claims(*found)
    return NameClaims((), ("NAME_UNPARSED",))


def is_marked(path: bytes) -> bool:
    """Whether a name says that an officer marked the recording as important (重点)."""
    return any(claim["name"] == "mark" for claim in read_name(path).claims)


def _match(patterns: Sequence[NamePattern], path: bytes) -> tuple[str, dict[str, str]] | None:
    name = display_path(path.rsplit(b"/", 1)[-1])
    for pattern in patterns:
        found = pattern.regex.match(name)
        if found:
            return pattern.pattern_id, {key: value for key, value in found.groupdict().items() if value}
    return None


def _make_claims(pattern_id: str, values: dict[str, str]) -> NameClaims:
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
    started = _read_time(values.get("started", ""))
    if started is not None:
        claims.append({"name": "started_local", "value": started, "source": source})
    elif "started" in values:
        codes.append("NAME_TIME_IMPOSSIBLE")
    for name in ("sequence", "mark"):
        if values.get(name):
            claims.append({"name": name, "value": values[name], "source": source})
    return NameClaims(tuple(claims), tuple(codes))


def _read_time(text: str) -> str | None:
    """A recorder's own clock as local time without a zone; nothing is converted."""
    for form in _TIME_FORMATS:
        try:
            return datetime.strptime(text, form).strftime("%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - the recorder gives no zone
        except ValueError:
            continue
    return None

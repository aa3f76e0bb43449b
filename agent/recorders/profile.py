"""Recorder profiles: what a family of recorders looks like, as data (docs/recorders.md has the format).

A profile never decides whether a file is taken: every readable file is. It names the family, says what the parts of its
names and places claim, how it counts, which files it protects, and which dates its clock falls back to.
"""

from __future__ import annotations

import re
import string
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

CONFIDENCES = ("high", "medium", "low")
ROLES = ("recording", "preview", "sidecar", "log", "temporary")
GROUPS = frozenset({"serial", "officer", "started", "sequence", "mark", "object", "ext"})
TEMPLATE_FIELDS = frozenset({"serial", "officer", "started", "sequence"})
_KEYS = frozenset({"name", "title", "confidence", "source", "detect", "names", "roles", "marks", "counter", "clock"})
_MORE_KEYS = frozenset({"examples", "simulate"})


class ProfileError(ValueError):
    """A text is no profile; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class NamePattern:
    """One form that names take; its named groups become claims."""

    pattern_id: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Role:
    """What files at a place are for: one of ``ROLES``."""

    role: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Mark:
    """Places of files that the recorder protects because an officer marked them."""

    mark: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Example:
    """A path with what the profile says of it; the conformance check holds the profile to it."""

    path: str
    claims: dict[str, str]
    role: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """Forms of the paths that a simulated recorder of this family writes."""

    recording: str
    marked: str | None
    log: str | None
    sidecar: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of recorders.

    Attributes:
        name: Short name, in inventories.
        title: For people.
        confidence: How sure we are of it: ``high``, ``medium`` or ``low``.
        source: Where it comes from.
        detect: Forms of paths that tell the family; where there are none, names alone tell.
        names: Forms of names, first match wins.
        roles: What files at a place are for, first match wins.
        marks: Where protected files lie.
        counter: How its numbers run: ``recorder`` (on and on) or ``day`` (anew each day).
        resets: Dates that its clock shows after its battery was empty.
        examples: What it must say of given paths.
        simulate: How a simulated recorder names its files; None where it cannot be simulated.
    """

    name: str
    title: str
    confidence: str
    source: str
    detect: tuple[re.Pattern[str], ...]
    names: tuple[NamePattern, ...]
    roles: tuple[Role, ...]
    marks: tuple[Mark, ...]
    counter: str
    resets: tuple[date, ...]
    examples: tuple[Example, ...]
    simulate: Simulation | None


@cache
def load_profiles() -> tuple[Profile, ...]:
    """The shipped profiles, in the order they are tried."""
    folder = resources.files("agent.recorders").joinpath("profiles")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return tuple(parse_profile(folder.joinpath(name).read_text(encoding="utf-8")) for name in names)


def parse_profile(text: str) -> Profile:
    """Read one profile; raises ProfileError with what is wrong where it is not one."""
    try:
        value: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"it is no TOML: {error}") from error
    missing, unknown = _KEYS - value.keys(), value.keys() - _KEYS - _MORE_KEYS
    if missing or unknown:
        raise ProfileError(_list_keys("it lacks", missing) or _list_keys("it has unknown parts", unknown))
    if value["confidence"] not in CONFIDENCES:
        raise ProfileError(f"confidence is one of {', '.join(CONFIDENCES)}")
    try:
        return Profile(
            name=_read_text(value["name"]),
            title=_read_text(value["title"]),
            confidence=value["confidence"],
            source=_read_text(value["source"]),
            detect=tuple(_compile(item) for item in value["detect"]["paths"]),
            names=tuple(_read_pattern(item) for item in value["names"]),
            roles=tuple(Role(_choose(item["role"], ROLES), _compile(item["path"])) for item in value["roles"]),
            marks=tuple(Mark(_read_text(item["mark"]), _compile(item["path"])) for item in value["marks"]),
            counter=_choose(value["counter"]["scope"], ("recorder", "day")),
            resets=tuple(_read_date(item) for item in value["clock"]["resets"]),
            examples=tuple(_read_example(item) for item in value.get("examples", [])),
            simulate=_read_simulation(value["simulate"]) if "simulate" in value else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ProfileError(f"a part of it is missing or of another kind: {error}") from error


def _list_keys(what: str, keys: frozenset[str] | set[str]) -> str:
    return f"{what}: {', '.join(sorted(keys))}" if keys else ""


def _read_text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ProfileError(f"a text is expected instead of {value!r}")
    return value


def _choose(value: object, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ProfileError(f"{value!r} is none of {', '.join(choices)}")
    return str(value)


def _compile(value: object) -> re.Pattern[str]:
    try:
        return re.compile(_read_text(value), re.ASCII | re.IGNORECASE)
    except re.error as error:
        raise ProfileError(f"{value!r} is no regular expression: {error}") from error


def _read_pattern(item: dict[str, Any]) -> NamePattern:
    regex = _compile(item["regex"])
    unknown = regex.groupindex.keys() - GROUPS
    if unknown:
        raise ProfileError(_list_keys(f"pattern {item['id']} has unknown groups", unknown))
    return NamePattern(_read_text(item["id"]), regex)


def _read_date(value: object) -> date:
    if type(value) is not date:
        raise ProfileError(f"a date is expected instead of {value!r}")
    return value


def _read_example(item: dict[str, Any]) -> Example:
    claims = {_read_text(name): _read_text(claim) for name, claim in item["claims"].items()}
    return Example(_read_text(item["path"]), claims, _choose(item.get("role", "recording"), ROLES))


def _read_simulation(item: dict[str, Any]) -> Simulation:
    return Simulation(
        _read_template(item["recording"]),
        *(_read_template(item[name]) if name in item else None for name in ("marked", "log", "sidecar")),
    )


def _read_template(value: object) -> str:
    """A form with fields in braces; nothing but the known fields is looked up."""
    text = _read_text(value)
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
    except ValueError as error:
        raise ProfileError(f"{text!r} is no form of a path: {error}") from error
    if fields - TEMPLATE_FIELDS or text.startswith("/") or ".." in text:
        raise ProfileError(f"{text!r}: a path below the root with the fields {', '.join(sorted(TEMPLATE_FIELDS))}")
    return text

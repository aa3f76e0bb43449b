"""A record's parts as rows that people read: nested values flattened, signed statements opened, length bounded."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.errors import MalformedError
from ingest_server.ledger.outcomes import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chain_of_custody.commitments import Opening
    from chain_of_custody.ledger import Entry
    from chain_of_custody.records import Record

MAX_ROWS = 120
MAX_VALUE = 400
_ENVELOPE = {"payload", "payloadType", "signatures"}
# Shown in places of their own.
_ELSEWHERE = frozenset({"actor", "reason"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its label, its rows of (name, value), and how many were left out.

    Attributes:
        is_signed: Whether it is a signed statement.
        is_withheld: Whether it is content that the log does not show.
    """

    label: str
    rows: tuple[tuple[str, str], ...] = ()
    left_out: int = 0
    is_signed: bool = False
    is_withheld: bool = False


def show_parts(entry: Entry) -> list[Part]:
    """Every part of an entry's record but the actor and the reason, in the order of their labels."""
    if entry.record is None:
        return []
    withheld, record = WITHHELD.get(entry.leaf.type, ()), entry.record
    return [
        Part(label, is_withheld=True) if label in withheld else _show_part(label, record.value(label))
        for label in sorted(record.parts)
        if label not in _ELSEWHERE
    ]


def list_openings(entry: Entry, *, longest: int | None = None) -> dict[str, Opening]:
    """The parts that may leave with their salts: neither withheld nor, where that is asked, very long."""
    withheld = WITHHELD.get(entry.leaf.type, ())
    return {
        label: opening
        for label, opening in (entry.record.parts.items() if entry.record else ())
        if label not in withheld and (longest is None or len(repr(opening.value)) <= longest)
    }


def find_change(record: Record) -> list[tuple[str, str, str]]:
    """Name, before and after of every value that a change touched; empty where the event is no change."""
    for opening in record.parts.values():
        value = opening.value
        if isinstance(value, dict) and {"before", "after"} <= value.keys():
            before, after = value["before"], value["after"]
            if isinstance(before, dict) and isinstance(after, dict):
                names = [*after, *(name for name in before if name not in after)]
                return [
                    (name, _show_scalar(before.get(name)), _show_scalar(after.get(name)))
                    for name in names
                    if before.get(name) != after.get(name)
                ]
            return [(str(value.get("key", "")), _show_scalar(before), _show_scalar(after))]
    return []


def _show_part(label: str, value: JsonValue) -> Part:
    payload = _open_envelope(value)
    rows = list(flatten(value if payload is None else payload))
    return Part(label, tuple(rows[:MAX_ROWS]), max(0, len(rows) - MAX_ROWS), is_signed=payload is not None)


def _open_envelope(value: JsonValue) -> JsonValue:
    """What a signed statement says; None where the value is none or says nothing readable."""
    if not isinstance(value, dict) or value.keys() != _ENVELOPE:
        return None
    try:
        return parse_json(base64.b64decode(str(value["payload"]), validate=True))
    except (binascii.Error, ValueError, MalformedError):
        return None


def flatten(value: JsonValue, name: str = "") -> Iterator[tuple[str, str]]:
    """Every single value with the path that leads to it: ``files[2].size``."""
    if isinstance(value, dict) and value:
        yield from _flatten_members(value, name)
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from flatten(item, f"{name}[{place}]")
    else:
        yield name, _show_scalar(value)


def _flatten_members(value: Mapping[str, JsonValue], name: str) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        yield from flatten(item, f"{name}.{key}" if name else key)


def _show_scalar(value: JsonValue) -> str:
    match value:
        case None:
            return "–"
        case True:
            return "true"
        case False:
            return "false"
        case dict() | list() if not value:
            return "–"
        case _:
            text = str(value)
            return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"

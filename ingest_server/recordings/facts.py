"""Facts beside claims: what was measured or registered here, and what a recorder, name or container says of itself.

A conflict is a row for a person and is never resolved here.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from chain_of_custody.instants import format_instant, parse_instant
from ingest_server.accounts.queries import find_officer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest_server.catalogue.catalogue import Catalogue

# Two sources may write one start a little apart: a name when it was opened, a container at its first frame.
_TOLERANCE = timedelta(minutes=2)
# A dock may send a thousand claims of any length; a page of them would be read by nobody.
_MAX_VALUE, _MAX_SOURCE, _MAX_ROWS = 200, 60, 20
_ROWS = ("started_local", "container_created", "officer", "serial", "unit")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: what is said, and who or what says it."""

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One row: a fact, where there is one, beside the claims about it.

    Attributes:
        name: What it is about.
        values: What was measured or registered, by name; empty where nothing was.
        claims: What is claimed.
        conflict: Code of the disagreement that a person has to judge, or None.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    conflict: str | None = None


def compile_facts(
    catalogue: Catalogue, row: Mapping[str, Any], manifest: Mapping[str, Any], zone: ZoneInfo
) -> list[Fact]:
    """The rows of a recording.

    Args:
        catalogue: Registers and dockings.
        row: The recording with its ``claims``.
        manifest: What the dock signed; empty where it was erased.
        zone: The agency's, in which a recorder's local time is read where it names no zone.
    """
    named: dict[str, list[Claim]] = {}
    for item in row["claims"]:
        named.setdefault(item["name"], []).append(Claim(item["value"][:_MAX_VALUE], item["source"][:_MAX_SOURCE]))
    others = [Fact(name, claims=tuple(found)) for name, found in sorted(named.items()) if name not in _ROWS][:_MAX_ROWS]
    starts = named.get("started_local", []) + named.get("container_created", [])
    holder = _find_holder(catalogue, row["recorder_id"], starts, zone)
    return [
        _judge_start(catalogue, row, manifest, starts, zone, holder),
        _judge_officer(catalogue, named.get("officer", []), holder),
        _judge_recorder(catalogue, row, named.get("serial", [])),
        *([Fact("unit", claims=tuple(named["unit"]))] if "unit" in named else []),
        *others,
    ]


def _find_holder(
    catalogue: Catalogue, recorder_id: str, starts: Sequence[Claim], zone: ZoneInfo
) -> dict[str, Any] | None:
    """Who held the recorder at the claimed start, by the register of issue; None where it knows nobody."""
    at = next((at for claim in starts if (at := read_claimed_time(claim.value, zone))), None)
    if at is None:
        return None
    instant = format_instant(at.astimezone(UTC))
    row = catalogue.fetch_one(
        "select * from holdings where recorder_id = ? and issued_at <= ? and (returned_at is null or returned_at > ?)"
        " order by issued_at desc limit 1",
        recorder_id,
        instant,
        instant,
    )
    return None if row is None else dict(row)


def _judge_start(
    catalogue: Catalogue,
    row: Mapping[str, Any],
    manifest: Mapping[str, Any],
    claims: list[Claim],
    zone: ZoneInfo,
    holder: Mapping[str, Any] | None,
) -> Fact:
    """When it began is nowhere measured; what bounds it is the docking, by which it must have ended."""
    docking = catalogue.fetch_one("select docked_at from dockings where docking_id = ?", row["docking_id"])
    docked_at = docking["docked_at"] if docking else row["received_at"]
    said = [(claim, at) for claim in claims if (at := read_claimed_time(claim.value, zone))]
    latest = parse_instant(docked_at)
    ahead = max((at - latest for _, at in said), default=timedelta(0))
    values = {"docked_at": docked_at, "ahead_s": int(ahead.total_seconds()), "holder": holder}
    written = manifest.get("mtime")
    shown = list(claims)
    if isinstance(written, dict):
        zone_text = f" {written['utc_offset']}" if written.get("utc_offset") else ""
        spread = f" ±{written['uncertainty_s']} s" if written.get("uncertainty_s") else ""
        shown.append(
            Claim(f"{written.get('local', '')}{zone_text}{spread}", f"written:{written.get('source', 'file')}")
        )
    conflict = None
    if ahead > timedelta(0):
        conflict = "starts_after_docking"
    elif said and max(at for _, at in said) - min(at for _, at in said) > _TOLERANCE:
        conflict = "starts_differ"
    return Fact("started", values, tuple(shown), conflict)


def _judge_officer(catalogue: Catalogue, claims: list[Claim], holder: Mapping[str, Any] | None) -> Fact:
    numbers = sorted({claim.value for claim in claims})
    registered = [officer for number in numbers if (officer := find_officer(catalogue, number))]
    values = {"officers": registered, "holder": holder}
    if len(numbers) > 1:
        return Fact("officer", values, tuple(claims), "officers_differ")
    conflict = None
    if numbers and not registered:
        conflict = "officer_unknown"
    elif numbers and holder is not None and holder["officer"] != numbers[0]:
        conflict = "officer_not_holder"
    return Fact("officer", values, tuple(claims), conflict)


def _judge_recorder(catalogue: Catalogue, row: Mapping[str, Any], claims: list[Claim]) -> Fact:
    found = catalogue.fetch_one(
        "select basis, hardware_serial from recorders where recorder_id = ?", row["recorder_id"]
    )
    values = {
        "recorder_id": row["recorder_id"],
        "basis": found["basis"] if found else "source",
        "hardware_serial": found["hardware_serial"] if found else None,
    }
    said = {claim.value for claim in claims}
    conflict = None
    if len(said) > 1:
        conflict = "serials_differ"
    elif values["hardware_serial"] and said and not _is_same_serial(values["hardware_serial"], next(iter(said))):
        conflict = "serial_not_hardware"
    return Fact("recorder", values, tuple(claims), conflict)


def read_claimed_time(text: str, zone: ZoneInfo) -> datetime | None:
    """A claimed time as an instant, for comparing alone; read in the agency's zone where it names none."""
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        return None


def read_manifest(parts: Mapping[str, Any]) -> dict[str, Any]:
    """What the dock signed, from the parts of ``recording.received``; empty where it was erased."""
    try:
        value = json.loads(base64.b64decode(parts["manifest"]["payload"]))
    except (KeyError, TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def find_media(catalogue: Catalogue, evidence_id: str) -> dict[str, Any] | None:
    """What the worker measured of the content; None where nobody looked into it yet."""
    row = catalogue.fetch_one("select * from media_facts where evidence_id = ?", evidence_id)
    return None if row is None else dict(row)


def _is_same_serial(hardware: str, claimed: str) -> bool:
    """Whether two spellings may be one number: names drop leading zeros and the maker's letters."""
    plain = [re.sub(r"[^0-9A-Z]", "", text.upper()).lstrip("0") for text in (hardware, claimed)]
    return bool(plain[1]) and plain[0].endswith(plain[1])

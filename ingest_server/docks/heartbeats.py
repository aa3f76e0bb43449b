"""What docks say of themselves between dockings: version, disk, spool, what is not sealed, what each slot is doing.

It is working state and no history: the last word of each dock, believed as its own claim and never as proof.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chain_of_custody.errors import MalformedError
from chain_of_custody.instants import format_instant, parse_instant
from ingest_server.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain_of_custody.canonical import JsonValue
    from ingest_server.installation import Installation

MAX_SLOTS = 64
_MAX_COUNT = 1 << 53
SLOT_STATES = ("free", "reading", "sending", "safe_here", "sealed", "problem")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A dock's last word of itself.

    Attributes:
        agent: The version of its program.
        disk_free: Bytes free on the disk of its home.
        spool_files: Files in its spool.
        spool_bytes: Their bytes.
        spool_per_cent: How much of the spool's room is used.
        spool_oldest: Since when the oldest file is in the spool; None while it is empty.
        not_sealed: Files that it has taken and that are not sealed.
        slots: What each slot is doing, from slot 1.
        at: When it said so, by this server's clock.
    """

    agent: str
    disk_free: int
    spool_files: int
    spool_bytes: int
    spool_per_cent: int
    spool_oldest: str | None
    not_sealed: int
    slots: tuple[str, ...]
    at: str

    def count_slots(self, state: str) -> int:
        """How many slots are in a state."""
        return self.slots.count(state)


def keep_heartbeat(installation: Installation, dock_id: str, body: Mapping[str, JsonValue]) -> None:
    """Keep what a dock says of itself, in place of what it said before; raises BadRequestError."""
    beat = parse_heartbeat(body, format_instant(installation.clock()))
    installation.private.execute(
        "insert or replace into dock_heartbeats (dock_id, value) values (?, ?)", dock_id, json.dumps(asdict(beat))
    )


def find_heartbeat(installation: Installation, dock_id: str) -> Heartbeat | None:
    """What a dock last said of itself."""
    row = installation.private.fetch_one("select value from dock_heartbeats where dock_id = ?", dock_id)
    if row is None:
        return None
    value: dict[str, Any] = json.loads(row["value"])
    return Heartbeat(**{**value, "slots": tuple(value["slots"])})


def parse_heartbeat(body: Mapping[str, JsonValue], at: str) -> Heartbeat:
    """Read a heartbeat as a dock sends it; raises BadRequestError where it is none."""
    agent, slots, oldest = body.get("agent"), body.get("slots"), body.get("spool_oldest")
    if not isinstance(agent, str) or not 0 < len(agent) <= 40 or not agent.isprintable():
        raise BadRequestError("bad_request", "agent is a version")
    if not isinstance(slots, list) or len(slots) > MAX_SLOTS or any(slot not in SLOT_STATES for slot in slots):
        raise BadRequestError("bad_request", "slots are states of slots")
    if oldest is not None:
        try:
            oldest = format_instant(parse_instant(oldest))
        except MalformedError as error:
            raise BadRequestError("bad_request", "spool_oldest is an instant") from error
    return Heartbeat(
        agent=agent,
        disk_free=_read_count(body, "disk_free"),
        spool_files=_read_count(body, "spool_files"),
        spool_bytes=_read_count(body, "spool_bytes"),
        spool_per_cent=min(100, _read_count(body, "spool_per_cent")),
        spool_oldest=oldest,
        not_sealed=_read_count(body, "not_sealed"),
        slots=tuple(str(slot) for slot in slots),
        at=at,
    )


def _read_count(body: Mapping[str, JsonValue], name: str) -> int:
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= _MAX_COUNT:
        raise BadRequestError("bad_request", f"{name} is a count")
    return value

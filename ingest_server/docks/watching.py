"""What docks are doing: when each was last heard, what it holds, and what stops when it is revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chain_of_custody.instants import format_instant
from ingest_server.docks.heartbeats import find_heartbeat
from ingest_server.docks.queries import find_last_docking, list_docks

if TYPE_CHECKING:
    from ingest_server.docks.heartbeats import Heartbeat
    from ingest_server.installation import Installation


UNREPORTED_AFTER = timedelta(days=1)
"""A docking lasts minutes; one that began longer ago was cut off, or its dock waits for the network."""


@dataclass(frozen=True, slots=True)
class DockState:
    """A dock with what is known of it now.

    Attributes:
        dock: Its row.
        seen_at: When its last signed request came, None if there was none since this was kept.
        last: Its last docking, if any; without ``closed_at`` it is still going on or was cut off.
        open_intakes: Uploads that are under way.
        open_bytes: Their sizes in all.
        heartbeat: What it last said of itself, None if it never did.
    """

    dock: dict[str, Any]
    seen_at: str | None
    last: dict[str, Any] | None
    open_intakes: int
    open_bytes: int
    heartbeat: Heartbeat | None


def find_unreported_limit(installation: Installation) -> str:
    """The instant before which a docking should have sent its report by now."""
    return format_instant(installation.clock() - UNREPORTED_AFTER)


def list_dock_states(installation: Installation) -> list[DockState]:
    """Every dock, enrolled ones first."""
    docks = sorted(list_docks(installation.catalogue), key=lambda dock: (dock["status"] != "enrolled", dock["name"]))
    return [read_dock_state(installation, dock) for dock in docks]


def read_dock_state(installation: Installation, dock: dict[str, Any]) -> DockState:
    """One dock with what is known of it now."""
    private = installation.private
    seen = private.fetch_one("select seen_at from dock_contacts where dock_id = ?", dock["dock_id"])
    intakes = private.fetch_one(
        "select count(*) as count, coalesce(sum(size), 0) as bytes from intakes"
        " where dock_id = ? and state in ('open', 'completed')",
        dock["dock_id"],
    )
    return DockState(
        dock,
        seen["seen_at"] if seen else None,
        find_last_docking(installation.catalogue, dock["dock_id"]),
        intakes["count"] if intakes else 0,
        intakes["bytes"] if intakes else 0,
        find_heartbeat(installation, dock["dock_id"]),
    )

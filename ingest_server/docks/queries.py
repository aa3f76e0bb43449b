"""Docks, recorders and dockings as the catalogue knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest_server.catalogue.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Dock:
    """One dock: its identity, name, public key (64 hex digits) and whether it was revoked."""

    dock_id: str
    name: str
    key_hex: str
    is_revoked: bool


def find_dock_by_key_id(catalogue: Catalogue, key_id: str) -> Dock | None:
    """The dock that signs with this key."""
    row = catalogue.fetch_one("select dock_id, name, key_hex, status from docks where key_id = ?", key_id)
    return None if row is None else Dock(row["dock_id"], row["name"], row["key_hex"], row["status"] != "enrolled")


def find_docking(catalogue: Catalogue, docking_id: str) -> dict[str, Any] | None:
    """One docking's row."""
    row = catalogue.fetch_one("select * from dockings where docking_id = ?", docking_id)
    return None if row is None else dict(row)


def list_docks(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every dock, by name."""
    return [dict(row) for row in catalogue.fetch("select * from docks order by name, enrolled_at")]


def list_recorders(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every recorder, last docked first."""
    return [dict(row) for row in catalogue.fetch("select * from recorders order by last_docked_at desc")]


def get_dock(catalogue: Catalogue, dock_id: str) -> dict[str, Any] | None:
    """One dock's row."""
    row = catalogue.fetch_one("select * from docks where dock_id = ?", dock_id)
    return None if row is None else dict(row)


def find_last_docking(catalogue: Catalogue, dock_id: str) -> dict[str, Any] | None:
    """The docking that came last at a dock."""
    row = catalogue.fetch_one(
        "select * from dockings where dock_id = ? order by docked_at desc, docking_id limit 1", dock_id
    )
    return None if row is None else dict(row)


def list_dockings(
    catalogue: Catalogue,
    *,
    dock_id: str = "",
    recorder_id: str = "",
    open_since: str = "",
    offset: int = 0,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Dockings at a dock or of a recorder, last first, each with names and its findings' count and worst words.

    With ``open_since`` only those that began before that instant and are not closed.
    """
    rows = catalogue.fetch(
        "select d.*, k.name as dock_name, r.serial, r.hardware_serial from dockings d"
        " left join docks k on k.dock_id = d.dock_id left join recorders r on r.recorder_id = d.recorder_id"
        " where (? = '' or d.dock_id = ?) and (? = '' or d.recorder_id = ?)"
        " and (? = '' or (d.closed_at is null and d.docked_at < ?))"
        " order by d.docked_at desc, d.docking_id limit ? offset ?",
        dock_id,
        dock_id,
        recorder_id,
        recorder_id,
        open_since,
        open_since,
        limit,
        offset,
    )
    return [{**dict(row), "findings": list_docking_findings(catalogue, dict(row))} for row in rows]


def count_unreported(catalogue: Catalogue, open_since: str) -> int:
    """How many dockings began before an instant and are not closed."""
    count: int = catalogue.fetch("select count(*) from dockings where closed_at is null and docked_at < ?", open_since)[
        0
    ][0]
    return count


def list_docking_findings(catalogue: Catalogue, docking: dict[str, Any]) -> list[dict[str, Any]]:
    """Findings of one docking: what its inventory and its report say about the recorder, once each."""
    rows = catalogue.fetch(
        'select distinct f.code, f.severity, f.message from events e join findings f on f."index" = e."index"'
        " where e.subject = ? and e.type in ('recorder.docked', 'recorder.undocked') and e.time in (?, ?)"
        " order by f.severity = 'info', f.code",
        docking["recorder_id"],
        docking["docked_at"],
        docking["closed_at"] or docking["docked_at"],
    )
    return [dict(row) for row in rows]


def get_recorder(catalogue: Catalogue, recorder_id: str) -> dict[str, Any] | None:
    """One recorder's row with the name of the dock it was at last."""
    row = catalogue.fetch_one(
        "select r.*, k.name as dock_name from recorders r left join docks k on k.dock_id = r.last_dock_id"
        " where r.recorder_id = ?",
        recorder_id,
    )
    return None if row is None else dict(row)

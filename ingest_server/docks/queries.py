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

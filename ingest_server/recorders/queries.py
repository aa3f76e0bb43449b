"""Recorders and their holders as the catalogue knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest_server.catalogue.catalogue import Catalogue

PAGE_SIZE = 100


def search_recorders(
    catalogue: Catalogue, text: str = "", *, before: str = "", limit: int = PAGE_SIZE
) -> list[dict[str, Any]]:
    """One page of recorders, last docked first, each with its dock, who holds it and its findings' count.

    Args:
        catalogue: Where to search.
        text: Found in serials, and in name or number of who holds it; empty finds all.
        before: ``last_docked_at`` of the last row of the page before.
        limit: How many rows at most.
    """
    rows = catalogue.fetch(
        "select r.*, k.name as dock_name, h.officer, h.officer_name, h.issued_at from recorders r"
        " left join docks k on k.dock_id = r.last_dock_id"
        " left join holdings h on h.recorder_id = r.recorder_id and h.returned_at is null"
        " where (? = '' or instr(lower(coalesce(r.serial, '')), lower(?))"
        " or instr(lower(coalesce(r.hardware_serial, '')), lower(?)) or h.officer = ? or h.officer_name = ?)"
        " and (? = '' or r.last_docked_at < ?) order by r.last_docked_at desc limit ?",
        text,
        text,
        text,
        text,
        text,
        before,
        before,
        limit,
    )
    return [dict(row) for row in rows]


def find_last_holding(catalogue: Catalogue, recorder_id: str) -> dict[str, Any] | None:
    """Who was given a recorder last; without ``returned_at`` they hold it now."""
    row = catalogue.fetch_one(
        "select * from holdings where recorder_id = ? order by returned_at is null desc, returned_at desc limit 1",
        recorder_id,
    )
    return None if row is None else dict(row)


def find_holding(catalogue: Catalogue, holding_id: str) -> dict[str, Any] | None:
    """One holding's row."""
    row = catalogue.fetch_one("select * from holdings where holding_id = ?", holding_id)
    return None if row is None else dict(row)


def list_holdings(catalogue: Catalogue, recorder_id: str, limit: int = 100) -> list[dict[str, Any]]:
    """A recorder's holders, last first."""
    rows = catalogue.fetch(
        "select * from holdings where recorder_id = ? order by issued_at desc limit ?", recorder_id, limit
    )
    return [dict(row) for row in rows]


def list_register(catalogue: Catalogue, since: str, until: str, limit: int = 2000) -> list[dict[str, Any]]:
    """The register of issue and return (领用、交接台账): everything held at any moment from ``since`` to ``until``."""
    rows = catalogue.fetch(
        "select h.*, r.serial, r.hardware_serial from holdings h join recorders r using (recorder_id)"
        " where h.issued_at < ? and (h.returned_at is null or h.returned_at >= ?) order by h.issued_at limit ?",
        until,
        since,
        limit,
    )
    return [dict(row) for row in rows]

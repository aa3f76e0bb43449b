"""Units, officers and accounts as the catalogue knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest_server.catalogue.catalogue import Catalogue


def find_unit(catalogue: Catalogue, code: str) -> dict[str, Any] | None:
    """A unit by its code."""
    row = catalogue.fetch_one("select * from units where code = ?", code)
    return None if row is None else dict(row)


def list_units(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every unit with its depth below the top, each behind the unit it belongs to."""
    rows = [dict(row) for row in catalogue.fetch("select * from units order by code")]
    children: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        children.setdefault(row["parent"], []).append(row)
    ordered: list[dict[str, Any]] = []
    waiting = [(row, 0) for row in reversed(children.get(None, []))]
    while waiting:
        row, depth = waiting.pop()
        ordered.append({**row, "depth": depth})
        waiting += [(child, depth + 1) for child in reversed(children.get(row["code"], []))]
    return ordered


def find_officer(catalogue: Catalogue, number: str) -> dict[str, Any] | None:
    """An officer by number."""
    row = catalogue.fetch_one("select * from officers where number = ?", number)
    return None if row is None else dict(row)


def list_officers(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every officer in the register."""
    return [dict(row) for row in catalogue.fetch("select * from officers order by number")]


def find_account(catalogue: Catalogue, name: str) -> dict[str, Any] | None:
    """An account by the name it signs in with."""
    row = catalogue.fetch_one("select * from accounts where name = ?", name)
    return None if row is None else dict(row)


def get_account(catalogue: Catalogue, account_id: str) -> dict[str, Any] | None:
    """An account by its identity."""
    row = catalogue.fetch_one("select * from accounts where account_id = ?", account_id)
    return None if row is None else dict(row)


def list_accounts(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every account, also those that may not sign in any more."""
    return [dict(row) for row in catalogue.fetch("select * from accounts order by name")]

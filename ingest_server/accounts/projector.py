"""Events of units, officers and accounts to their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry


def _apply_unit(database: sqlite3.Connection, entry: Entry) -> None:
    unit = read_part(entry, "unit")
    if not unit:
        return
    database.execute(
        "insert into units values (?, ?, ?, ?, ?)",
        (entry.leaf.subject, unit["code"], unit["name"], unit["parent"], entry.leaf.time),
    )
    database.execute("insert into unit_tree values (?, ?)", (unit["code"], unit["code"]))
    if unit["parent"] is not None:
        # A unit is added below one that is there, so its ancestors are complete.
        database.execute(
            "insert into unit_tree select ancestor, ? from unit_tree where code = ?", (unit["code"], unit["parent"])
        )


def _apply_officer(database: sqlite3.Connection, entry: Entry) -> None:
    officer = read_part(entry, "officer")
    if officer:
        values = [officer[name] for name in ("number", "name", "unit", "certificate", "valid_until")]
        database.execute(
            "insert into officers values (?, ?, ?, ?, ?, ?, ?)", (entry.leaf.subject, *values, entry.leaf.time)
        )


def _apply_account(database: sqlite3.Connection, entry: Entry) -> None:
    account = read_part(entry, "account")
    if account:
        values = [account[name] for name in ("name", "role", "officer", "unit")]
        database.execute(
            "insert into accounts values (?, ?, ?, ?, ?, 'active', ?)", (entry.leaf.subject, *values, entry.leaf.time)
        )


def _apply_changed(database: sqlite3.Connection, entry: Entry) -> None:
    after = read_part(entry, "change").get("after")
    if isinstance(after, dict):
        values = [after[name] for name in ("role", "officer", "unit", "status")]
        database.execute(
            "update accounts set role = ?, officer = ?, unit = ?, status = ? where account_id = ?",
            (*values, entry.leaf.subject),
        )


APPLY = {
    "unit.added": _apply_unit,
    "officer.added": _apply_officer,
    "account.added": _apply_account,
    "account.changed": _apply_changed,
}

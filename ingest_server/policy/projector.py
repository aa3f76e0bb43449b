"""Policy events to the table ``policy_values``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry


def _apply_change(database: sqlite3.Connection, entry: Entry) -> None:
    change = read_part(entry, "change")
    if change:
        row = (change["key"], change["after"], entry.leaf.time)
        database.execute("insert or replace into policy_values values (?, ?, ?)", row)


APPLY = {"policy.changed": _apply_change}

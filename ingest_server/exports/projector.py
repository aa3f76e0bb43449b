"""Export events to the table ``exports``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry


def _apply_prepared(database: sqlite3.Connection, entry: Entry) -> None:
    prepared = read_part(entry, "prepared")
    if prepared:
        row = (
            entry.leaf.subject,
            prepared.get("casefile"),
            entry.leaf.time,
            entry.index,
            prepared.get("recordings", 0),
        )
        database.execute("insert into exports values (?, ?, ?, ?, ?)", row)


APPLY = {"export.prepared": _apply_prepared}

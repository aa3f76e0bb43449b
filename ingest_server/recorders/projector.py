"""Issue and return of recorders to the table ``holdings``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry

_CHECKS = ("battery", "space", "clock")


def _apply_issued(database: sqlite3.Connection, entry: Entry) -> None:
    issue = read_part(entry, "issue")
    if issue:
        database.execute(
            "insert into holdings values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null, null, null, null, null, null)",
            (
                issue["holding_id"],
                entry.leaf.subject,
                issue["officer"],
                issue["officer_name"],
                issue["at"],
                read_part(entry, "actor").get("name"),
                *(issue["checks"].get(name) for name in _CHECKS),
                issue["note"],
            ),
        )


def _apply_returned(database: sqlite3.Connection, entry: Entry) -> None:
    back = read_part(entry, "return")
    if back:
        database.execute(
            "update holdings set returned_at = ?, returned_by = ?, returned_battery = ?, returned_space = ?,"
            " returned_clock = ?, returned_note = ? where holding_id = ?",
            (
                back["at"],
                read_part(entry, "actor").get("name"),
                *(back["checks"].get(name) for name in _CHECKS),
                back["note"],
                back["holding_id"],
            ),
        )


APPLY = {"recorder.issued": _apply_issued, "recorder.returned": _apply_returned}

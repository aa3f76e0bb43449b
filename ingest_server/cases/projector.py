"""Case file events to the tables ``casefiles`` and ``attachments``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry


def _apply_opened(database: sqlite3.Connection, entry: Entry) -> None:
    casefile = read_part(entry, "casefile")
    if casefile:
        row = (entry.leaf.subject, casefile["number"], casefile["title"], entry.leaf.time)
        database.execute("insert into casefiles values (?, ?, ?, ?)", row)


def _apply_attached(database: sqlite3.Connection, entry: Entry) -> None:
    """The recording's own leaf of the act; the case file's leaf tells the same from the other side."""
    attachment = read_part(entry, "attachment")
    if attachment:
        row = (attachment["casefile_id"], entry.leaf.subject, attachment["stage"], entry.leaf.time)
        database.execute("insert or replace into attachments values (?, ?, ?, ?)", row)


def _apply_detached(database: sqlite3.Connection, entry: Entry) -> None:
    attachment = read_part(entry, "attachment")
    if attachment:
        database.execute(
            "delete from attachments where casefile_id = ? and evidence_id = ? and stage = ?",
            (attachment["casefile_id"], entry.leaf.subject, attachment["stage"]),
        )


APPLY = {
    "casefile.opened": _apply_opened,
    "recording.attached": _apply_attached,
    "recording.detached": _apply_detached,
}

"""Case file events to the tables ``casefiles``, ``attachments`` and ``documents``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.catalogue.parts import read_part, read_text

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


def _apply_document_added(database: sqlite3.Connection, entry: Entry) -> None:
    document = read_part(entry, "document")
    if not document:
        return
    first = [document[name] for name in ("stage", "kind", "name", "media_type", "size")]
    kept = [document[name] for name in ("store_key", "version_id", "lock_mode", "retain_until")]
    actor = read_part(entry, "actor").get("name")
    database.execute(
        "insert into documents values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null, null, null)",
        (
            document["document_id"],
            entry.leaf.subject,
            *first,
            document["digests"]["sha2-256"],
            *kept,
            entry.leaf.time,
            actor,
        ),
    )


def _apply_document_removed(database: sqlite3.Connection, entry: Entry) -> None:
    document = read_part(entry, "document")
    if document:
        database.execute(
            "update documents set removed_at = ?, removed_by = ?, removed_reason = ? where document_id = ?",
            (
                entry.leaf.time,
                read_part(entry, "actor").get("name"),
                read_text(entry, "reason"),
                document["document_id"],
            ),
        )


APPLY = {
    "casefile.document_added": _apply_document_added,
    "casefile.document_removed": _apply_document_removed,
    "casefile.opened": _apply_opened,
    "recording.attached": _apply_attached,
    "recording.detached": _apply_detached,
}

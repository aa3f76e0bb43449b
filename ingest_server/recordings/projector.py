"""Recording events to the tables ``recordings``, ``claims``, ``notes`` and ``labels``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry

# Claims that have a column of their own, by their name in manifests.
_COLUMNS = ("started_local", "officer", "serial", "unit")


def _apply_received(database: sqlite3.Connection, entry: Entry) -> None:
    received, recording = read_part(entry, "received"), read_part(entry, "recording")
    if not received or not recording:
        return
    claims = [claim for claim in recording.get("claims", []) if isinstance(claim, dict)]
    digests = received["digests"]
    database.execute(
        "insert into recordings values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, null, 0, 0)",
        (
            entry.leaf.subject,
            recording["recorder_id"],
            recording["dock_id"],
            recording["docking_id"],
            recording["path_b64"],
            recording["path"],
            received["size"],
            digests["sha2-256"],
            digests.get("sm3"),
            received["store_key"],
            received["version_id"],
            received["lock_mode"],
            received["retain_until"],
            entry.leaf.time,
            entry.index,
            *(_find_claim(claims, name) for name in _COLUMNS),
        ),
    )
    for claim in claims:
        values = [str(claim.get(name, "")) for name in ("name", "value", "source")]
        database.execute("insert or ignore into claims values (?, ?, ?, ?)", (entry.leaf.subject, *values))


def _find_claim(claims: list[dict[str, Any]], name: str) -> str | None:
    """The first value claimed under a name; conflicts stay visible in ``claims`` and as findings."""
    return next((str(claim.get("value")) for claim in claims if claim.get("name") == name), None)


def _apply_presented_again(database: sqlite3.Connection, entry: Entry) -> None:
    received = read_part(entry, "received")
    database.execute(
        "update recordings set presented = presented + 1, retain_until = coalesce(?, retain_until)"
        " where evidence_id = ?",
        (received.get("retain_until"), entry.leaf.subject),
    )


def _apply_cleared(database: sqlite3.Connection, entry: Entry) -> None:
    database.execute(
        "update recordings set cleared_at = ? where evidence_id = ?", (entry.leaf.time, entry.leaf.subject)
    )


def _apply_noted(database: sqlite3.Connection, entry: Entry) -> None:
    note = read_part(entry, "note")
    if note:
        author = str(read_part(entry, "actor").get("name", ""))
        database.execute(
            "insert into notes values (?, ?, ?, ?, ?, ?, ?)",
            (
                entry.leaf.subject,
                entry.index,
                note["at_ms"],
                note["text"],
                note["corrects"],
                author,
                entry.leaf.time,
            ),
        )


def _apply_labelled(database: sqlite3.Connection, entry: Entry) -> None:
    label = read_part(entry, "label")
    if label:
        row = (entry.leaf.subject, label["text"], int(bool(label.get("listed"))), entry.leaf.time)
        database.execute("insert or replace into labels values (?, ?, ?, ?)", row)


def _apply_unlabelled(database: sqlite3.Connection, entry: Entry) -> None:
    label = read_part(entry, "label")
    if label:
        row = (entry.leaf.subject, label["text"])
        database.execute("delete from labels where evidence_id = ? and label = ?", row)


def _apply_restricted(database: sqlite3.Connection, entry: Entry) -> None:
    row = (int(entry.leaf.type == "recording.restricted"), entry.leaf.subject)
    database.execute("update recordings set is_restricted = ? where evidence_id = ?", row)


APPLY = {
    "recording.received": _apply_received,
    "recording.presented_again": _apply_presented_again,
    "recording.cleared": _apply_cleared,
    "recording.noted": _apply_noted,
    "recording.labelled": _apply_labelled,
    "recording.unlabelled": _apply_unlabelled,
    "recording.restricted": _apply_restricted,
    "recording.released": _apply_restricted,
}

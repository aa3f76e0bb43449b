"""Media events to the tables ``media_facts``, ``derivatives`` and ``claims``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.catalogue.parts import read_list, read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry

_FACTS = (
    "verdict",
    "container",
    "duration_ms",
    "video_codec",
    "width",
    "height",
    "rotation",
    "frame_rate",
    "audio_codec",
    "sample_rate",
    "channels",
)


def _apply_probed(database: sqlite3.Connection, entry: Entry) -> None:
    facts = read_part(entry, "facts")
    if not facts:
        return
    values = [facts.get(name) for name in _FACTS]
    database.execute(
        "insert or replace into media_facts values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null, null)",
        (entry.leaf.subject, *values, entry.index),
    )
    for claim in read_list(entry, "claims"):
        row = [str(claim.get(name, "")) for name in ("name", "value", "source")]
        database.execute("insert or ignore into claims values (?, ?, ?, ?)", (entry.leaf.subject, *row))


def _apply_examined(database: sqlite3.Connection, entry: Entry) -> None:
    """Findings of an examination are shown by the frames of the same act, which follow; earlier frames go."""
    database.execute("delete from derivatives where evidence_id = ? and kind = 'frame'", (entry.leaf.subject,))
    database.execute(
        "update media_facts set examined_index = ?, examined_ms = ? where evidence_id = ?",
        (entry.index, read_part(entry, "examined").get("until_ms"), entry.leaf.subject),
    )


def _apply_made(database: sqlite3.Connection, entry: Entry) -> None:
    """The last one made of a kind and place is the one that is shown; the ledger keeps all."""
    made = read_part(entry, "derivative")
    if not made:
        return
    database.execute(
        "insert or replace into derivatives values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.leaf.subject,
            made["kind"],
            made["place"],
            made["at_ms"],
            made["finding"],
            made["width"],
            made["height"],
            made["digests"]["sha2-256"],
            made["size"],
            made["store_key"],
            made["version_id"],
            entry.leaf.time,
            entry.index,
        ),
    )


APPLY = {
    "recording.probed": _apply_probed,
    "recording.examined": _apply_examined,
    "derivative.made": _apply_made,
}

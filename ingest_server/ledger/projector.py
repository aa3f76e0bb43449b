"""Every entry to its line in the custody log, and the log's own events to their tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chain_of_custody.identities import show_id
from ingest_server.catalogue.parts import read_part, read_text
from ingest_server.ledger.outcomes import judge_outcome, summarize

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry

# Where the name of a subject stands in its first event: the kind's part and the field in it.
_NAMES = {
    "account": ("account", "name"),
    "casefile": ("casefile", "number"),
    "dock": ("dock", "name"),
    "officer": ("officer", "number"),
    "recorder": ("identity", "serial"),
    "unit": ("unit", "code"),
}


def apply_line(database: sqlite3.Connection, entry: Entry) -> None:
    """Write an entry's line; an erased record keeps its place with what the leaf alone says."""
    leaf, actor = entry.leaf, read_part(entry, "actor")
    actor_key = f"{actor.get('kind')}:{actor.get('identity')}" if actor else None
    database.execute(
        'insert into events ("index", type, subject_kind, subject, seq, time, act_id, actor_key, actor, reason,'
        " outcome, summary) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.index,
            leaf.type,
            leaf.subject_kind,
            leaf.subject,
            leaf.seq,
            leaf.time,
            leaf.act_id,
            actor_key,
            actor.get("name"),
            read_text(entry, "reason"),
            judge_outcome(entry),
            json.dumps(summarize(entry), ensure_ascii=False),
        ),
    )
    database.execute(
        "insert into log_types values (?, 1) on conflict (type) do update set events = events + 1", (leaf.type,)
    )
    if actor_key is not None:
        database.execute("insert or ignore into log_actors values (?, ?)", (actor_key, str(actor.get("name", ""))))
    if leaf.seq == 1 and leaf.subject_kind in _NAMES:
        database.execute(
            "insert or ignore into log_subjects values (?, ?, ?)", (leaf.subject, leaf.subject_kind, _name(entry))
        )


def _name(entry: Entry) -> str:
    part, field = _NAMES[entry.leaf.subject_kind]
    # Without a name people see the start of the identity, as on recordings.
    return str(read_part(entry, part).get(field) or show_id(entry.leaf.subject)[:8])


def _apply_noted(database: sqlite3.Connection, entry: Entry) -> None:
    note = read_part(entry, "note")
    if note:
        row = (entry.index, note["index"], note["text"], read_part(entry, "actor").get("name"), entry.leaf.time)
        database.execute("insert into log_notes values (?, ?, ?, ?, ?)", row)


def _apply_reviewed(database: sqlite3.Connection, entry: Entry) -> None:
    review = read_part(entry, "review")
    if review:
        row = (entry.index, review["up_to"], review["note"], read_part(entry, "actor").get("name"), entry.leaf.time)
        database.execute("insert into log_reviews values (?, ?, ?, ?, ?)", row)


APPLY = {"ledger.noted": _apply_noted, "ledger.reviewed": _apply_reviewed}

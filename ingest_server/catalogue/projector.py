"""Applies ledger entries to the catalogue: one function an event type, no clock, no network, no store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.accounts.projector import APPLY as ACCOUNTS
from ingest_server.cases.projector import APPLY as CASES
from ingest_server.catalogue.parts import read_list
from ingest_server.docks.projector import APPLY as DOCKS
from ingest_server.exports.projector import APPLY as EXPORTS
from ingest_server.ledger.projector import APPLY as LEDGER
from ingest_server.ledger.projector import apply_line
from ingest_server.media.projector import APPLY as MEDIA
from ingest_server.policy.projector import APPLY as POLICY
from ingest_server.recorders.projector import APPLY as RECORDERS
from ingest_server.recordings.projector import APPLY as RECORDINGS
from ingest_server.searching.projector import note_searched

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from chain_of_custody.ledger import Entry

_APPLY: Mapping[str, Callable[[sqlite3.Connection, Entry], None]] = {
    **ACCOUNTS,
    **CASES,
    **DOCKS,
    **EXPORTS,
    **LEDGER,
    **MEDIA,
    **POLICY,
    **RECORDERS,
    **RECORDINGS,
}


def apply_entry(database: sqlite3.Connection, entry: Entry) -> None:
    """Apply one entry inside the caller's transaction; a type nobody knows leaves its row in ``events`` alone."""
    apply_line(database, entry)
    apply = _APPLY.get(entry.leaf.type)
    if apply is not None and entry.record is not None:
        apply(database, entry)
    note_searched(database, entry)
    _note_findings(database, entry)


def _note_findings(database: sqlite3.Connection, entry: Entry) -> None:
    for place, item in enumerate(read_list(entry, "findings")):
        if isinstance(item, dict):
            values = [str(item.get(name, "")) for name in ("code", "severity", "message")]
            database.execute(
                "insert into findings values (?, ?, ?, ?, ?, ?)", (entry.index, place, entry.leaf.subject, *values)
            )

"""Ledger entries that were never in a ledger, for what only looks at their content, such as the projector."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chain_of_custody.commitments import Opening
from chain_of_custody.dsse import Envelope
from chain_of_custody.instants import format_instant
from chain_of_custody.leaves import LEAF_TYPE, Leaf
from chain_of_custody.ledger import Entry
from chain_of_custody.records import Record
from ingest_server.catalogue.projector import apply_entry
from ingest_server.catalogue.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from chain_of_custody.canonical import JsonValue

_ENVELOPE = Envelope(LEAF_TYPE, b"", "", b"")


def make_entry(
    index: int, event_type: str, kind: str, subject: str, seq: int, at: datetime, parts: Mapping[str, JsonValue]
) -> Entry:
    """An entry with a record and without signature, commitments or predecessor."""
    leaf = Leaf(
        1, "fabricated.example/unit/2026", event_type, f"{index:032x}", subject, kind, seq, None, f"{index:032x}",
        format_instant(at), "0" * 32, None, None, {}, _ENVELOPE, b"",
    )  # fmt: skip
    return Entry(index, leaf, Record({label: Opening(label, b"", value) for label, value in parts.items()}))


class FabricatedCatalogue:
    """A catalogue in memory that applies what it is given; it answers like the real one."""

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        self.database.row_factory = sqlite3.Row
        self.database.executescript(SCHEMA)
        self.size = 0

    def apply(self, event_type: str, kind: str, subject: str, at: datetime, parts: Mapping[str, JsonValue]) -> int:
        """Apply one event; returns its index."""
        index, self.size = self.size, self.size + 1
        apply_entry(self.database, make_entry(index, event_type, kind, subject, 1, at, parts))
        self.database.execute("update cursor set next_index = ?", (self.size,))
        return index

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The one connection."""
        yield self.database

    def fetch(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Run one query."""
        return self.database.execute(statement, values).fetchall()

    def fetch_one(self, statement: str, *values: object) -> sqlite3.Row | None:
        """Run one query for at most one row."""
        rows = self.fetch(statement, *values)
        return rows[0] if rows else None

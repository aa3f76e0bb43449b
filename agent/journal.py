"""The journal: what became of every file, one durable commit for each transition.

WAL with ``synchronous=FULL``, set and read back. States of a file (formats, section 7)::

    seen → inventoried → acquired → uploaded → sealed → cleared | kept
                    └────────── failed ──────────┘

``acquired``: read to the end, digests known, manifest signed; the bytes are in the spool or in uploaded parts.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlite_utils

from agent.errors import HomeError
from agent.steps import reached

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from chain_of_custody.canonical import JsonValue

JOURNAL_NAME = "journal.db"
_SCHEMA = """
create table if not exists dockings (
    docking_id text primary key, source text not null, inventory text not null, inventory_sha256 text not null,
    recorder_id text, is_posted integer not null default 0, is_closed integer not null default 0, at text not null
);
create table if not exists files (
    file_id integer primary key, docking_id text not null, source text not null, path blob not null,
    size integer not null, mtime_ns integer, state text not null, reason text, digests text, manifest text,
    manifest_sha256 text, intake_id text, part_size integer, spool_name text, evidence_id text,
    entry_index integer, changed_at text not null
);
create index if not exists files_place on files (source, path, size);
create index if not exists files_state on files (state);
create table if not exists parts (
    file_id integer not null, number integer not null, size integer not null, sha256 text not null, etag text not null,
    primary key (file_id, number)
) without rowid;
create table if not exists counters (name text primary key, value integer not null);
create table if not exists checkpoint (
    id integer primary key check (id = 1), size integer not null, note blob not null
);
"""


class FileState(StrEnum):
    """Where a file is on its way."""

    SEEN = "seen"
    INVENTORIED = "inventoried"
    ACQUIRED = "acquired"
    UPLOADED = "uploaded"
    SEALED = "sealed"
    CLEARED = "cleared"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(slots=True)
class FileRow:
    """One file's row; changed only through :meth:`Journal.move`."""

    file_id: int
    docking_id: str
    source: str
    path: bytes
    size: int
    mtime_ns: int | None
    state: FileState
    reason: str | None
    digests: dict[str, JsonValue] | None
    manifest: dict[str, JsonValue] | None
    manifest_sha256: str | None
    intake_id: str | None
    part_size: int | None
    spool_name: str | None
    evidence_id: str | None
    entry_index: int | None


@dataclass(frozen=True, slots=True)
class SentPart:
    """One part that the store has answered for."""

    number: int
    size: int
    sha256: str
    etag: str


_JSON_COLUMNS = frozenset({"digests", "manifest"})


class Journal:
    """One connection behind a lock; any thread may call anything."""

    def __init__(self, home: Path, clock: Any) -> None:
        """Open the journal of a dock home; raises HomeError where SQLite does not take its settings."""
        connection = sqlite3.connect(home / JOURNAL_NAME, timeout=60, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        level = connection.execute("pragma synchronous").fetchone()[0]
        mode = connection.execute("pragma journal_mode").fetchone()[0]
        if (mode, level) != ("wal", 2):
            raise HomeError("the journal did not take journal_mode=wal and synchronous=full")
        connection.executescript(_SCHEMA)
        self.tables = sqlite_utils.Database(connection)
        self._connection = connection
        self._clock = clock
        self._guard = threading.RLock()

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._connection.close()

    # Dockings

    def next_counter(self) -> int:
        """Give the next number of this dock's statements; never given twice."""
        with self._guard:
            row = self._connection.execute(
                "insert into counters (name, value) values ('statements', 1)"
                " on conflict (name) do update set value = value + 1 returning value"
            ).fetchone()
            return int(row[0])

    def add_docking(self, docking_id: str, source: str, inventory: dict[str, JsonValue], sha256: str) -> None:
        """Keep a signed inventory, before anything is read."""
        self._execute(
            "insert into dockings (docking_id, source, inventory, inventory_sha256, at) values (?, ?, ?, ?, ?)",
            docking_id,
            source,
            json.dumps(inventory),
            sha256,
            self._now(),
        )

    def read_docking(self, docking_id: str) -> dict[str, Any]:
        """One docking's row."""
        row = self._fetch("select * from dockings where docking_id = ?", docking_id)[0]
        return {**dict(row), "inventory": json.loads(row["inventory"])}

    def mark_posted(self, docking_id: str, recorder_id: str) -> None:
        """The server has the inventory."""
        self._execute(
            "update dockings set is_posted = 1, recorder_id = ? where docking_id = ?", recorder_id, docking_id
        )

    def mark_closed(self, docking_id: str) -> None:
        """The server has the docking's report."""
        self._execute("update dockings set is_closed = 1 where docking_id = ?", docking_id)

    # Files

    def add_files(self, docking_id: str, source: str, files: Iterable[tuple[bytes, int, int | None]]) -> None:
        """Take the found files of an inventory up, in one commit; a file on its way keeps its row and its docking."""
        with self._guard, self._transaction():
            reached("file.seen")
            for path, size, mtime_ns in files:
                unfinished = self._connection.execute(
                    "select file_id from files where source = ? and path = ? and size = ?"
                    " and state in ('inventoried', 'acquired', 'uploaded')",
                    (source, path, size),
                ).fetchone()
                if unfinished is None:
                    self._connection.execute(
                        "insert into files (docking_id, source, path, size, mtime_ns, state, changed_at)"
                        " values (?, ?, ?, ?, ?, 'inventoried', ?)",
                        (docking_id, source, path, size, mtime_ns, self._now()),
                    )
        reached("file.inventoried")

    def find_unfinished(self, source: str, path: bytes, size: int) -> FileRow | None:
        """The row of a file that is on its way."""
        rows = self._fetch(
            "select * from files where source = ? and path = ? and size = ?"
            " and state in ('inventoried', 'acquired', 'uploaded') order by file_id desc limit 1",
            source,
            path,
            size,
        )
        return _read_row(rows[0]) if rows else None

    def list_files(self, *states: FileState) -> list[FileRow]:
        """Every file in one of these states, oldest first."""
        marks = ", ".join("?" for _ in states)
        rows = self._fetch(f"select * from files where state in ({marks}) order by file_id", *states)  # noqa: S608 - marks only
        return [_read_row(row) for row in rows]

    def count_states(self) -> dict[str, int]:
        """How many files are in each state."""
        rows = self._fetch("select state, count(*) as files from files group by state")
        return {row["state"]: row["files"] for row in rows}

    def move(self, row: FileRow, state: FileState, **values: Any) -> None:
        """The one transition function: one durable commit, then the row in memory."""
        names = ["state", "changed_at", *values]
        stored = [json.dumps(v) if n in _JSON_COLUMNS and v is not None else v for n, v in values.items()]
        assignments = ", ".join(f"{name} = ?" for name in names)
        self._execute(
            f"update files set {assignments} where file_id = ?",  # noqa: S608 - our own column names
            state,
            self._now(),
            *stored,
            row.file_id,
        )
        row.state = state
        for name, value in values.items():
            setattr(row, name, value)
        if f"file.{state}" in {"file.acquired", "file.uploaded", "file.sealed"}:
            reached(f"file.{state}")

    # Parts

    def add_part(self, row: FileRow, part: SentPart) -> None:
        """Keep that the store has answered for a part."""
        self._execute(
            "insert or replace into parts (file_id, number, size, sha256, etag) values (?, ?, ?, ?, ?)",
            row.file_id,
            part.number,
            part.size,
            part.sha256,
            part.etag,
        )
        reached("part.sent")

    def list_parts(self, row: FileRow) -> dict[int, SentPart]:
        """The parts of a file by number."""
        rows = self._fetch("select * from parts where file_id = ? order by number", row.file_id)
        return {r["number"]: SentPart(r["number"], r["size"], r["sha256"], r["etag"]) for r in rows}

    def drop_upload(self, row: FileRow) -> None:
        """Forget an upload that is gone; the file is sent anew."""
        with self._guard, self._transaction():
            self._connection.execute("delete from parts where file_id = ?", (row.file_id,))
            self._connection.execute(
                "update files set intake_id = null, part_size = null where file_id = ?", (row.file_id,)
            )
        row.intake_id = None
        row.part_size = None

    # Checkpoint

    def read_checkpoint(self) -> bytes | None:
        """The largest checkpoint this dock has seen, as signed."""
        rows = self._fetch("select note from checkpoint")
        return bytes(rows[0]["note"]) if rows else None

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a checkpoint if it is larger than the one stored."""
        self._execute(
            "insert into checkpoint (id, size, note) values (1, ?, ?)"
            " on conflict (id) do update set size = excluded.size, note = excluded.note where excluded.size > size",
            size,
            note,
        )

    def check_integrity(self) -> str:
        """SQLite's own check of the file: ``ok`` or what is wrong."""
        return str(self._fetch("pragma integrity_check")[0][0])

    def _fetch(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._guard:
            return list(self._connection.execute(statement, values))

    def _execute(self, statement: str, *values: object) -> None:
        with self._guard:
            self._connection.execute(statement, values)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)

    def _now(self) -> str:
        now: datetime = self._clock()
        return now.isoformat()


class _Transaction:
    """Several changes in one commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("begin immediate")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._connection.execute("rollback" if error else "commit")


def _read_row(row: sqlite3.Row) -> FileRow:
    return FileRow(
        file_id=row["file_id"],
        docking_id=row["docking_id"],
        source=row["source"],
        path=bytes(row["path"]),
        size=row["size"],
        mtime_ns=row["mtime_ns"],
        state=FileState(row["state"]),
        reason=row["reason"],
        digests=json.loads(row["digests"]) if row["digests"] else None,
        manifest=json.loads(row["manifest"]) if row["manifest"] else None,
        manifest_sha256=row["manifest_sha256"],
        intake_id=row["intake_id"],
        part_size=row["part_size"],
        spool_name=row["spool_name"],
        evidence_id=row["evidence_id"],
        entry_index=row["entry_index"],
    )

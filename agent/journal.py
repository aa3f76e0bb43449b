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
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlite_utils

from agent.errors import HomeError
from agent.steps import STEPS, reached
from chain_of_custody.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from chain_of_custody.canonical import JsonValue
    from chain_of_custody.instants import Clock

JOURNAL_NAME = "journal.db"
_SCHEMA = """
create table if not exists dockings (
    docking_id text primary key, source text not null, inventory text not null, inventory_sha256 text not null,
    recorder_id text, is_posted integer not null default 0, report text, is_closed integer not null default 0,
    at text not null
);
create table if not exists files (
    file_id integer primary key, docking_id text not null, source text not null, path blob not null,
    size integer not null, mtime_ns integer, state text not null, reason text, digests text, manifest text,
    manifest_sha256 text, intake_id text, part_size integer, spool_name text, evidence_id text,
    entry_index integer, clearing text, is_clearing_posted integer not null default 0, changed_at text not null
);
create index if not exists dockings_source on dockings (source);
create index if not exists files_place on files (source, path, size);
create index if not exists files_state on files (state);
create index if not exists files_docking on files (docking_id);
create table if not exists parts (
    file_id integer not null, number integer not null, size integer not null, sha256 text not null, etag text not null,
    primary key (file_id, number)
) without rowid;
create table if not exists counters (name text primary key, value integer not null);
create table if not exists checkpoint (
    id integer primary key check (id = 1), size integer not null, note blob not null
);
"""


# What stands in ``files.clearing`` between the decision to remove a file and the signed statement that it is gone.
CLEARING_INTENDED = "intended"


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
    clearing: str | None


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

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        """Take an opened database."""
        connection.row_factory = sqlite3.Row
        self.tables = sqlite_utils.Database(connection)
        self._connection = connection
        self._clock = clock
        self._guard = threading.RLock()

    @classmethod
    def open(cls, home: Path, clock: Clock) -> Journal:
        """Open the journal of a dock home, and make it where there is none.

        Raises:
            HomeError: It cannot be opened, or SQLite does not take its settings.
        """
        with _in_words():
            return cls(_connect(home), clock)

    @classmethod
    def open_beside(cls, home: Path, clock: Clock) -> Journal:
        """Open the journal for reading alone, also while another process works on it.

        Raises:
            HomeError: There is none yet, or it cannot be read.
        """
        with _in_words():
            place = f"{(home / JOURNAL_NAME).absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(place, uri=True, timeout=60, isolation_level=None)
            connection.execute("select count(*) from files")
            return cls(connection, clock)

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._connection.close()

    # Dockings

    def next_counter(self) -> int:
        """Give the next number of this dock's statements; never given twice."""
        with self._guard, _in_words():
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

    def read_inventory(self, docking_id: str) -> dict[str, JsonValue]:
        """A docking's signed inventory."""
        value: dict[str, JsonValue] = json.loads(self._fetch_docking(docking_id, "inventory"))
        return value

    def read_inventory_digest(self, docking_id: str) -> str:
        """SHA-256 of a docking's signed inventory."""
        return str(self._fetch_docking(docking_id, "inventory_sha256"))

    def read_last_inventory(self, source: str) -> dict[str, JsonValue] | None:
        """The signed inventory of the last docking of a source; None where there was none."""
        rows = self._fetch("select inventory from dockings where source = ? order by rowid desc limit 1", source)
        return json.loads(rows[0]["inventory"]) if rows else None

    def is_posted(self, docking_id: str) -> bool:
        """Whether the server has a docking's inventory."""
        return bool(self._fetch_docking(docking_id, "is_posted"))

    def _fetch_docking(self, docking_id: str, column: str) -> Any:
        return self._fetch(f"select {column} from dockings where docking_id = ?", docking_id)[0][0]  # noqa: S608 - ours

    def mark_posted(self, docking_id: str, recorder_id: str) -> None:
        """The server has the inventory."""
        self._execute(
            "update dockings set is_posted = 1, recorder_id = ? where docking_id = ?", recorder_id, docking_id
        )

    def keep_report(self, docking_id: str, report: dict[str, JsonValue]) -> None:
        """Keep the signed report of a docking that has ended, until the server has it."""
        self._execute("update dockings set report = ? where docking_id = ?", json.dumps(report), docking_id)

    def mark_closed(self, docking_id: str) -> None:
        """The server has the docking's report."""
        self._execute("update dockings set is_closed = 1 where docking_id = ?", docking_id)
        reached("docking.closed")

    def list_reports(self) -> list[tuple[str, dict[str, JsonValue]]]:
        """Reports that the server does not have yet, oldest first."""
        rows = self._fetch(
            "select docking_id, report from dockings where report is not null and not is_closed order by at"
        )
        return [(row["docking_id"], json.loads(row["report"])) for row in rows]

    # Files

    def add_files(self, docking_id: str, source: str, files: Iterable[tuple[bytes, int, int | None]]) -> list[FileRow]:
        """Take the found files of an inventory up, in one commit.

        A file on its way keeps its row. One that nothing was read of yet moves to this docking, whose inventory has
        seen it last; one with an open upload stays with the docking that the upload was opened for.

        Returns:
            The rows, in the order of ``files``.
        """
        with self._guard, _in_words(), self._transaction():
            reached("file.seen")
            ids = [self._add_file(docking_id, source, *file) for file in files]
        reached("file.inventoried")
        return [self.read_file(file_id) for file_id in ids]

    def _add_file(self, docking_id: str, source: str, path: bytes, size: int, mtime_ns: int | None) -> int:
        unfinished = self._connection.execute(
            "select file_id from files where source = ? and path = ? and size = ?"
            " and state in ('inventoried', 'acquired', 'uploaded') order by file_id desc limit 1",
            (source, path, size),
        ).fetchone()
        if unfinished is None:
            row = self._connection.execute(
                "insert into files (docking_id, source, path, size, mtime_ns, state, changed_at)"
                " values (?, ?, ?, ?, ?, 'inventoried', ?) returning file_id",
                (docking_id, source, path, size, mtime_ns, self._now()),
            ).fetchone()
            return int(row["file_id"])
        self._connection.execute(
            "update files set docking_id = ?, mtime_ns = ?, digests = null, manifest = null, manifest_sha256 = null"
            " where file_id = ? and state = 'inventoried' and intake_id is null",
            (docking_id, mtime_ns, unfinished["file_id"]),
        )
        return int(unfinished["file_id"])

    def add_failed(
        self, docking_id: str, source: str, path: bytes, size: int | None, mtime_ns: int | None, reason: str
    ) -> None:
        """Keep what a scan could not read, so that it is known not to be safe."""
        self._execute(
            "insert into files (docking_id, source, path, size, mtime_ns, state, reason, changed_at)"
            " values (?, ?, ?, ?, ?, 'failed', ?, ?)",
            docking_id,
            source,
            path,
            size or 0,
            mtime_ns,
            reason,
            self._now(),
        )
        reached("file.failed")

    def add_changed(self, row: FileRow, docking_id: str, mtime_ns: int | None) -> FileRow:
        """Another file stands where ``row`` was read: it gets a row of its own, and the old one goes on its way."""
        with self._guard, _in_words():
            added = self._connection.execute(
                "insert into files (docking_id, source, path, size, mtime_ns, state, changed_at)"
                " values (?, ?, ?, ?, ?, 'inventoried', ?) returning file_id",
                (docking_id, row.source, row.path, row.size, mtime_ns, self._now()),
            ).fetchone()
        return self.read_file(added["file_id"])

    def read_file(self, file_id: int) -> FileRow:
        """One file's row."""
        return _read_row(self._fetch("select * from files where file_id = ?", file_id)[0])

    def list_paths(self, source: str, limit: int = 20_000) -> list[bytes]:
        """The raw paths that dockings of a source have seen, the latest ``limit`` of them."""
        statement = "select path from files where source = ? order by file_id desc limit ?"
        return [row[0] for row in self._fetch(statement, source, limit)]

    def list_paths_in(self, source: str, *states: FileState) -> set[bytes]:
        """The raw paths of a source whose last row is in one of these states."""
        marks = ", ".join("?" for _ in states)
        statement = (
            "select path, state, max(file_id) from files where source = ? group by path"  # noqa: S608 - marks only
            f" having state in ({marks})"
        )
        return {row[0] for row in self._fetch(statement, source, *states)}

    def count_unsealed(self, docking_id: str) -> int:
        """How many files of a docking are not sealed, whether or not they were given up."""
        rows = self._fetch(
            "select count(*) from files where docking_id = ? and state not in ('sealed', 'cleared', 'kept')", docking_id
        )
        return int(rows[0][0])

    def is_sealed_before(
        self, source: str, path: bytes, size: int, digests: dict[str, JsonValue] | None = None
    ) -> bool:
        """Whether a file of this place and size was sealed by this dock, with these digests where they are given."""
        rows = self._fetch(
            "select digests from files where source = ? and path = ? and size = ?"
            " and state in ('sealed', 'cleared', 'kept')",
            source,
            path,
            size,
        )
        return any(digests is None or json.loads(row["digests"]) == digests for row in rows)

    def list_clearings(self) -> list[FileRow]:
        """Cleared files that the server was not told of yet."""
        rows = self._fetch(
            "select * from files where state = 'cleared' and clearing is not null and not is_clearing_posted"
            " order by file_id"
        )
        return [_read_row(row) for row in rows]

    def list_intended_clearings(self, source: str) -> list[FileRow]:
        """Files of a volume that a run was about to remove when it ended."""
        rows = self._fetch(
            "select * from files where source = ? and clearing = ? and state in ('sealed', 'kept') order by file_id",
            source,
            CLEARING_INTENDED,
        )
        return [_read_row(row) for row in rows]

    def read_clearing(self, row: FileRow) -> dict[str, JsonValue]:
        """The signed statement that a file is gone from its recorder."""
        value: dict[str, JsonValue] = json.loads(str(row.clearing))
        return value

    def mark_clearing_posted(self, row: FileRow) -> None:
        """The server has been told that this file is gone from its recorder."""
        self._execute("update files set is_clearing_posted = 1 where file_id = ?", row.file_id)
        reached("clearing.posted")

    def list_unsafe(self) -> list[FileRow]:
        """Files that are not sealed, each place with what became of it last."""
        rows = self._fetch(
            "select * from files as f where state in ('inventoried', 'acquired', 'uploaded') or state = 'failed'"
            " and not exists (select 1 from files as later where later.source = f.source and later.path = f.path"
            " and later.file_id > f.file_id) order by file_id"
        )
        return [_read_row(row) for row in rows]

    def list_files(self, *states: FileState) -> list[FileRow]:
        """Every file in one of these states, oldest first."""
        marks = ", ".join("?" for _ in states)
        rows = self._fetch(f"select * from files where state in ({marks}) order by file_id", *states)  # noqa: S608 - marks only
        return [_read_row(row) for row in rows]

    def list_spooled(self) -> set[str]:
        """Names in the spool that unsealed files still need."""
        rows = self._fetch(
            "select spool_name from files where spool_name is not null and state not in ('sealed', 'cleared', 'kept')"
        )
        return {row["spool_name"] for row in rows}

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
        is_new = row.state is not state
        row.state = state
        for name, value in values.items():
            setattr(row, name, value)
        if is_new and f"file.{state}" in STEPS:
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

    def drop_upload(self, row: FileRow, state: FileState) -> None:
        """Forget an upload that is gone; the file is sent anew, from the spool or by another reading."""
        with self._guard, _in_words(), self._transaction():
            self._connection.execute("delete from parts where file_id = ?", (row.file_id,))
            self._connection.execute(
                "update files set state = ?, intake_id = null, part_size = null, changed_at = ? where file_id = ?",
                (state, self._now(), row.file_id),
            )
        row.state = state
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
        with self._guard, _in_words():
            return list(self._connection.execute(statement, values))

    def _execute(self, statement: str, *values: object) -> None:
        with self._guard, _in_words():
            self._connection.execute(statement, values)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)

    def _now(self) -> str:
        return format_instant(self._clock())


def _connect(home: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(home / JOURNAL_NAME, timeout=60, isolation_level=None, check_same_thread=False)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    level = connection.execute("pragma synchronous").fetchone()[0]
    mode = connection.execute("pragma journal_mode").fetchone()[0]
    if (mode, level) != ("wal", 2):
        raise HomeError("the journal did not take journal_mode=wal and synchronous=full")
    connection.executescript(_SCHEMA)
    return connection


@contextmanager
def _in_words() -> Iterator[None]:
    """A journal that cannot be read or written is the dock home's trouble, and ends the run."""
    try:
        yield
    except sqlite3.Error as error:
        raise HomeError(f"the journal cannot be used: {error}") from error


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
        clearing=row["clearing"],
    )

"""The ledger on SQLite.

``ledger.db`` holds leaves, records, heads, claims, tiles and pending acts; ``lock.db`` the last checkpoint. Two files
on purpose: ``lock.db`` is never restored from a backup, so a ledger that was is noticed. Both run in WAL mode with
``synchronous=FULL``, which is set explicitly and read back: NORMAL loses commits on a power cut (measured).
"""

import base64
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlite_utils

from chain_of_custody.canonical import parse_json
from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.drafts import Head
from chain_of_custody.errors import LedgerStoppedError
from chain_of_custody.merkle import HASH_BYTES
from chain_of_custody.records import Record

__all__ = ["CheckpointLock", "LeafRow", "LedgerDatabase", "PublishedCheckpoint"]

LEDGER_NAME = "ledger.db"
LOCK_NAME = "lock.db"
_BUSY_S = 60.0
_SCHEMA = """
create table if not exists leaves ("index" integer primary key, leaf blob not null, subject text not null);
create index if not exists leaves_subject on leaves (subject, "index");
create table if not exists records ("index" integer primary key, record text not null);
create table if not exists heads (
    subject text primary key, seq integer not null, version integer not null,
    "index" integer not null, leaf_sha256 text not null
) without rowid;
create table if not exists claims (
    claim text primary key, subject text not null, "index" integer not null
) without rowid;
create table if not exists tiles (
    level integer not null, number integer not null, hashes blob not null, primary key (level, number)
) without rowid;
create table if not exists pending (
    id text primary key, place integer not null, act text not null, result text, asked_at text not null
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class LeafRow:
    """One entry as rows: what the sequencer writes."""

    index: int
    leaf: bytes
    subject: str
    record: str
    claims: tuple[str, ...]


def connect(path: Path, *, synchronous: str = "FULL", is_read_only: bool = False) -> sqlite_utils.Database:
    """Open a database of ours; the settings that durability rests on are read back.

    Raises:
        LedgerStoppedError: SQLite did not take the settings, or cannot open the file.
    """
    try:
        connection = sqlite3.connect(
            f"file:{path.as_posix()}?mode={'ro' if is_read_only else 'rwc'}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        if not is_read_only:
            connection.execute("pragma journal_mode=wal")
        connection.execute(f"pragma synchronous={synchronous}")
        mode = connection.execute("pragma journal_mode").fetchone()[0]
        level = connection.execute("pragma synchronous").fetchone()[0]
    except sqlite3.Error as error:
        raise LedgerStoppedError(f"{path.name} cannot be opened: {error}") from error
    if mode != "wal" or level != {"FULL": 2, "OFF": 0}[synchronous]:
        raise LedgerStoppedError(f"{path.name} did not take journal_mode=wal and synchronous={synchronous}")
    return sqlite_utils.Database(connection)


class ReaderPool:
    """Connections lent to one reader at a time, so that short-lived threads leave none behind."""

    def __init__(self, path: Path, *, is_read_only: bool) -> None:
        """Connect on demand."""
        self._path = path
        self._is_read_only = is_read_only
        self._idle: list[sqlite_utils.Database] = []

    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one query and return all its rows."""
        try:
            database = self._idle.pop()
        except IndexError:
            database = connect(self._path, is_read_only=self._is_read_only)
        try:
            rows: list[tuple[Any, ...]] = database.execute(statement, list(values)).fetchall()
        except BaseException:
            database.conn.close()
            raise
        self._idle.append(database)
        return rows

    def close(self) -> None:
        """Close what is not lent."""
        while self._idle:
            self._idle.pop().conn.close()


class LedgerDatabase:
    """``ledger.db``. Reading is safe from any thread; writing is the sequencer's alone."""

    def __init__(self, folder: Path, *, is_read_only: bool = False) -> None:
        """Open the file in a folder; make its tables where it is new."""
        self.path = folder / LEDGER_NAME
        self._writer = None if is_read_only else connect(self.path)
        if self._writer is not None:
            self._writer.conn.executescript(_SCHEMA)
        self._readers = ReaderPool(self.path, is_read_only=is_read_only)
        # A hand-over needs no fsync of its own: nothing in it was acknowledged (formats, section 4).
        self._hand_over: sqlite_utils.Database | None = None

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        for database in (self._writer, self._hand_over):
            if database is not None:
                database.conn.close()

    # Reading

    def count_leaves(self) -> int:
        """How many leaves are committed, published or not."""
        highest = self._readers.fetch('select max("index") from leaves')[0][0]
        return 0 if highest is None else int(highest) + 1

    def read_leaves(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """Index and bytes of the leaves in a range."""
        rows = self._readers.fetch(
            'select "index", leaf from leaves where "index" >= ? and "index" < ? order by "index"', [start, end]
        )
        return [(int(index), bytes(leaf)) for index, leaf in rows]

    def read_subject(self, subject: str, end: int) -> list[int]:
        """Indexes of a subject's leaves below ``end``, in order."""
        rows = self._readers.fetch(
            'select "index" from leaves where subject = ? and "index" < ? order by "index"', [subject, end]
        )
        return [int(row[0]) for row in rows]

    def read_records(self, start: int, end: int) -> dict[int, Record]:
        """Records in a range; an erased one is absent."""
        rows = self._readers.fetch(
            'select "index", record from records where "index" >= ? and "index" < ?', [start, end]
        )
        return {int(index): Record.from_json(parse_json(text.encode())) for index, text in rows}

    def read_head(self, subject: str) -> Head | None:
        """Where a subject's committed history ends."""
        rows = self._readers.fetch('select seq, version, "index", leaf_sha256 from heads where subject = ?', [subject])
        return Head(*rows[0]) if rows else None

    def read_claim(self, claim: str) -> tuple[str, int] | None:
        """Who holds a unique key, and since which index."""
        rows = self._readers.fetch('select subject, "index" from claims where claim = ?', [claim])
        return (rows[0][0], rows[0][1]) if rows else None

    def read_tile(self, level: int, number: int, width: int) -> bytes:
        """The first ``width`` hashes of a tile; shorter where the tile has fewer."""
        rows = self._readers.fetch("select hashes from tiles where level = ? and number = ?", [level, number])
        return bytes(rows[0][0])[: width * HASH_BYTES] if rows else b""

    # Writing: only the sequencer, inside begin and commit

    def begin(self) -> None:
        """Begin the batch's transaction; nobody else can write until it ends."""
        self._writing().execute("begin immediate")

    def commit(self) -> None:
        """Commit; durable on return (WAL, synchronous=FULL)."""
        self._writing().execute("commit")

    def rollback(self) -> None:
        """Forget the transaction."""
        connection = self._writing()
        if connection.in_transaction:
            connection.execute("rollback")

    def write_rows(self, rows: Sequence[LeafRow], heads: Iterable[tuple[str, Head]]) -> None:
        """Write entries and the heads they lead to."""
        connection = self._writing()
        connection.executemany(
            'insert into leaves ("index", leaf, subject) values (?, ?, ?)',
            [(row.index, row.leaf, row.subject) for row in rows],
        )
        connection.executemany(
            'insert into records ("index", record) values (?, ?)', [(row.index, row.record) for row in rows]
        )
        connection.executemany(
            'insert into claims (claim, subject, "index") values (?, ?, ?)',
            [(claim, row.subject, row.index) for row in rows for claim in row.claims],
        )
        connection.executemany(
            'insert or replace into heads (subject, seq, version, "index", leaf_sha256) values (?, ?, ?, ?, ?)',
            [(subject, h.seq, h.version, h.index, h.leaf_digest) for subject, h in heads],
        )

    def write_tiles(self, tiles: Iterable[tuple[int, int, bytes]]) -> None:
        """Write or grow tiles: level, number, hashes."""
        self._writing().executemany("insert or replace into tiles (level, number, hashes) values (?, ?, ?)", tiles)

    # Hand-over between processes

    def add_pending(self, act_id: str, act: str, asked_at: str) -> None:
        """Hand an act to whichever process holds the sequencer lock."""
        self._pending_db().execute(
            "insert or ignore into pending (id, place, act, asked_at)"
            " values (?, (select coalesce(max(place), 0) + 1 from pending), ?, ?)",
            [act_id, act, asked_at],
        )

    def read_pending(self, limit: int) -> list[tuple[str, str, str]]:
        """Acts without a result in the order they came: id, act, when asked."""
        rows = self._readers.fetch(
            "select id, act, asked_at from pending where result is null order by place limit ?", [limit]
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def read_result(self, act_id: str) -> str | None:
        """The result of a handed-over act, once there is one."""
        rows = self._readers.fetch("select result from pending where id = ?", [act_id])
        return rows[0][0] if rows else None

    def write_results(self, results: Iterable[tuple[str, str]]) -> None:
        """Inside the batch's transaction: the results of acts handed over, so that each is integrated at most once."""
        self._writing().executemany(
            "update pending set result = ? where id = ?", [(text, act_id) for act_id, text in results]
        )

    def remove_pending(self, act_id: str) -> None:
        """Forget an act whose result was read."""
        self._pending_db().execute("delete from pending where id = ?", [act_id])

    def remove_old_results(self, before: str) -> None:
        """Inside a transaction: forget results whose asker has long gone."""
        self._writing().execute("delete from pending where result is not null and asked_at < ?", [before])

    def _writing(self) -> sqlite3.Connection:
        if self._writer is None:
            raise LedgerStoppedError("this ledger was opened for reading only")
        connection: sqlite3.Connection = self._writer.conn
        return connection

    def _pending_db(self) -> sqlite_utils.Database:
        if self._hand_over is None:
            self._hand_over = connect(self.path, synchronous="OFF")
        return self._hand_over


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """The last checkpoint and its signed note."""

    checkpoint: Checkpoint
    note: bytes


class CheckpointLock:
    """``lock.db``: one row, replaced only by compare-and-swap."""

    def __init__(self, folder: Path, *, is_read_only: bool = False) -> None:
        """Open the file in a folder; make its table where it is new."""
        self.path = folder / LOCK_NAME
        self._writer = None if is_read_only else connect(self.path)
        if self._writer is not None:
            self._writer.conn.execute(
                "create table if not exists checkpoint (id integer primary key check (id = 1), origin text not null,"
                " size integer not null, root text not null, note blob not null)"
            )
        self._readers = ReaderPool(self.path, is_read_only=is_read_only)

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        if self._writer is not None:
            self._writer.conn.close()

    def read(self) -> PublishedCheckpoint | None:
        """The last published checkpoint, or None for a log that has none yet."""
        rows = self._readers.fetch("select origin, size, root, note from checkpoint")
        if not rows:
            return None
        row = rows[0]
        return PublishedCheckpoint(Checkpoint(row[0], row[1], base64.b64decode(row[2])), bytes(row[3]))

    def swap(self, old_size: int | None, new: PublishedCheckpoint) -> bool:
        """Replace the checkpoint if it is still the one of ``old_size``; durable on return.

        Returns:
            Whether it was.
        """
        checkpoint = new.checkpoint
        values = [checkpoint.origin, checkpoint.size, base64.b64encode(checkpoint.root).decode(), new.note]
        if old_size is None:
            statement = "insert or ignore into checkpoint (origin, size, root, note, id) values (?, ?, ?, ?, 1)"
        else:
            statement = "update checkpoint set origin = ?, size = ?, root = ?, note = ? where size = ?"
            values.append(old_size)
        if self._writer is None:
            raise LedgerStoppedError("this ledger was opened for reading only")
        return bool(self._writer.conn.execute(statement, values).rowcount == 1)


def encode_record(record: Record) -> str:
    """A record as the text of its row."""
    return json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))

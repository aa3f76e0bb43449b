"""The ledger on SQLite.

``ledger.db`` holds leaves, records, heads, claims, tiles and handed-over acts; ``lock.db`` the last checkpoint. Two
files on purpose: ``lock.db`` is never restored from a backup, so a ledger that was rolled back is noticed.
"""

import base64
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlite_utils
from sqlite_utils.migrations import Migrations

from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.drafts import Head
from chain_of_custody.errors import LedgerStoppedError
from chain_of_custody.merkle import HASH_BYTES
from chain_of_custody.stores.connection import ReaderPool, connect, judge_error
from chain_of_custody.stores.contract import LeafRow, PendingAct, PublishedCheckpoint, StoredLeaf
from chain_of_custody.stores.schema import LEDGER_MIGRATIONS, LOCK_MIGRATIONS, migrate

__all__ = ["LEDGER_NAME", "LOCK_NAME", "SqliteCheckpointLock", "SqliteLedgerStore"]

LEDGER_NAME = "ledger.db"
LOCK_NAME = "lock.db"
_LEAF_COLUMNS = 'select leaves."index", leaf, subject, record from leaves left join records using ("index")'


class SqliteLedgerStore:
    """``ledger.db`` (:class:`~chain_of_custody.stores.contract.LedgerStore`)."""

    def __init__(self, folder: Path, *, is_read_only: bool = False) -> None:
        """Open the file in a folder; make it and its tables where they are missing.

        Raises:
            LedgerStoppedError: It cannot be opened.
        """
        self.path = folder / LEDGER_NAME
        self._writer = None if is_read_only else _open_writer(self.path, LEDGER_MIGRATIONS)
        self._readers = ReaderPool(self.path, is_read_only=is_read_only)
        self._hand_over: sqlite_utils.Database | None = None

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        for database in (self._writer, self._hand_over):
            if database is not None:
                database.conn.close()

    # Reading: any thread, through connections of their own, so that only what is committed is seen.

    def count_leaves(self) -> int:
        """How many leaves are committed, published or not."""
        return int(self._readers.fetch('select coalesce(max("index") + 1, 0) from leaves')[0][0])

    def read_leaves(self, start: int, end: int) -> list[StoredLeaf]:
        """The entries in a range that are there, in order."""
        rows = self._readers.fetch(
            f'{_LEAF_COLUMNS} where leaves."index" >= ? and leaves."index" < ? order by leaves."index"', [start, end]
        )
        return [StoredLeaf(*row) for row in rows]

    def read_history(self, subject: str, end: int) -> list[StoredLeaf]:
        """A subject's entries below ``end``, in order."""
        rows = self._readers.fetch(
            f'{_LEAF_COLUMNS} where subject = ? and leaves."index" < ? order by leaves."index"', [subject, end]
        )
        return [StoredLeaf(*row) for row in rows]

    def read_heads(self, subjects: Collection[str]) -> dict[str, Head]:
        """Where these subjects' committed histories end."""
        rows = self._readers.fetch(
            'select subject, seq, version, "index", leaf_sha256 from heads'
            " where subject in (select value from json_each(?))",
            [json.dumps(list(subjects))],
        )
        return {row[0]: Head(*row[1:]) for row in rows}

    def read_last_indexes(self, subjects: Collection[str]) -> dict[str, int]:
        """Index of each subject's last leaf, by the leaves."""
        rows = self._readers.fetch(
            'select value, (select max("index") from leaves where subject = value) from json_each(?)',
            [json.dumps(list(subjects))],
        )
        return {row[0]: row[1] for row in rows if row[1] is not None}

    def read_claims(self, claims: Collection[str]) -> dict[str, tuple[str, int]]:
        """Who holds these unique keys, and since which index."""
        rows = self._readers.fetch(
            'select claim, subject, "index" from claims where claim in (select value from json_each(?))',
            [json.dumps(list(claims))],
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def read_tile(self, level: int, number: int, width: int) -> bytes:
        """The first ``width`` hashes of a tile."""
        rows = self._readers.fetch(
            "select substr(hashes, 1, ?) from tiles where level = ? and number = ?", [width * HASH_BYTES, level, number]
        )
        return bytes(rows[0][0]) if rows else b""

    # Writing: the sequencer alone, between begin and commit

    def begin(self) -> None:
        """Begin the batch's transaction."""
        with _judging("beginning a batch"):
            self._writing().execute("begin immediate")

    def write_rows(self, rows: Sequence[LeafRow], heads: Iterable[tuple[str, Head]]) -> None:
        """Write entries, the claims they take and the heads they lead to."""
        connection = self._writing()
        with _judging("writing a batch"):
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
        """Write or grow tiles."""
        with _judging("writing tiles"):
            self._writing().executemany("insert or replace into tiles (level, number, hashes) values (?, ?, ?)", tiles)

    def write_results(self, results: Iterable[tuple[str, str]]) -> None:
        """Write what became of handed-over acts."""
        with _judging("writing results"):
            self._writing().executemany(
                "update pending set result = ? where id = ?", [(text, act_id) for act_id, text in results]
            )

    def remove_results(self, before: str) -> None:
        """Forget results whose asker has long gone."""
        with _judging("removing old results"):
            self._writing().execute("delete from pending where result is not null and asked_at < ?", [before])

    def commit(self) -> None:
        """Commit; durable on return."""
        with _judging("committing a batch"):
            self._writing().execute("commit")

    def rollback(self) -> None:
        """Forget the transaction; SQLite ends it by itself after some errors."""
        connection = self._writing()
        if connection.in_transaction:
            with _judging("rolling back a batch"):
                connection.execute("rollback")

    # Hand-over between processes: a connection that does not wait for fsync, since nothing in it was acknowledged

    def add_pending(self, acts: Iterable[PendingAct]) -> None:
        """Hand acts over, all or none."""
        with self._handing_over("handing over") as connection:
            connection.executemany(
                "insert or ignore into pending (id, place, act, asked_at)"
                " values (?, (select coalesce(max(place), 0) + 1 from pending), ?, ?)",
                [(item.act_id, item.act, item.asked_at) for item in acts],
            )

    def read_pending(self, limit: int) -> list[PendingAct]:
        """Handed-over acts without a result, in the order they came."""
        rows = self._readers.fetch(
            "select id, act, asked_at from pending where result is null order by place limit ?", [limit]
        )
        return [PendingAct(*row) for row in rows]

    def read_results(self, act_ids: Collection[str]) -> dict[str, str]:
        """Results of handed-over acts, as far as there are any."""
        rows = self._readers.fetch(
            "select id, result from pending where result is not null and id in (select value from json_each(?))",
            [json.dumps(list(act_ids))],
        )
        return {row[0]: row[1] for row in rows}

    def remove_pending(self, act_ids: Collection[str]) -> None:
        """Forget handed-over acts."""
        with self._handing_over("forgetting what was handed over") as connection:
            connection.executemany("delete from pending where id = ?", [(act_id,) for act_id in act_ids])

    @contextmanager
    def _handing_over(self, what: str) -> Iterator[sqlite3.Connection]:
        if self._hand_over is None:
            self._hand_over = connect(self.path, synchronous="NORMAL")
        connection: sqlite3.Connection = self._hand_over.conn
        with _judging(what):
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise

    def _writing(self) -> sqlite3.Connection:
        return _require_writer(self._writer)


class SqliteCheckpointLock:
    """``lock.db`` (:class:`~chain_of_custody.stores.contract.CheckpointLock`): one row."""

    def __init__(self, folder: Path, *, is_read_only: bool = False) -> None:
        """Open the file in a folder; make it and its table where they are missing.

        Raises:
            LedgerStoppedError: It cannot be opened.
        """
        self.path = folder / LOCK_NAME
        self._writer = None if is_read_only else _open_writer(self.path, LOCK_MIGRATIONS)
        self._readers = ReaderPool(self.path, is_read_only=is_read_only)

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        if self._writer is not None:
            self._writer.conn.close()

    def read(self) -> PublishedCheckpoint | None:
        """The last published checkpoint, or None."""
        rows = self._readers.fetch("select origin, size, root, note from checkpoint")
        if not rows:
            return None
        origin, size, root, note = rows[0]
        try:
            return PublishedCheckpoint(Checkpoint(str(origin), int(size), base64.b64decode(root)), bytes(note))
        except (TypeError, ValueError) as error:
            raise LedgerStoppedError(f"{LOCK_NAME} is damaged: its row is no checkpoint") from error

    def swap(self, old: PublishedCheckpoint | None, new: PublishedCheckpoint) -> bool:
        """Replace the checkpoint if it is still ``old``; durable on return."""
        checkpoint = new.checkpoint
        values = [checkpoint.origin, checkpoint.size, base64.b64encode(checkpoint.root).decode(), new.note]
        if old is None:
            statement = "insert or ignore into checkpoint (origin, size, root, note, id) values (?, ?, ?, ?, 1)"
        else:
            statement = "update checkpoint set origin = ?, size = ?, root = ?, note = ? where note = ?"
            values.append(old.note)
        try:
            return bool(_require_writer(self._writer).execute(statement, values).rowcount == 1)
        except sqlite3.Error as error:
            # Whether the checkpoint stands is not known, so nothing more may be signed by this process.
            raise LedgerStoppedError(f"swapping the checkpoint failed: {error}") from error


def _open_writer(path: Path, migrations: Migrations) -> sqlite_utils.Database:
    database = connect(path)
    try:
        migrate(database, migrations)
    except sqlite3.Error as error:
        database.conn.close()
        raise LedgerStoppedError(f"{path.name} cannot be used: {error}") from error
    return database


def _require_writer(database: sqlite_utils.Database | None) -> sqlite3.Connection:
    if database is None:
        raise LedgerStoppedError("this ledger was opened for reading only")
    connection: sqlite3.Connection = database.conn
    return connection


@contextmanager
def _judging(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise judge_error(error, what) from error

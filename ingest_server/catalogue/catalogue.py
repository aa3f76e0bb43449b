"""The catalogue file: brought up to the ledger before every query, deleted and rebuilt at will.

No open SQLite file is ever renamed, replaced or unlinked: a rebuild is made beside and copied in through SQLite's
backup interface (formats, section 4).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import sqlite_utils

from ingest_server.catalogue.projector import apply_entry
from ingest_server.catalogue.schema import SCHEMA, TABLES, VERSION, split_statements
from ingest_server.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chain_of_custody.ledger import Ledger

STRETCH = 1000
_BUSY_S = 60
_REBUILD = "is damaged; run: ingest-server catalogue rebuild"
_REMEDIES = {
    sqlite3.SQLITE_CONSTRAINT: _REBUILD,
    sqlite3.SQLITE_CORRUPT: _REBUILD,
    sqlite3.SQLITE_NOTADB: "is no database any more; stop the server and delete it, the next command builds it anew",
}


class Catalogue:
    """Reads for everyone; written only by applying ledger entries in order."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        """Use the file at ``path``; a missing one is built by the first query."""
        self._path = path
        self._ledger = ledger
        self._idle: list[sqlite3.Connection] = []

    def fetch(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Run one query on a catalogue that is up to the checkpoint current when the query began.

        Raises:
            UnavailableError: The file is damaged.
        """
        with self._telling_damage():
            connection = self._borrow()
            try:
                _sync(connection, self._ledger)
                rows = connection.execute(statement, values).fetchall()
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)
        return rows

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One connection for several queries that see one state, current when it began; for reading alone.

        Raises:
            UnavailableError: The file is damaged.
        """
        with self._telling_damage():
            connection = self._borrow()
            try:
                _sync(connection, self._ledger)
                connection.execute("begin")
                yield connection
                connection.execute("rollback")
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)

    def fetch_one(self, statement: str, *values: object) -> sqlite3.Row | None:
        """Run one query for at most one row."""
        rows = self.fetch(statement, *values)
        return rows[0] if rows else None

    def sync(self) -> None:
        """Bring the catalogue up to the current checkpoint."""
        self.fetch("select 1")

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Build anew from the ledger and copy in; returns how many entries were applied.

        Raises:
            UnavailableError: What is there is no database at all, and must be deleted first.
        """
        beside = self._build_beside(progress)
        try:
            # Whatever the live file's tables have become, its pages are overwritten: it is not made ready first.
            with self._telling_damage(), closing(_connect(beside)) as built, closing(_open(self._path)) as live:
                built.backup(live)
                return _read_cursor(live)
        finally:
            _remove(beside)

    def check(self, progress: Callable[[int, int], None] | None = None) -> list[str]:
        """Compare with a catalogue built anew, row for row; returns what differs, at most 20 lines."""
        try:
            self.sync()
        except UnavailableError as error:
            return [error.detail]
        except sqlite3.DatabaseError as error:
            return [f"{self._path} cannot be read: {error}"]
        beside = self._build_beside(progress)
        try:
            with closing(_connect(beside)) as built, closing(_connect(self._path)) as live:
                # Both sides end at the same entry, whatever is appended meanwhile.
                if _read_cursor(live) != _read_cursor(built):
                    _sync(live, self._ledger)
                    _sync(built, self._ledger)
                return [line for table in TABLES for line in _compare_table(table, live, built)][:20]
        except sqlite3.DatabaseError as error:
            return [f"{self._path} cannot be read: {error}"]
        finally:
            _remove(beside)

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _telling_damage(self) -> Iterator[None]:
        """Say in words what no query can get around; a fault of our own stays one."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
            if remedy is None:
                raise
            raise UnavailableError("catalogue_damaged", f"{self._path} {remedy} ({error})") from error

    def _build_beside(self, progress: Callable[[int, int], None] | None) -> Path:
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.rebuild")
        _remove(beside)
        with closing(_connect(beside)) as connection:
            _sync(connection, self._ledger, progress)
        return beside

    def _borrow(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return _connect(self._path)


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = _open(path)
    try:
        connection.execute("pragma journal_mode=wal")
        # Derived data: a power cut may cost the last transactions, which the next query applies again.
        connection.execute("pragma synchronous=normal")
        _prepare_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare_tables(connection: sqlite3.Connection) -> None:
    """Make the tables; those of another version are derived data and are built anew from the ledger."""
    if connection.execute("pragma user_version").fetchone()[0] == VERSION:
        return
    connection.execute("begin immediate")
    try:
        # Another process may have done it while we waited for the lock.
        if connection.execute("pragma user_version").fetchone()[0] != VERSION:
            for table in sqlite_utils.Database(connection).table_names():
                # A virtual table takes its shadow tables with it.
                connection.execute(f'drop table if exists "{table}"')
            for statement in split_statements(SCHEMA):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {VERSION}")
    except BaseException:
        _roll_back(connection)
        raise
    connection.execute("commit")


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite itself has already given up a transaction that met a damaged page.
    if connection.in_transaction:
        connection.execute("rollback")


def _read_cursor(connection: sqlite3.Connection) -> int:
    row = connection.execute("select next_index from cursor").fetchone()
    if row is None:
        # Nobody but us writes here; the same remedy as for pages that cannot be read.
        error = sqlite3.DatabaseError("the cursor is gone")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    return int(row[0])


def _sync(connection: sqlite3.Connection, ledger: Ledger, progress: Callable[[int, int], None] | None = None) -> None:
    size = ledger.checkpoint()[0].size
    while (start := _read_cursor(connection)) < size:
        connection.execute("begin immediate")
        try:
            # Another process may have applied the stretch while we waited for the lock.
            start = _read_cursor(connection)
            for entry in ledger.entries(start, min(size, start + STRETCH)):
                apply_entry(connection, entry)
                start = entry.index + 1
            connection.execute("update cursor set next_index = ?", (start,))
        except BaseException:
            _roll_back(connection)
            raise
        connection.execute("commit")
        if progress:
            progress(start, size)


def _compare_table(table: str, live: sqlite3.Connection, built: sqlite3.Connection) -> list[str]:
    columns = len(live.execute(f"select * from {table} limit 0").description)  # noqa: S608 - our own table names
    order = ", ".join(str(number + 1) for number in range(columns))
    statement = f"select * from {table} order by {order}"  # noqa: S608 - our own table names
    ours, theirs = live.execute(statement), built.execute(statement)
    lines: list[str] = []
    while len(lines) < 5:
        a, b = ours.fetchone(), theirs.fetchone()
        if a is None and b is None:
            break
        if a is None or b is None or tuple(a) != tuple(b):
            lines.append(f"{table}: the catalogue has {_show_row(a)}, the ledger says {_show_row(b)}")
    return lines


def _show_row(row: sqlite3.Row | None) -> str:
    values: list[Any] = [] if row is None else list(row)
    return "no row" if row is None else ", ".join(str(value)[:60] for value in values[:4])


def _remove(path: Path) -> None:
    """Remove a database that nobody has open, with its side files."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)

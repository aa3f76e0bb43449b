"""One SQLite file of the server's own working state: several threads, one connection, every change durable."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest_server.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class GuardedDatabase:
    """One connection behind a lock: the server's own load on it is small; other processes wait for each other."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open the file; make its tables where it is new.

        Raises:
            UnavailableError: It is damaged.
        """
        connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.executescript(schema)
        except sqlite3.DatabaseError as error:
            connection.close()
            raise UnavailableError("database_damaged", f"{path} cannot be read: {error}") from error
        self._connection = connection
        self._guard = threading.RLock()

    def fetch(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Run one query."""
        with self._guard:
            return list(self._connection.execute(statement, values))

    def fetch_one(self, statement: str, *values: object) -> sqlite3.Row | None:
        """Run one query for at most one row."""
        rows = self.fetch(statement, *values)
        return rows[0] if rows else None

    def execute(self, statement: str, *values: object) -> int:
        """Run one change, durable on return; gives how many rows it touched."""
        with self._guard:
            return self._connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several changes, all or none; other processes wait."""
        with self._guard:
            self._connection.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._connection.close()

"""Connections to SQLite with the settings that durability rests on, set explicitly and read back."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import sqlite_utils

from chain_of_custody.durable import create_file_exclusively
from chain_of_custody.errors import LedgerBusyError, LedgerError, LedgerStoppedError

__all__ = ["BUSY_S", "ReaderPool", "connect", "judge_error"]

BUSY_S = 60.0
_SYNCHRONOUS = {"FULL": 2, "NORMAL": 1}
# Larger than SQLite's 1,000 pages: many batches touch the same pages, and each is then copied into the file only once.
_CHECKPOINT_PAGES = 4000
# SQLite reports these before a commit's last frame is written, so nothing of the transaction is left behind.
_TEMPORARY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_LOCKED})


def connect(
    path: Path, *, synchronous: Literal["FULL", "NORMAL"] = "FULL", is_read_only: bool = False
) -> sqlite_utils.Database:
    """Open a database of ours in WAL mode; a new file is readable by its owner only.

    Args:
        path: The file.
        synchronous: FULL makes each commit durable (NORMAL loses commits on a power cut, measured); NORMAL is for rows
            that need no fsync of their own. Never OFF: such a connection would also copy the write-ahead log into the
            file without fsync, and with it what others made durable.
        is_read_only: Neither creates nor changes anything.

    Raises:
        LedgerStoppedError: SQLite did not take the settings, or cannot open the file.
    """
    try:
        if not is_read_only and not path.exists():
            _create_private(path)
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if is_read_only else 'rw'}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        if not is_read_only:
            connection.execute("pragma journal_mode=wal")
        connection.execute(f"pragma synchronous={synchronous}")
        connection.execute(f"pragma wal_autocheckpoint={_CHECKPOINT_PAGES}")
        mode = connection.execute("pragma journal_mode").fetchone()[0]
        level = connection.execute("pragma synchronous").fetchone()[0]
    except (sqlite3.Error, OSError) as error:
        raise LedgerStoppedError(f"{path.name} cannot be opened: {error}") from error
    if mode != "wal" or level != _SYNCHRONOUS[synchronous]:
        connection.close()
        raise LedgerStoppedError(f"{path.name} did not take journal_mode=wal and synchronous={synchronous}")
    return sqlite_utils.Database(connection)


def judge_error(error: sqlite3.Error, what: str) -> LedgerError:
    """Say what an error of SQLite means: nothing happened and it may succeed later, or nobody knows."""
    if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _TEMPORARY:
        return LedgerBusyError(f"{what} did not succeed and left nothing behind: {error}; try again")
    return LedgerStoppedError(f"{what} failed: {error}")


class ReaderPool:
    """Connections lent to one reader at a time, so that short-lived threads leave none behind."""

    def __init__(self, path: Path, *, is_read_only: bool) -> None:
        """Connect on demand."""
        self._path = path
        self._is_read_only = is_read_only
        self._idle: list[sqlite_utils.Database] = []

    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one query and return all its rows.

        Raises:
            LedgerError: The file cannot be read.
        """
        try:
            database = self._idle.pop()
        except IndexError:
            database = connect(self._path, is_read_only=self._is_read_only)
        try:
            rows: list[tuple[Any, ...]] = database.conn.execute(statement, values).fetchall()
        except BaseException as error:
            database.conn.close()
            if isinstance(error, sqlite3.Error):
                raise judge_error(error, f"reading {self._path.name}") from error
            raise
        self._idle.append(database)
        return rows

    def close(self) -> None:
        """Close what is not lent."""
        while self._idle:
            self._idle.pop().conn.close()


def _create_private(path: Path) -> None:
    try:
        create_file_exclusively(path, b"", 0o600)
    except FileExistsError:
        # Another process made it in between; it is the same empty file.
        return

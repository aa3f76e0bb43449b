"""Where a check of a whole ledger reads from: a data folder's rows, or the published files of C2SP tlog-tiles.

Both give the same three things: the signed checkpoint, leaves by index, hash tiles. What is missing or cannot be read
is given as None, since naming it is the check's business, not a reason to stop.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from chain_of_custody.errors import MalformedError, UndecidableError
from chain_of_custody.stores.sqlite import LEDGER_NAME, LOCK_NAME
from chain_of_custody.tiles import TILE_WIDTH, decode_bundle, entries_path, tile_path

__all__ = ["CHECKPOINT_PATH", "DataFolder", "LedgerSource", "PathReader", "PublishedTiles", "read_folder"]

CHECKPOINT_PATH = "checkpoint"
PathReader = Callable[[str], bytes]
"""Gives the bytes at a path of the published ledger; raises FileNotFoundError where there are none."""
_STRUCTURE = "pragma integrity_check(20)"
# The sqlite3 module raises the second where SQLite's own message quotes bytes that are no UTF-8.
_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)


class LedgerSource(Protocol):
    """What a whole ledger is read from."""

    def read_note(self) -> bytes | None:
        """The signed checkpoint, or None where there is none."""

    def read_bundle(self, number: int, width: int) -> list[bytes | None]:
        """``width`` leaves from index ``number * 256``; None where one is missing or its bundle is damaged."""

    def read_tile(self, level: int, number: int, width: int) -> bytes | None:
        """The first ``width`` hashes of a tile; None where there is no such tile."""


class PublishedTiles:
    """A ledger as anyone sees it: a folder of tiles, or a server."""

    def __init__(self, read_path: PathReader) -> None:
        """Read through a function."""
        self._read_path = read_path

    def read_note(self) -> bytes | None:
        """The signed checkpoint, or None where there is none."""
        return self._find(CHECKPOINT_PATH)

    def read_bundle(self, number: int, width: int) -> list[bytes | None]:
        """The leaves of a bundle; all None where it is missing or malformed."""
        data = self._find(entries_path(number, width))
        try:
            return [None] * width if data is None else [*decode_bundle(data, width)]
        except MalformedError:
            return [None] * width

    def read_tile(self, level: int, number: int, width: int) -> bytes | None:
        """A hash tile, or None."""
        return self._find(tile_path(level, number, width))

    def _find(self, path: str) -> bytes | None:
        try:
            return self._read_path(path)
        except FileNotFoundError:
            return None


def read_folder(folder: Path) -> PathReader:
    """Return a function that reads paths under a folder of tiles."""

    def read_path(path: str) -> bytes:
        return (folder / path).read_bytes()

    return read_path


class DataFolder:
    """A ledger's own rows, seen in one snapshot, so that a ledger in use can be checked too."""

    def __init__(self, folder: Path) -> None:
        """Open both files for reading.

        Raises:
            UndecidableError: ``ledger.db`` cannot be opened.
        """
        # The checkpoint is read first: rows seen afterwards are then never fewer than it covers in a sound ledger.
        self._checkpoint, self._lock_damage = _read_checkpoint_row(folder / LOCK_NAME)
        try:
            self._rows = _open_snapshot(folder / LEDGER_NAME)
            self.count = int(self._rows.execute('select coalesce(max("index") + 1, 0) from leaves').fetchone()[0])
        except _UNREADABLE as error:
            raise UndecidableError(f"{LEDGER_NAME} cannot be read: {_say(error)}") from error
        self.damage: list[str] = []

    def read_note(self) -> bytes | None:
        """The signed checkpoint out of ``lock.db``."""
        return None if self._checkpoint is None else bytes(self._checkpoint[3])

    def read_checkpoint_row(self) -> tuple[str, int, str] | None:
        """Origin, size and root as ``lock.db`` states them beside the note."""
        return None if self._checkpoint is None else (self._checkpoint[0], self._checkpoint[1], self._checkpoint[2])

    def read_bundle(self, number: int, width: int) -> list[bytes | None]:
        """The leaves of 256 indexes, as far as there are rows."""
        start = number * TILE_WIDTH
        found: dict[int, object] = dict(
            self._fetch('select "index", leaf from leaves where "index" >= ? and "index" < ?', start, start + width)
        )
        return [_as_bytes(found.get(index)) for index in range(start, start + width)]

    def read_tile(self, level: int, number: int, width: int) -> bytes | None:
        """A hash tile's row, cut to the width asked for."""
        for (hashes,) in self._fetch("select hashes from tiles where level = ? and number = ?", level, number):
            tile = _as_bytes(hashes)
            return None if tile is None else tile[: width * 32]
        return None

    def read_subjects(self, start: int, end: int) -> dict[int, object]:
        """The subject column beside the leaves, by index."""
        return dict(self._fetch('select "index", subject from leaves where "index" >= ? and "index" < ?', start, end))

    def read_records(self, start: int, end: int) -> dict[int, object]:
        """Records as their rows' text, by index; an erased one is absent."""
        return dict(self._fetch('select "index", record from records where "index" >= ? and "index" < ?', start, end))

    def read_heads(self) -> Iterator[tuple[object, ...]]:
        """All heads: subject, seq, version, index, digest of the leaf."""
        yield from self._fetch('select subject, seq, version, "index", leaf_sha256 from heads')

    def read_false_claims(self) -> Iterator[tuple[object, ...]]:
        """Claims that name no leaf, or one of another subject: claim and index."""
        yield from self._fetch(
            'select claims.claim, claims."index" from claims left join leaves on leaves."index" = claims."index"'
            " where leaves.subject is null or leaves.subject != claims.subject"
        )

    def read_rows_beyond(self) -> list[str]:
        """Rows that belong to no leaf, in words."""
        lost = self._fetch('select count(*) from records where "index" not in (select "index" from leaves)')
        return [f"{count} records belong to no leaf" for (count,) in lost if count]

    def read_claim(self, claim: str) -> tuple[object, ...] | None:
        """Subject and index that hold a unique key, or None where nobody does."""
        rows = self._fetch('select subject, "index" from claims where claim = ?', claim)
        return rows[0] if rows else None

    def check_structure(self) -> list[str]:
        """What SQLite's own check says of the file; empty when sound."""
        return [str(line) for (line,) in self._fetch(_STRUCTURE) if line != "ok"]

    def check_lock_structure(self) -> list[str]:
        """The same of ``lock.db``."""
        return self._lock_damage

    def close(self) -> None:
        """End the snapshot."""
        self._rows.close()

    def _fetch(self, statement: str, *values: object) -> list[Any]:
        """Rows of a query; a page that SQLite cannot read is noted as damage and gives none."""
        try:
            return self._rows.execute(statement, values).fetchall()
        except _UNREADABLE as error:
            if _say(error) not in self.damage:
                self.damage.append(_say(error))
            return []


def _open_snapshot(path: Path) -> sqlite3.Connection:
    # A copy on read-only media has no shared memory file; it may be read as it is where no WAL is left over.
    log = path.with_name(f"{path.name}-wal")
    is_still = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_still else ''}",
        uri=True,
        timeout=60,
        isolation_level=None,
    )
    try:
        # A flipped bit may leave bytes that are no UTF-8: the one value is judged then, not a whole query refused.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("begin")
        connection.execute("select count(*) from sqlite_schema").fetchone()
    except _UNREADABLE:
        connection.close()
        raise
    return connection


def _read_checkpoint_row(path: Path) -> tuple[tuple[str, int, str, bytes] | None, list[str]]:
    """The row of ``lock.db``, None where file or row is missing or cannot be read as one, and what is damaged in it."""
    if not path.exists():
        return None, []
    damage: list[str] = []
    try:
        connection = _open_snapshot(path)
        try:
            row = connection.execute("select origin, size, root, note from checkpoint").fetchone()
            damage += [str(line) for (line,) in connection.execute(_STRUCTURE).fetchall() if line != "ok"]
        finally:
            connection.close()
    except _UNREADABLE as error:
        return None, [_say(error)]
    match row:
        case (str(origin), int(size), str(root), bytes(note)):
            return (origin, size, root, note), damage
        case _:
            return None, damage


def _say(error: Exception) -> str:
    """What SQLite said, also where its sentence quotes a damaged name that is no UTF-8."""
    return error.object.decode("utf-8", "backslashreplace") if isinstance(error, UnicodeDecodeError) else str(error)


def _as_bytes(value: object) -> bytes | None:
    return bytes(value) if isinstance(value, bytes) else None

"""The source of fsck that reads a data folder, and the checks of its tables."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from chain_of_custody.canonical import parse_json
from chain_of_custody.drafts import Head
from chain_of_custody.errors import MalformedError, UndecidableError
from chain_of_custody.findings import Finding
from chain_of_custody.merkle import HASH_BYTES
from chain_of_custody.records import Record
from chain_of_custody.stores.sqlite import LEDGER_NAME, LOCK_NAME

__all__ = ["DatabaseSource"]


class DatabaseSource:
    """``ledger.db`` and ``lock.db``, opened for reading only; a running server goes on meanwhile."""

    def __init__(self, folder: Path) -> None:
        """Open the folder; raises UndecidableError where SQLite cannot."""
        self._folder = folder
        try:
            self._database = sqlite3.connect(f"file:{(folder / LEDGER_NAME).as_posix()}?mode=ro", uri=True, timeout=60)
            self._database.execute("select count(*) from sqlite_master")
        except sqlite3.Error as error:
            raise UndecidableError(f"{LEDGER_NAME} cannot be opened: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def read_checkpoint(self, findings: list[Finding]) -> bytes | None:
        """The checkpoint of ``lock.db``, compared with how many leaves there are."""
        try:
            with closing(
                sqlite3.connect(f"file:{(self._folder / LOCK_NAME).as_posix()}?mode=ro", uri=True, timeout=60)
            ) as lock:
                row = lock.execute("select size, note from checkpoint").fetchone()
        except sqlite3.Error as error:
            findings.append(Finding("lock_unreadable", "error", LOCK_NAME, str(error)))
            return None
        if row is None:
            findings.append(Finding("checkpoint_missing", "error", LOCK_NAME, "it holds no checkpoint"))
            return None
        count = self._fetch_one('select coalesce(max("index") + 1, 0) from leaves', findings)
        if count is not None and count < row[0]:
            message = f"{count} leaves are there and {row[0]} were signed: the ledger was rolled back"
            findings.append(Finding("rolled_back", "error", LEDGER_NAME, message))
        elif count is not None and count > row[0]:
            message = f"{count - row[0]} entries are committed and not published yet"
            findings.append(Finding("staged", "warning", LEDGER_NAME, message))
        return bytes(row[1])

    def read_entries(self, size: int, findings: list[Finding]) -> Iterator[tuple[int, bytes, Record | None]]:
        """Every leaf with its record, in order; a gap ends the reading."""
        try:
            rows = self._database.execute(
                'select l."index", l.leaf, r.record, l.subject from leaves l left join records r using ("index")'
                ' where l."index" < ? order by l."index"',
                [size],
            )
            for expected, (index, leaf, text, _) in enumerate(rows):
                if index != expected:
                    findings.append(Finding("leaf_missing", "error", f"leaf {expected}", "the leaf is missing"))
                    return
                yield index, bytes(leaf), self._read_record(index, text, findings)
        except sqlite3.Error as error:
            findings.append(Finding("database_damaged", "error", LEDGER_NAME, str(error)))

    def read_tile(self, level: int, number: int, width: int) -> bytes | None:
        """A stored tile; one that has grown since is cut to the width."""
        row = self._database.execute(
            "select hashes from tiles where level = ? and number = ?", [level, number]
        ).fetchone()
        return None if row is None else bytes(row[0])[: width * HASH_BYTES]

    def check_tables(self, heads: Mapping[str, Head], findings: list[Finding]) -> None:
        """Compare heads, the subject column and claims with what the leaves say; staged entries are left out."""
        last = max((head.index for head in heads.values()), default=-1)
        try:
            self._check_heads(heads, last, findings)
            self._check_subjects(heads, last, findings)
            wrong = self._database.execute(
                'select c.claim, c."index" from claims c left join leaves l using ("index")'
                ' where l."index" is null or l.subject != c.subject limit 20'
            )
            for claim, index in wrong:
                message = f"it names leaf {index}, which is not its subject's"
                findings.append(Finding("claim_differs", "error", f"claim {claim}", message))
        except sqlite3.Error as error:
            findings.append(Finding("database_damaged", "error", LEDGER_NAME, str(error)))

    def _check_heads(self, heads: Mapping[str, Head], last: int, findings: list[Finding]) -> None:
        stored = {
            row[0]: Head(*row[1:])
            for row in self._database.execute('select subject, seq, version, "index", leaf_sha256 from heads')
        }
        for subject in heads.keys() | stored.keys():
            found = stored.get(subject)
            if found is not None and found.index > last:
                continue
            if found != heads.get(subject):
                message = "the stored head is not where its leaves end"
                findings.append(Finding("head_differs", "error", f"head {subject}", message))

    def _check_subjects(self, heads: Mapping[str, Head], last: int, findings: list[Finding]) -> None:
        """The column by which histories are found must name each leaf's own subject."""
        counts = self._database.execute(
            'select subject, count(*) from leaves where "index" <= ? group by subject', [last]
        )
        for subject, count in counts:
            head = heads.get(subject)
            if head is None or head.seq != count:
                message = f"{count} rows name this subject and its leaves say {head.seq if head else 0}"
                findings.append(Finding("subject_differs", "error", f"subject {subject}", message))

    def _read_record(self, index: int, text: str | None, findings: list[Finding]) -> Record | None:
        if text is None:
            return None
        try:
            return Record.from_json(parse_json(text.encode("utf-8", "surrogateescape")))
        except (MalformedError, AttributeError, UnicodeError) as error:
            findings.append(Finding("record_malformed", "error", f"leaf {index}", str(error)))
            return None

    def _fetch_one(self, statement: str, findings: list[Finding]) -> int | None:
        try:
            return int(self._database.execute(statement).fetchone()[0])
        except sqlite3.Error as error:
            findings.append(Finding("database_damaged", "error", LEDGER_NAME, str(error)))
            return None

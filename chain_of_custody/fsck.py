"""Checks a whole ledger: every leaf, chain, tile, record and signature, against the checkpoint that was signed.

1. The checkpoint is a signed note of this log; under a verifier key given from outside, of that key.
2. The log is not shorter than its checkpoint.
3. Leaves and hash tiles lead to the signed root; where they do not, the damaged leaf or tile is named.
4. Leaves are in the format, in the order of time, each subject's chain without a gap, no act split, no event twice, and
   anchors name earlier trees of this log.
5. Every leaf is signed by an event key that the log had opened before (only where records are there to open it).
6. Records are what their leaves commit to; heads, claims and the row of ``lock.db`` follow from leaves and note.

Nothing is repaired and nothing raised for what is found. Steps 5 and 6 need the data folder.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from chain_of_custody.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint_text
from chain_of_custody.commitments import Opening
from chain_of_custody.errors import MalformedError, UndecidableError, VerificationError
from chain_of_custody.findings import Finding
from chain_of_custody.fsck_leaves import LeafCheck, SignatureCheck
from chain_of_custody.fsck_rows import (
    check_checkpoint_row,
    check_claim,
    check_derived_rows,
    check_record,
    check_subject,
    open_record,
)
from chain_of_custody.fsck_sources import (
    CHECKPOINT_PATH,
    DataFolder,
    LedgerSource,
    PathReader,
    PublishedTiles,
    read_folder,
)
from chain_of_custody.fsck_tree import TreeCheck
from chain_of_custody.leaves import Leaf
from chain_of_custody.note import parse_note, parse_vkey
from chain_of_custody.records import Record
from chain_of_custody.stores.sqlite import LEDGER_NAME, LOCK_NAME
from chain_of_custody.tiles import TILE_WIDTH

__all__ = ["MAX_FINDINGS", "check_ledger"]

MAX_FINDINGS = 1000


def check_ledger(place: Path | PathReader, vkey: str | None = None) -> list[Finding]:
    """Check a data folder, a folder of tiles, or whatever a function reads, such as a server's ledger.

    Args:
        place: Where the ledger is; a function takes a path such as ``tile/0/000`` and raises FileNotFoundError.
        vkey: The log's verifier key, obtained from outside; without it the signer is not checked.

    Returns:
        What was found, at most :data:`MAX_FINDINGS`; the ledger is sound where none is an ``error``.

    Raises:
        UndecidableError: There is no ledger to be read.
        MalformedError: The verifier key is none.
    """
    if vkey is not None:
        parse_vkey(vkey)
    if isinstance(place, Path) and any((place / name).exists() for name in (LEDGER_NAME, LOCK_NAME)):
        try:
            folder = DataFolder(place)
        except UndecidableError as error:
            return [Finding("database_unreadable", "error", LEDGER_NAME, str(error))]
        try:
            return list(islice(_check_folder(folder, vkey), MAX_FINDINGS))
        finally:
            folder.close()
    source = PublishedTiles(read_folder(place) if isinstance(place, Path) else place)
    return list(islice(_check_published(source, vkey), MAX_FINDINGS))


def _check_published(source: PublishedTiles, vkey: str | None) -> Iterator[Finding]:
    note = source.read_note()
    if note is None:
        raise UndecidableError("there is no ledger here: neither ledger.db nor a checkpoint")
    checkpoint, findings = _open_note(note, vkey)
    yield from findings
    if checkpoint is None:
        return
    yield from _check_log(source, checkpoint, checkpoint.size, None)
    yield Finding(
        "event_keys_unknown", "note", "leaves", "signatures of leaves need the records, which are not published"
    )


def _check_folder(folder: DataFolder, vkey: str | None) -> Iterator[Finding]:
    note = folder.read_note()
    if note is None:
        message = "there is no checkpoint: nobody can tell whether the ledger was rolled back"
        yield Finding("checkpoint_missing", "error", LOCK_NAME, message)
        for line in folder.check_lock_structure():
            yield Finding("database_damaged", "error", LOCK_NAME, line)
        return
    log_vkey = vkey or _read_own_vkey(folder)
    checkpoint, findings = _open_note(note, log_vkey)
    yield from findings
    if checkpoint is None:
        return
    yield from check_checkpoint_row(folder, checkpoint)
    if folder.count < checkpoint.size:
        message = f"{folder.count} leaves are here and {checkpoint.size} were published: it was rolled back"
        yield Finding("rolled_back", "error", LEDGER_NAME, message)
    if folder.count > checkpoint.size:
        message = (
            f"{folder.count - checkpoint.size} entries are not yet under a checkpoint; the next start publishes them"
        )
        yield Finding("unpublished", "note", LEDGER_NAME, message)
    yield from _check_log(folder, checkpoint, folder.count, _FolderCheck(folder, checkpoint.origin, log_vkey))


class _FolderCheck:
    """What only a data folder lets one check of each leaf."""

    def __init__(self, folder: DataFolder, origin: str, log_vkey: str | None) -> None:
        self.folder = folder
        self._signatures = SignatureCheck(origin, log_vkey or "")
        self._subjects: Mapping[int, object] = {}
        self._records: Mapping[int, object] = {}
        self._erased = 0

    def load(self, start: int, end: int) -> None:
        """Fetch what stands beside the leaves of a range."""
        self._subjects = self.folder.read_subjects(start, end)
        self._records = self.folder.read_records(start, end)

    def take(self, index: int, leaf: Leaf) -> Iterator[Finding]:
        """Check what stands beside one leaf, and its signature."""
        yield from check_subject(index, leaf, self._subjects.get(index))
        record: Record | None = None
        try:
            record = open_record(self._records.get(index))
        except MalformedError as error:
            yield Finding("record_malformed", "error", f"record {index}", str(error))
        if index not in self._records:
            self._erased += 1
        openings: Mapping[str, Opening] = {}
        if record is not None:
            wrong = list(check_record(index, leaf, record))
            yield from wrong
            openings = {} if wrong else record.parts
            if not wrong:
                yield from check_claim(index, leaf, record, self.folder)
        yield from self._signatures.take(index, leaf, openings)

    def finish(self) -> Iterator[Finding]:
        """Say what was not there to be checked."""
        if self._erased:
            message = f"{self._erased} records are not there; their leaves stand"
            yield Finding("records_erased", "note", LEDGER_NAME, message)


def _check_log(
    source: LedgerSource, checkpoint: Checkpoint, count: int, beside: _FolderCheck | None
) -> Iterator[Finding]:
    """Steps 3 to 6: let all leaves pass once."""
    tree = TreeCheck(checkpoint.size, source.read_tile)
    leaves = LeafCheck(checkpoint.origin)
    for start in range(0, count, TILE_WIDTH):
        width = min(TILE_WIDTH, count - start)
        bundle = source.read_bundle(start // TILE_WIDTH, width)
        tree.take(start // TILE_WIDTH, bundle)
        if beside is not None:
            beside.load(start, start + width)
        for index, data in enumerate(bundle, start):
            if data is None:
                leaves.skip()
                yield Finding("leaf_missing", "error", f"leaf {index}", "the leaf is missing or its bundle is damaged")
                continue
            leaf, findings = leaves.take(index, data)
            yield from findings
            if leaf is not None and beside is not None:
                yield from beside.take(index, leaf)
    yield from tree.finish(checkpoint.root)
    if beside is not None:
        yield from beside.finish()
        yield from check_derived_rows(beside.folder, leaves.heads)


def _open_note(note: bytes, vkey: str | None) -> tuple[Checkpoint | None, list[Finding]]:
    """Step 1: the checkpoint, as far as it can be read, and what is wrong with it."""
    try:
        checkpoint = parse_checkpoint_text(parse_note(note)[0])
    except MalformedError as error:
        return None, [Finding("checkpoint_malformed", "error", CHECKPOINT_PATH, str(error))]
    if vkey is None:
        return checkpoint, []
    verifier = parse_vkey(vkey)
    try:
        open_checkpoint(note, [verifier], verifier.name)
    except VerificationError as error:
        return checkpoint, [Finding("checkpoint_false", "error", CHECKPOINT_PATH, str(error))]
    return checkpoint, []


def _read_own_vkey(folder: DataFolder) -> str | None:
    """The key that leaf 0 names; no trust comes from it, but note and leaves must agree on it."""
    try:
        record = open_record(folder.read_records(0, 1).get(0))
        opened = record.value("opened") if record else None
        vkey = opened.get("vkey") if isinstance(opened, dict) else None
        if isinstance(vkey, str):
            parse_vkey(vkey)
            return vkey
    except MalformedError:
        return None
    return None

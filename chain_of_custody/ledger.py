"""The custody ledger: an append-only Merkle log of signed events with their private records.

>>> from pathlib import Path; from tempfile import mkdtemp
>>> from chain_of_custody.instants import utc_clock
>>> from chain_of_custody.signing import SigningKey
>>> ledger = Ledger.create(Path(mkdtemp()), origin="example.org/unit/2026", log_key=SigningKey.generate(),
...     event_key=SigningKey.generate(), clock=utc_clock, actor="0" * 32, actor_part={"kind": "operator"})
>>> ledger.checkpoint()[0].size, ledger.entry(0).leaf.type
(1, 'ledger.opened')
>>> ledger.close()
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Self

from chain_of_custody.appending import AppendQueue
from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.drafts import Entry, EventDraft, Head, prepare_act
from chain_of_custody.durable import fsync_dir
from chain_of_custody.errors import CustodyError, LedgerError, LedgerStoppedError
from chain_of_custody.handover import HandOver, hold_sequencer_lock
from chain_of_custody.identities import ledger_subject
from chain_of_custody.instants import Clock
from chain_of_custody.leaves import check_origin, is_changing, leaf_digest, parse_leaf
from chain_of_custody.merkle import HASH_BYTES, consistency_path, inclusion_path
from chain_of_custody.note import LogSigner, format_vkey
from chain_of_custody.proofs import ConsistencyProof, LogProof
from chain_of_custody.records import Record
from chain_of_custody.sequencer import Sequencer
from chain_of_custody.signing import SigningKey
from chain_of_custody.stores.contract import PublishedCheckpoint, StoredLeaf
from chain_of_custody.stores.sqlite import LEDGER_NAME, LOCK_NAME, SqliteCheckpointLock, SqliteLedgerStore
from chain_of_custody.tiles import TILE_WIDTH, TileReader, encode_bundle, tile_width

__all__ = ["Entry", "EventDraft", "Head", "Ledger"]

_CACHED_TILES = 128


class Ledger:
    """One ledger on a data folder; any thread may call anything, any process may open it too.

    Attributes:
        origin: The ledger's name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        origin: str,
        log_key: SigningKey | None,
        event_key: SigningKey | None,
        clock: Clock,
        is_new: bool = False,
    ) -> None:
        """Use :meth:`create` or :meth:`open`."""
        can_write = log_key is not None and event_key is not None
        if not is_new and not (folder / LEDGER_NAME).exists():
            raise LedgerError(f"there is no ledger in {folder}")
        if not is_new and not (folder / LOCK_NAME).exists():
            raise LedgerStoppedError(
                "lock.db is missing: without the last checkpoint nobody can tell a rolled-back ledger"
            )
        self.origin = check_origin(origin)
        self._store = SqliteLedgerStore(folder, is_read_only=not can_write)
        self._lock = SqliteCheckpointLock(folder, is_read_only=not can_write)
        self._folder = folder
        # Published tiles never change, so proofs of neighbours and of the same right edge share them.
        self._read_tile = lru_cache(_CACHED_TILES)(self._store.read_tile)
        self._queue: AppendQueue | None = None
        self._vkey: str | None = None
        if log_key is not None and event_key is not None:
            log = LogSigner(origin, log_key)
            self._vkey = format_vkey(log.verifier)
            self._sequencer = Sequencer(self._store, self._lock, log=log, event_key=event_key, clock=clock)
            hand_over = HandOver(folder, self._store, self._lock, self._sequencer, clock)
            self._queue = AppendQueue(partial(hold_sequencer_lock, folder), self._sequencer, hand_over)

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        origin: str,
        log_key: SigningKey,
        event_key: SigningKey,
        clock: Clock,
        actor: str,
        actor_part: JsonValue,
    ) -> Self:
        """Make a new ledger with leaf 0, ``ledger.opened``, which opens the first event key; durable on return.

        Raises:
            LedgerError: The folder already holds one.
        """
        if (folder / LEDGER_NAME).exists() or (folder / LOCK_NAME).exists():
            raise LedgerError(f"there is already a ledger in {folder}")
        ledger = cls(folder, origin=origin, log_key=log_key, event_key=event_key, clock=clock, is_new=True)
        opened: JsonValue = {"event_key": event_key.public.hex, "vkey": ledger.vkey, "origin": origin}
        parts = {"opened": opened, "actor": actor_part}
        ledger.append([EventDraft("ledger.opened", ledger_subject(origin), "ledger", actor, parts)])
        fsync_dir(folder)
        return ledger

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        origin: str,
        log_key: SigningKey | None = None,
        event_key: SigningKey | None = None,
        clock: Clock,
    ) -> Self:
        """Open a ledger; with both keys it may append, and what a crash left unpublished is published first.

        A ledger that was rolled back opens for reading, and appends to it are refused.
        """
        ledger = cls(folder, origin=origin, log_key=log_key, event_key=event_key, clock=clock)
        ledger._recover()
        return ledger

    def _recover(self) -> None:
        """Publish what a crash left committed; a ledger that cannot be trusted stays open for reading only."""
        if self._queue is None:
            return
        with hold_sequencer_lock(self._folder) as is_holder:
            if not is_holder:
                # Whoever holds the lock has done the same.
                return
            try:
                self._sequencer.apply_staged()
            except CustodyError as error:
                self._queue.stop(error)

    def append(self, drafts: Sequence[EventDraft]) -> tuple[Entry, ...]:
        """Append one act, all of it or nothing.

        On return its entries are durable and under a signed checkpoint. Concurrent callers share the cost.

        Raises:
            ConflictError: A subject moved on since the caller decided.
            DuplicateClaimError: A unique key is held.
            LedgerStoppedError: The ledger takes nothing more, and why.
            MalformedError: A draft is not in the format.
        """
        if self._queue is None:
            raise LedgerError("this ledger was opened for reading only")
        return self._queue.append(prepare_act(drafts))

    def checkpoint(self) -> tuple[Checkpoint, bytes]:
        """The last published checkpoint: value and signed note."""
        published = self._published()
        return published.checkpoint, published.note

    def entries(self, start: int, end: int) -> list[Entry]:
        """The published entries of a range, with their records.

        Raises:
            LedgerStoppedError: Published entries are not there any more.
        """
        return [_make_entry(stored) for stored in self._read_published(start, end)]

    def entry(self, index: int) -> Entry:
        """One published entry; raises LedgerError where there is none."""
        found = self.entries(index, index + 1)
        if not found:
            raise LedgerError(f"the ledger has no entry {index}")
        return found[0]

    def leaf_data(self, start: int, end: int) -> list[bytes]:
        """The published leaves of a range as bytes; raises as ``entries`` does."""
        return [stored.leaf for stored in self._read_published(start, end)]

    def _read_published(self, start: int, end: int) -> list[StoredLeaf]:
        size = self._published().checkpoint.size
        end = min(end, size)
        found = self._store.read_leaves(start, end)
        if len(found) != max(0, end - start):
            raise LedgerStoppedError(f"{size} entries were published and some of them are gone: it was rolled back")
        return found

    def subject_entries(self, subject: str) -> list[Entry]:
        """A subject's published entries, first to last."""
        size = self._published().checkpoint.size
        return [_make_entry(stored) for stored in self._store.read_history(subject, size)]

    def head(self, subject: str) -> Head | None:
        """Where a subject's published history ends."""
        head = self._store.read_heads([subject]).get(subject)
        # Between commit and checkpoint the stored head is ahead of what anybody may be told.
        size = self._published().checkpoint.size
        return head if head is None or head.index < size else self._find_head(subject, size)

    def _find_head(self, subject: str, size: int) -> Head | None:
        leaves = [(stored.index, parse_leaf(stored.leaf)) for stored in self._store.read_history(subject, size)]
        if not leaves:
            return None
        index, last = leaves[-1]
        version = max((leaf.seq for _, leaf in leaves if is_changing(leaf.type)), default=0)
        return Head(last.seq, version, index, leaf_digest(last.data))

    def claimed(self, claim: str) -> tuple[str, int] | None:
        """Who holds a unique key (subject), and since which published index."""
        holder = self._store.read_claims([claim]).get(claim)
        return holder if holder is not None and holder[1] < self._published().checkpoint.size else None

    def prove(self, index: int, size: int | None = None) -> LogProof:
        """Prove an entry under the current checkpoint, or give the path to an earlier tree's root beside its note.

        Raises:
            LedgerError: The tree of that size has no such entry, or is not published yet.
        """
        published = self._published()
        tree_size = published.checkpoint.size if size is None else size
        if not 0 <= index < tree_size <= published.checkpoint.size:
            raise LedgerError(f"entry {index} is not in a published tree of size {tree_size}")
        return LogProof(index, inclusion_path(index, tree_size, self._reader(tree_size).read_node), published.note)

    def prove_consistency(self, old_size: int, new_size: int) -> ConsistencyProof:
        """Prove that one published tree extends another; raises LedgerError for sizes that are not."""
        if not 0 <= old_size <= new_size <= self._published().checkpoint.size:
            raise LedgerError(f"no published trees of sizes {old_size} and {new_size}")
        path = consistency_path(old_size, new_size, self._reader(new_size).read_node)
        return ConsistencyProof(old_size, new_size, path)

    def tile(self, level: int, number: int, width: int) -> bytes:
        """A published hash tile; raises LedgerError where the published tree has not so many hashes in it."""
        if not 0 < width <= tile_width(level, number, self._published().checkpoint.size):
            raise LedgerError("the published tree has no such tile")
        tile = self._store.read_tile(level, number, width)
        if len(tile) != width * HASH_BYTES:
            raise LedgerStoppedError("a stored tile is shorter than the published tree")
        return tile

    def bundle(self, number: int, width: int) -> bytes:
        """A published entry bundle; raises LedgerError where the published tree has not so many entries in it."""
        if not 0 < width <= tile_width(0, number, self._published().checkpoint.size):
            raise LedgerError("the published tree has no such bundle")
        leaves = self.leaf_data(number * TILE_WIDTH, number * TILE_WIDTH + width)
        if len(leaves) != width:
            raise LedgerStoppedError("stored leaves are fewer than the published tree")
        return encode_bundle(leaves)

    @property
    def vkey(self) -> str:
        """The log's verifier key; raises LedgerError on a ledger opened without keys."""
        if self._vkey is None:
            raise LedgerError("this ledger was opened without its keys")
        return self._vkey

    def close(self) -> None:
        """Publish what is queued, then close the files."""
        if self._queue is not None:
            self._queue.close()
        self._store.close()
        self._lock.close()

    def _published(self) -> PublishedCheckpoint:
        published = self._lock.read()
        if published is None:
            raise LedgerError("the ledger has no checkpoint yet")
        return published

    def _reader(self, size: int) -> TileReader:
        return TileReader(size, self._read_tile)


def _make_entry(stored: StoredLeaf) -> Entry:
    record = None if stored.record is None else Record.from_json(parse_json(stored.record.encode()))
    return Entry(stored.index, parse_leaf(stored.leaf), record)

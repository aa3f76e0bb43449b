"""The sequencer: gives events their place, time and signature, and publishes them under a signed checkpoint.

One batch, and what a crash at each line leaves behind:

1. ``begin``: nothing.
2. Acts are placed against the heads of this transaction (:mod:`chain_of_custody.placing`). A refused act writes
   nothing; the others go on.
3. Leaves, records, heads, claims, tiles and the results of handed-over acts are written and **committed**: from here on
   the entries exist, unacknowledged. The next run publishes them through the same function, ``apply_staged``.
4. ``apply_staged`` reads the rows back, checks and re-hashes them, and compares the recomputed root with the stored
   tiles and with the tree under the last checkpoint: a flipped bit is found before it is signed, not after.
5. The checkpoint is signed and **swapped** in ``lock.db`` against the one it extends. From here on it is published; any
   doubt after this line is fatal, and the next start recovers from what is on disk.
6. Callers are answered.
"""

import time as system_time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chain_of_custody.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from chain_of_custody.drafts import Head, PreparedEvent
from chain_of_custody.errors import LedgerBusyError, LedgerStoppedError, MalformedError, VerificationError
from chain_of_custody.instants import Clock, format_instant, parse_instant
from chain_of_custody.leaves import parse_leaf
from chain_of_custody.merkle import EMPTY_ROOT, CompactRange, hash_leaf, tree_root
from chain_of_custody.note import LogSigner
from chain_of_custody.placing import ActResult, Batch, Place, make_anchor
from chain_of_custody.signing import SigningKey
from chain_of_custody.staged import check_staged
from chain_of_custody.stores.contract import CheckpointLock, LeafRow, LedgerStore, PublishedCheckpoint
from chain_of_custody.tile_growth import grow_tiles
from chain_of_custody.tiles import TileReader

__all__ = ["ClockBehindError", "Sequencer"]

MAX_CLOCK_WAIT = timedelta(seconds=5)
ResultWriter = Callable[[list[ActResult]], None]
"""Writes, inside the batch's transaction, what became of acts that were handed over."""


class ClockBehindError(LedgerStoppedError):
    """The clock is behind the last entry: nothing was recorded, and nothing is until it is set right."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """What the last checkpoint covers: its note, the right edge of its tree, and the time of its last leaf."""

    published: PublishedCheckpoint | None
    tree: CompactRange
    last_time: datetime | None


@dataclass(frozen=True, slots=True)
class _Written:
    """What this process has committed and not yet published."""

    rows: Mapping[int, LeafRow] = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)


class Sequencer:
    """Integrates acts; used by one thread at a time, under the data folder's sequencer lock."""

    def __init__(
        self,
        store: LedgerStore,
        lock: CheckpointLock,
        *,
        log: LogSigner,
        event_key: SigningKey,
        clock: Clock,
        sleep: Callable[[float], None] = system_time.sleep,
    ) -> None:
        """Keep the stores and keys; nothing is read before the first batch."""
        self._store = store
        self._lock = lock
        self._log = log
        self._event_key = event_key
        self._clock = clock
        self._sleep = sleep
        self._edge: _Edge | None = None

    def integrate(
        self, acts: Sequence[Sequence[PreparedEvent]], results: ResultWriter | None = None
    ) -> list[ActResult]:
        """Place, commit and publish acts; on return the entries are durable and under a signed checkpoint.

        Args:
            acts: Each is integrated whole or refused whole.
            results: Called inside the transaction with what became of each act, for acts handed over.

        Raises:
            LedgerBusyError: Nothing of it was recorded; it may be tried again.
            ClockBehindError: Nothing of it was recorded, and nothing can be while the clock is behind.
            LedgerStoppedError: The ledger cannot be trusted to go on; nothing more may be appended.
        """
        edge = self._publish(_Written())
        batch, outcome = self._commit_batch(edge, acts, results)
        if batch.rows:
            try:
                self._publish(_Written({row.index: row for row in batch.rows}, batch.heads))
            except LedgerBusyError as error:
                # The rows are committed: "nothing was recorded" would no longer be true.
                raise LedgerStoppedError(f"the batch is recorded and could not be published: {error}") from error
        return outcome

    def _commit_batch(
        self, edge: _Edge, acts: Sequence[Sequence[PreparedEvent]], results: ResultWriter | None
    ) -> tuple[Batch, list[ActResult]]:
        """Steps 1 to 3: on return the batch is durable and not yet published."""
        size = edge.tree.size
        time = format_instant(self._advance_time(edge))
        place = Place(self._log.name, time, make_anchor(edge.published), self._event_key)
        self._store.begin()
        try:
            self._check_nobody_wrote(size)
            batch = Batch(self._store, size, acts, place)
            outcome = [batch.place_act(act) for act in acts]
            if batch.rows:
                self._store.write_rows(batch.rows, batch.heads.items())
                hashes = [hash_leaf(row.leaf) for row in batch.rows]
                self._store.write_tiles(grow_tiles(size, hashes, self._store.read_tile))
            if results is not None:
                results(outcome)
            self._store.commit()
        except BaseException:
            self._store.rollback()
            raise
        return batch, outcome

    def _check_nobody_wrote(self, size: int) -> None:
        if self._store.count_leaves() != size:
            raise LedgerStoppedError("another program wrote leaves without the sequencer lock")

    def apply_staged(self) -> PublishedCheckpoint | None:
        """Publish what is committed and not yet under a checkpoint; the normal path and the recovery path.

        Returns:
            The last published checkpoint, None for an empty ledger.

        Raises:
            LedgerStoppedError: The ledger is shorter than its checkpoint, or rows and checkpoint do not agree.
        """
        return self._publish(_Written()).published

    def _publish(self, written: _Written) -> _Edge:
        published = self._lock.read()
        size = self._store.count_leaves()
        _check_not_rolled_back(size, published)
        edge = self._find_edge(published)
        if size > edge.tree.size:
            edge = self._extend(edge, size, written)
        self._edge = edge
        return edge

    def _extend(self, edge: _Edge, size: int, written: _Written) -> _Edge:
        """Check, sign and publish the rows from the edge up to ``size``."""
        rows = self._store.read_leaves(edge.tree.size, size)
        if [row.index for row in rows] != list(range(edge.tree.size, size)):
            raise LedgerStoppedError("leaves are missing between the checkpoint and the end")
        check_staged(
            self._store,
            rows,
            written=written.rows,
            written_heads=written.heads,
            origin=self._log.name,
            event_key=self._event_key.public,
        )
        tree = edge.tree.copy()
        for row in rows:
            tree.append(hash_leaf(row.leaf))
        if self._read_root(size) != tree.root():
            raise LedgerStoppedError("stored tiles and stored leaves do not agree; nothing was signed")
        last_time = parse_instant(parse_leaf(rows[-1].leaf).time)
        new = Checkpoint(self._log.name, size, tree.root())
        published = PublishedCheckpoint(new, sign_checkpoint(new, self._log))
        if not self._lock.swap(edge.published, published):
            raise LedgerStoppedError("the checkpoint was replaced by another program: a fork was prevented")
        return _Edge(published, tree, last_time)

    def _find_edge(self, published: PublishedCheckpoint | None) -> _Edge:
        """The edge at the last checkpoint: from memory where this process published it, else from the tiles."""
        if self._edge is not None and self._edge.published == published:
            return self._edge
        if published is None:
            if self._edge is not None and self._edge.published is not None:
                raise LedgerStoppedError("the last checkpoint is gone from lock.db")
            return _Edge(None, CompactRange(), None)
        checkpoint = self._check_note(published)
        self._check_extends(checkpoint)
        if self._read_root(checkpoint.size) != checkpoint.root:
            raise LedgerStoppedError(
                f"the ledger's tree of size {checkpoint.size} is not the one that was signed: it is damaged or a fork"
            )
        tree = CompactRange.load(checkpoint.size, TileReader(checkpoint.size, self._store.read_tile).read_node)
        last = self._store.read_leaves(checkpoint.size - 1, checkpoint.size)
        try:
            last_time = parse_instant(parse_leaf(last[0].leaf).time) if last else None
        except MalformedError as error:
            raise LedgerStoppedError(f"the last published leaf is damaged: {error}") from error
        return _Edge(published, tree, last_time)

    def _check_extends(self, checkpoint: Checkpoint) -> None:
        """What another process published meanwhile must extend what this one knows: else it is a rollback or a fork."""
        if self._edge is None:
            return
        known = self._edge.tree
        if checkpoint.size < known.size or self._read_root(known.size) != known.root():
            raise LedgerStoppedError(
                f"the last checkpoint ({checkpoint.size} leaves) does not extend the one this process knows"
                f" ({known.size} leaves): the ledger was rolled back or forked"
            )

    def _check_note(self, published: PublishedCheckpoint) -> Checkpoint:
        """The checkpoint as its own note says it, once our log key is proved to have signed it."""
        try:
            checkpoint = open_checkpoint(published.note, [self._log.verifier], self._log.name)
        except (MalformedError, VerificationError) as error:
            raise LedgerStoppedError(f"the last checkpoint is not one of this log: {error}") from error
        if checkpoint != published.checkpoint:
            raise LedgerStoppedError("lock.db is damaged: its row differs from the signed checkpoint in it")
        return checkpoint

    def _read_root(self, size: int) -> bytes:
        """The root of a tree out of the stored tiles."""
        if size == 0:
            return EMPTY_ROOT
        try:
            return tree_root(size, TileReader(size, self._store.read_tile).read_node)
        except MalformedError as error:
            raise LedgerStoppedError(f"stored tiles are damaged: {error}") from error

    def _advance_time(self, edge: _Edge) -> datetime:
        """Give a time that never falls below the last leaf's: wait a little, stop where the clock is far behind."""
        now = self._clock()
        if edge.last_time is None or now >= edge.last_time:
            return now
        behind = edge.last_time - now
        if behind > MAX_CLOCK_WAIT:
            raise ClockBehindError(f"this machine's clock is {behind.total_seconds():.0f} s behind the last entry")
        self._sleep(behind.total_seconds())
        now = self._clock()
        if now < edge.last_time:
            raise ClockBehindError("this machine's clock is behind the last entry and does not advance")
        return now


def _check_not_rolled_back(size: int, published: PublishedCheckpoint | None) -> None:
    if published is not None and size < published.checkpoint.size:
        raise LedgerStoppedError(
            f"ledger.db holds {size} leaves, but {published.checkpoint.size} were published: it was rolled back."
            " Restore the newer ledger.db; never restore lock.db"
        )

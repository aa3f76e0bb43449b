"""The sequencer: gives events their place, time and signature, and publishes them under a signed checkpoint.

One batch, and what a crash at each line leaves behind:

1. ``begin``: nothing.
2. Acts are placed against the heads of this transaction: ``seq``, ``prev``, ``time``, ``anchor``, signature. A refused
   act writes nothing; the others go on.
3. Leaves, records, heads, claims, tiles and the results of handed-over acts are written and **committed**: from here on
   the entries exist, unacknowledged. The next run publishes them through the same function, ``apply_staged``.
4. ``apply_staged`` re-reads the rows, re-hashes them, and checks that stored tiles and recomputed root agree and that
   the root extends the last checkpoint: a flipped bit is found before it is signed, not after.
5. The checkpoint is signed and **swapped** in ``lock.db`` against the one it extends. From here on it is published; any
   doubt after this line is fatal, and the next start recovers from what is on disk.
6. Callers are answered.
"""

import base64
import time as system_time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chain_of_custody.canonical import JsonValue
from chain_of_custody.checkpoint import Checkpoint, sign_checkpoint
from chain_of_custody.drafts import Entry, Head, PreparedEvent
from chain_of_custody.errors import ConflictError, DuplicateClaimError, LedgerError, LedgerStoppedError, MalformedError
from chain_of_custody.instants import Clock, format_instant, parse_instant
from chain_of_custody.leaves import build_leaf, is_changing, leaf_digest, parse_leaf
from chain_of_custody.merkle import EMPTY_ROOT, HASH_BYTES, CompactRange, hash_leaf, hash_node
from chain_of_custody.note import LogSigner
from chain_of_custody.signing import SigningKey
from chain_of_custody.stores.sqlite import CheckpointLock, LeafRow, LedgerDatabase, PublishedCheckpoint, encode_record
from chain_of_custody.tiles import TILE_HEIGHT, TILE_WIDTH, TileReader

__all__ = ["ActResult", "Sequencer", "check_not_rolled_back"]

MAX_CLOCK_WAIT = timedelta(seconds=5)
ActResult = tuple[Entry, ...] | LedgerError
"""What became of one act: its entries, or why it was refused."""
ResultWriter = Callable[[list[ActResult]], None]
"""Writes, inside the batch's transaction, what became of acts that were handed over."""


@dataclass(slots=True)
class _Edge:
    """The state a batch builds on: the right edge of the committed tree and the time of its last leaf."""

    tree: CompactRange
    last_time: datetime | None


class _Batch:
    """Acts being placed in one transaction; heads and claims seen through what is placed already."""

    def __init__(self, database: LedgerDatabase, size: int) -> None:
        self._database = database
        self.next_index = size
        self.heads: dict[str, Head] = {}
        self.claims: dict[str, str] = {}
        self.entries: list[Entry] = []
        self.rows: list[LeafRow] = []

    def head(self, subject: str) -> Head | None:
        return self.heads.get(subject) or self._database.read_head(subject)

    def claim_holder(self, claim: str) -> str | None:
        if claim in self.claims:
            return self.claims[claim]
        held = self._database.read_claim(claim)
        return None if held is None else held[0]

    def take(self, entries: Sequence[Entry], rows: Sequence[LeafRow], heads: Mapping[str, Head]) -> None:
        self.entries.extend(entries)
        self.rows.extend(rows)
        self.heads.update(heads)
        self.claims.update({claim: row.subject for row in rows for claim in row.claims})
        self.next_index += len(entries)


class Sequencer:
    """Integrates acts; used by one thread at a time, under the data folder's sequencer lock."""

    def __init__(
        self,
        database: LedgerDatabase,
        lock: CheckpointLock,
        *,
        log: LogSigner,
        event_key: SigningKey,
        clock: Clock,
        sleep: Callable[[float], None] = system_time.sleep,
    ) -> None:
        """Keep the stores and keys; nothing is read before the first batch."""
        self._database = database
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
            LedgerStoppedError: The ledger cannot be trusted to go on; nothing more may be appended.
        """
        self.apply_staged()
        edge = self._load_edge()
        published = self._lock.read()
        self._database.begin()
        try:
            if self._database.count_leaves() != edge.tree.size:
                raise LedgerStoppedError("another program wrote leaves without the sequencer lock")  # noqa: TRY301
            now = self._advance_time(edge)
            batch = _Batch(self._database, edge.tree.size)
            outcome = [self._place_act(act, batch, format_instant(now), published) for act in acts]
            if batch.rows:
                self._database.write_rows(batch.rows, batch.heads.items())
                self._database.write_tiles(self._grow_tiles(edge.tree.size, [row.leaf for row in batch.rows]))
            if results is not None:
                results(outcome)
            self._database.commit()
        except BaseException:
            self._edge = None
            self._database.rollback()
            raise
        if batch.rows:
            edge.last_time = now
            self.apply_staged()
        return outcome

    def apply_staged(self) -> PublishedCheckpoint | None:
        """Publish what is committed and not yet under a checkpoint; the normal path and the recovery path.

        Returns:
            The last published checkpoint, None for an empty ledger.

        Raises:
            LedgerStoppedError: The ledger is shorter than its checkpoint, or rows and checkpoint do not agree.
        """
        published = self._lock.read()
        size = self._database.count_leaves()
        check_not_rolled_back(size, published)
        old = published.checkpoint if published else Checkpoint(self._log.name, 0, EMPTY_ROOT)
        edge = self._load_edge(old)
        if size == old.size:
            return published
        tree = edge.tree
        if tree.size != old.size:
            raise LedgerStoppedError(f"the tree is at {tree.size} and the checkpoint at {old.size}")
        leaves = self._database.read_leaves(old.size, size)
        if [index for index, _ in leaves] != list(range(old.size, size)):
            raise LedgerStoppedError("leaves are missing between the checkpoint and the end")
        for _, data in leaves:
            tree.append(hash_leaf(data))
        if CompactRange.load(size, TileReader(size, self._database.read_tile).read_node).root() != tree.root():
            self._edge = None
            raise LedgerStoppedError("stored tiles and stored leaves do not agree; nothing was signed")
        if edge.last_time is None or leaves:
            edge.last_time = parse_instant(parse_leaf(leaves[-1][1]).time)
        new = Checkpoint(self._log.name, size, tree.root())
        note = PublishedCheckpoint(new, sign_checkpoint(new, self._log))
        if not self._lock.swap(published.checkpoint.size if published else None, note):
            raise LedgerStoppedError("the checkpoint was replaced by another program")
        return note

    def _load_edge(self, old: Checkpoint | None = None) -> _Edge:
        """The edge at the last checkpoint, from memory where this process integrated last, else from the tiles."""
        published = self._lock.read()
        checkpoint = old or (published.checkpoint if published else Checkpoint(self._log.name, 0, EMPTY_ROOT))
        if self._edge is not None and self._edge.tree.size == checkpoint.size:
            if self._edge.tree.root() != checkpoint.root:
                raise LedgerStoppedError("the checkpoint is not the one this process signed: a fork")
            return self._edge
        tree = CompactRange.load(checkpoint.size, TileReader(checkpoint.size, self._database.read_tile).read_node)
        if tree.root() != checkpoint.root:
            raise LedgerStoppedError(f"the ledger's tree of size {checkpoint.size} is not the one that was signed")
        last = self._database.read_leaves(checkpoint.size - 1, checkpoint.size)
        self._edge = _Edge(tree, parse_instant(parse_leaf(last[0][1]).time) if last else None)
        return self._edge

    def _advance_time(self, edge: _Edge) -> datetime:
        """Give a time that never falls below the last leaf's: wait a little, stop where the clock is far behind."""
        now = self._clock()
        if edge.last_time is None or now >= edge.last_time:
            return now
        behind = edge.last_time - now
        if behind > MAX_CLOCK_WAIT:
            raise LedgerStoppedError(f"this machine's clock is {behind.total_seconds():.0f} s behind the last entry")
        self._sleep(behind.total_seconds())
        now = self._clock()
        if now < edge.last_time:
            raise LedgerStoppedError("this machine's clock is behind the last entry and does not advance")
        return now

    def _place_act(
        self, act: Sequence[PreparedEvent], batch: _Batch, now: str, published: PublishedCheckpoint | None
    ) -> ActResult:
        entries: list[Entry] = []
        rows: list[LeafRow] = []
        heads: dict[str, Head] = {}
        try:
            for event in act:
                head = heads.get(event.draft.subject) or batch.head(event.draft.subject)
                _check_conditions(event, head, heads, batch, rows)
                index = batch.next_index + len(entries)
                entry = self._sign_event(event, head, index, now, published)
                entries.append(entry)
                rows.append(
                    LeafRow(
                        index, entry.leaf.data, event.draft.subject, encode_record(event.record), event.draft.claims
                    )
                )
                heads[event.draft.subject] = _follow_head(head, entry)
        except (LedgerError, MalformedError) as error:
            return error if isinstance(error, LedgerError) else LedgerError(str(error))
        batch.take(entries, rows, heads)
        return tuple(entries)

    def _sign_event(
        self, event: PreparedEvent, head: Head | None, index: int, now: str, published: PublishedCheckpoint | None
    ) -> Entry:
        draft = event.draft
        leaf = build_leaf(
            origin=self._log.name,
            type=draft.type,
            event_id=event.event_id,
            subject=draft.subject,
            subject_kind=draft.subject_kind,
            seq=head.seq + 1 if head else 1,
            prev=head.leaf_digest if head else None,
            act_id=event.act_id,
            time=now,
            actor=draft.actor,
            device=draft.device,
            anchor=_make_anchor(published),
            commitments=event.commitments,
            key=self._event_key,
        )
        return Entry(index, leaf, event.record)

    def _grow_tiles(self, size: int, leaves: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
        """Extend the tiles of a tree of ``size`` leaves by new ones, level by level."""
        grown: list[tuple[int, int, bytes]] = []
        hashes = [hash_leaf(data) for data in leaves]
        level, start = 0, size
        while hashes:
            parents: list[bytes] = []
            number, offset = divmod(start, TILE_WIDTH)
            stored = bytearray(self._database.read_tile(level, number, offset) if offset else b"")
            if len(stored) != offset * HASH_BYTES:
                raise LedgerStoppedError(f"tile {number} of level {level} is shorter than the tree")
            for item in hashes:
                stored += item
                if len(stored) == TILE_WIDTH * HASH_BYTES:
                    grown.append((level, number, bytes(stored)))
                    parents.append(_tile_root(bytes(stored)))
                    stored.clear()
                    number += 1
            if stored:
                grown.append((level, number, bytes(stored)))
            hashes, level, start = parents, level + 1, start >> TILE_HEIGHT
        return grown


def check_not_rolled_back(size: int, published: PublishedCheckpoint | None) -> None:
    """Raise LedgerStoppedError where the ledger has fewer leaves than were published."""
    if published is not None and size < published.checkpoint.size:
        raise LedgerStoppedError(
            f"ledger.db holds {size} leaves, but {published.checkpoint.size} were published: it was rolled back."
            " Restore the newer ledger.db; never restore lock.db"
        )


def _check_conditions(
    event: PreparedEvent, head: Head | None, heads: Mapping[str, Head], batch: _Batch, rows: Sequence[LeafRow]
) -> None:
    draft = event.draft
    version = head.version if head else 0
    if draft.expected_version is not None and draft.expected_version != version:
        raise ConflictError(draft.subject, draft.expected_version, version)
    for subject, seq in draft.expects_heads.items():
        other = heads.get(subject) or batch.head(subject)
        if (other.seq if other else 0) != seq:
            raise ConflictError(subject, seq, other.seq if other else 0)
    taken = {claim: row.subject for row in rows for claim in row.claims}
    for claim in draft.claims:
        holder = taken.get(claim) or batch.claim_holder(claim)
        if holder is not None:
            raise DuplicateClaimError(claim, holder)


def _follow_head(head: Head | None, entry: Entry) -> Head:
    leaf = entry.leaf
    version = leaf.seq if is_changing(leaf.type) else (head.version if head else 0)
    return Head(leaf.seq, version, entry.index, leaf_digest(leaf.data))


def _make_anchor(published: PublishedCheckpoint | None) -> dict[str, JsonValue] | None:
    if published is None:
        return None
    checkpoint = published.checkpoint
    return {"size": checkpoint.size, "root": base64.b64encode(checkpoint.root).decode()}


def _tile_root(tile: bytes) -> bytes:
    nodes = [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]
    while len(nodes) > 1:
        nodes = [hash_node(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]

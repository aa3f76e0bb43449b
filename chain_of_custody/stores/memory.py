"""The ledger in memory: for tests, and as the plainest reading of the contract. Nothing in it survives."""

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from chain_of_custody.drafts import Head
from chain_of_custody.errors import LedgerBusyError, LedgerStoppedError
from chain_of_custody.merkle import HASH_BYTES
from chain_of_custody.stores.contract import LeafRow, PendingAct, PublishedCheckpoint, StoredLeaf

__all__ = ["MemoryCheckpointLock", "MemoryLedgerStore"]


@dataclass(slots=True)
class _Tables:
    leaves: dict[int, StoredLeaf] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    claims: dict[str, tuple[str, int]] = field(default_factory=dict)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    pending: dict[str, tuple[PendingAct, str | None]] = field(default_factory=dict)

    def copy(self) -> "_Tables":
        return _Tables({**self.leaves}, {**self.heads}, {**self.claims}, {**self.tiles}, {**self.pending})


class MemoryLedgerStore:
    """Tables in memory (:class:`~chain_of_custody.stores.contract.LedgerStore`); a transaction works on a copy."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tables = _Tables()
        self._open: _Tables | None = None
        self._lock = threading.RLock()

    def close(self) -> None:
        """Nothing to let go of."""

    def count_leaves(self) -> int:
        """How many leaves are committed."""
        return max(self._tables.leaves, default=-1) + 1

    def read_leaves(self, start: int, end: int) -> list[StoredLeaf]:
        """The entries in a range that are there."""
        leaves = self._tables.leaves
        return [leaves[index] for index in range(start, end) if index in leaves]

    def read_history(self, subject: str, end: int) -> list[StoredLeaf]:
        """A subject's entries below ``end``."""
        leaves = self._tables.leaves
        return [leaves[index] for index in sorted(leaves) if index < end and leaves[index].subject == subject]

    def read_heads(self, subjects: Collection[str]) -> dict[str, Head]:
        """Where these subjects' committed histories end."""
        heads = self._tables.heads
        return {subject: heads[subject] for subject in subjects if subject in heads}

    def read_last_indexes(self, subjects: Collection[str]) -> dict[str, int]:
        """Index of each subject's last leaf."""
        leaves = self._tables.leaves
        return {leaves[index].subject: index for index in sorted(leaves) if leaves[index].subject in subjects}

    def read_claims(self, claims: Collection[str]) -> dict[str, tuple[str, int]]:
        """Who holds these unique keys."""
        held = self._tables.claims
        return {claim: held[claim] for claim in claims if claim in held}

    def read_tile(self, level: int, number: int, width: int) -> bytes:
        """The first ``width`` hashes of a tile."""
        return self._tables.tiles.get((level, number), b"")[: width * HASH_BYTES]

    def begin(self) -> None:
        """Begin the batch's transaction."""
        with self._lock:
            if self._open is not None:
                raise LedgerBusyError("another transaction is open; try again")
            self._open = self._tables.copy()

    def write_rows(self, rows: Sequence[LeafRow], heads: Iterable[tuple[str, Head]]) -> None:
        """Write entries, claims and heads."""
        tables = self._writing()
        for row in rows:
            if row.index in tables.leaves or any(claim in tables.claims for claim in row.claims):
                raise LedgerStoppedError("a row or claim is there already")
            tables.leaves[row.index] = StoredLeaf(row.index, row.leaf, row.subject, row.record)
            tables.claims.update(dict.fromkeys(row.claims, (row.subject, row.index)))
        tables.heads.update(heads)

    def write_tiles(self, tiles: Iterable[tuple[int, int, bytes]]) -> None:
        """Write or grow tiles."""
        self._writing().tiles.update({(level, number): hashes for level, number, hashes in tiles})

    def write_results(self, results: Iterable[tuple[str, str]]) -> None:
        """Write what became of handed-over acts."""
        pending = self._writing().pending
        for act_id, text in results:
            if act_id in pending:
                pending[act_id] = (pending[act_id][0], text)

    def remove_results(self, before: str) -> None:
        """Forget old results."""
        pending = self._writing().pending
        for act_id in [key for key, (act, text) in pending.items() if text is not None and act.asked_at < before]:
            del pending[act_id]

    def commit(self) -> None:
        """Make the transaction's tables the ones that are seen."""
        with self._lock:
            self._tables, self._open = self._writing(), None

    def rollback(self) -> None:
        """Forget the transaction."""
        self._open = None

    def add_pending(self, acts: Iterable[PendingAct]) -> None:
        """Hand acts over."""
        with self._lock:
            for act in acts:
                self._tables.pending.setdefault(act.act_id, (act, None))

    def read_pending(self, limit: int) -> list[PendingAct]:
        """Handed-over acts without a result, in the order they came."""
        return [act for act, text in self._tables.pending.values() if text is None][:limit]

    def read_results(self, act_ids: Collection[str]) -> dict[str, str]:
        """Results of handed-over acts."""
        pending = self._tables.pending
        found = {act_id: pending[act_id][1] for act_id in act_ids if act_id in pending}
        return {act_id: text for act_id, text in found.items() if text is not None}

    def remove_pending(self, act_ids: Collection[str]) -> None:
        """Forget handed-over acts."""
        with self._lock:
            for act_id in act_ids:
                self._tables.pending.pop(act_id, None)

    def _writing(self) -> _Tables:
        if self._open is None:
            raise LedgerStoppedError("no transaction is open")
        return self._open


class MemoryCheckpointLock:
    """The checkpoint in memory (:class:`~chain_of_custody.stores.contract.CheckpointLock`)."""

    def __init__(self) -> None:
        """Begin with none."""
        self._published: PublishedCheckpoint | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Nothing to let go of."""

    def read(self) -> PublishedCheckpoint | None:
        """The last published checkpoint, or None."""
        return self._published

    def swap(self, old: PublishedCheckpoint | None, new: PublishedCheckpoint) -> bool:
        """Replace the checkpoint if it is still ``old``."""
        with self._lock:
            is_last = (old and old.note) == (self._published and self._published.note)
            if is_last:
                self._published = new
            return is_last

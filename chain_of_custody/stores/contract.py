"""What a ledger's store must do: two contracts, one for rows and one for the checkpoint.

The rows may be copied, backed up and restored; the checkpoint lock is kept apart from them and never restored, so that
rows which were rolled back are noticed (formats, section 4).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.drafts import Head

__all__ = ["CheckpointLock", "LeafRow", "LedgerStore", "PendingAct", "PublishedCheckpoint", "StoredLeaf"]


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """One entry as it is stored: leaf bytes, and the record's text, None where it was erased."""

    index: int
    leaf: bytes
    subject: str
    record: str | None


@dataclass(frozen=True, slots=True)
class LeafRow(StoredLeaf):
    """One entry as the sequencer writes it, with the unique keys it takes."""

    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingAct:
    """An act that another process handed over: its act id, its text, and when it was asked for (instant)."""

    act_id: str
    act: str
    asked_at: str


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """The last checkpoint and its signed note."""

    checkpoint: Checkpoint
    note: bytes


class LedgerStore(Protocol):
    """Leaves, records, heads, claims, tiles and handed-over acts.

    Reading MUST be safe from any thread and MUST see only what is committed. Writing happens between :meth:`begin` and
    :meth:`commit`, by one thread of the process that holds the sequencer lock; all of it MUST become durable at
    :meth:`commit` or none of it.

    A write that certainly left nothing behind and may succeed later MUST raise LedgerBusyError; any other failure MUST
    raise LedgerStoppedError, and then nobody may assume either outcome.
    """

    def count_leaves(self) -> int:
        """How many leaves are committed, published or not."""

    def read_leaves(self, start: int, end: int) -> list[StoredLeaf]:
        """The entries in a range that are there, in order of their indexes."""

    def read_history(self, subject: str, end: int) -> list[StoredLeaf]:
        """A subject's entries below ``end``, in order of their indexes."""

    def read_heads(self, subjects: Collection[str]) -> dict[str, Head]:
        """Where these subjects' committed histories end; a subject without one is absent."""

    def read_last_indexes(self, subjects: Collection[str]) -> dict[str, int]:
        """Index of each subject's last leaf by the leaves themselves, not by its head."""

    def read_claims(self, claims: Collection[str]) -> dict[str, tuple[str, int]]:
        """Who holds these unique keys and since which index; a free one is absent."""

    def read_tile(self, level: int, number: int, width: int) -> bytes:
        """The first ``width`` hashes of a tile; fewer where it has fewer."""

    def begin(self) -> None:
        """Begin the batch's transaction; nobody else can write until it ends."""

    def write_rows(self, rows: Sequence[LeafRow], heads: Iterable[tuple[str, Head]]) -> None:
        """Write entries, the claims they take and the heads they lead to."""

    def write_tiles(self, tiles: Iterable[tuple[int, int, bytes]]) -> None:
        """Write or grow tiles: level, number, hashes."""

    def write_results(self, results: Iterable[tuple[str, str]]) -> None:
        """Write what became of handed-over acts, with their entries, so that none is integrated twice."""

    def remove_results(self, before: str) -> None:
        """Forget results of acts asked for before an instant; their askers have long gone."""

    def commit(self) -> None:
        """Commit; durable on return."""

    def rollback(self) -> None:
        """Forget the transaction; nothing happens where there is none."""

    def add_pending(self, acts: Iterable[PendingAct]) -> None:
        """Hand acts to whichever process holds the sequencer lock. Need not be durable: nothing was acknowledged."""

    def read_pending(self, limit: int) -> list[PendingAct]:
        """Handed-over acts without a result, in the order they came."""

    def read_results(self, act_ids: Collection[str]) -> dict[str, str]:
        """Results of handed-over acts, as far as there are any."""

    def remove_pending(self, act_ids: Collection[str]) -> None:
        """Forget handed-over acts: their results were read, or they are withdrawn under the sequencer lock."""

    def close(self) -> None:
        """Let go of everything."""


class CheckpointLock(Protocol):
    """The last published checkpoint, replaced only by compare-and-swap."""

    def read(self) -> PublishedCheckpoint | None:
        """The last published checkpoint, or None for a log that has none yet. MUST see what other processes swapped."""

    def swap(self, old: PublishedCheckpoint | None, new: PublishedCheckpoint) -> bool:
        """Replace ``old`` by ``new`` if it is still the last one, durable on return; says whether it was.

        MUST compare the signed note itself, so that a fork of the same size is noticed too.
        """

    def close(self) -> None:
        """Let go of everything."""

"""Receipts for docks, made from the ledger at any time for the same leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.proofs import ConsistencyProof
from chain_of_custody.receipts import Receipt
from ingest_server.errors import NotFoundError

if TYPE_CHECKING:
    from chain_of_custody.ledger import Ledger


def make_receipt(ledger: Ledger, index: int, dock_size: int) -> Receipt:
    """Make the receipt of an entry for a dock that has stored a checkpoint of ``dock_size``.

    A dock that has seen a larger tree than ours is answered all the same: it is the dock that must see the rollback.
    """
    entry = ledger.entry(index)
    if entry.record is None or "received" not in entry.record.parts:
        raise NotFoundError("not_found", "the record of this reception is gone")
    proof = ledger.prove(index)
    size = ledger.checkpoint()[0].size
    # The proof and the checkpoint may be one batch apart; both ends are taken from the proof's own note.
    size = min(size, _note_size(proof.checkpoint_note))
    consistency = ledger.prove_consistency(dock_size, size) if dock_size <= size else ConsistencyProof(size, size, ())
    return Receipt(entry.leaf.data, index, (entry.record.parts["received"],), proof, consistency)


def _note_size(note: bytes) -> int:
    return int(note.split(b"\n", 2)[1])

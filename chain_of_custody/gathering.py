"""Collects from a ledger what a package needs: whole histories, the keys that signed them, and proofs for all.

The exporter lists subjects and their heads, appends ``export.prepared`` with them, and gathers what that leaf lists.
Docks and the ledger itself are listed beside recordings and case file, so that the package also proves that no key had
been revoked before it signed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.chains import parse_heads
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.errors import LedgerError
from chain_of_custody.establishing import ESTABLISHING_EVENTS
from chain_of_custody.package import read_anchor
from chain_of_custody.packaging import PackageProofs
from chain_of_custody.proofs import ConsistencyProof, LogProof

if TYPE_CHECKING:
    from chain_of_custody.checkpoint import Checkpoint
    from chain_of_custody.drafts import Entry, Head

__all__ = ["GatheringLedger", "gather_entries", "gather_proofs", "list_heads", "list_subjects"]

_KEY_HOLDERS = frozenset({"ledger", "dock"})


class GatheringLedger(Protocol):
    """The reading half of :class:`chain_of_custody.ledger.Ledger`."""

    def entry(self, index: int) -> "Entry":
        """Return one entry with its record."""

    def subject_entries(self, subject: str) -> "Sequence[Entry]":
        """Return a subject's entries, first to last."""

    def head(self, subject: str) -> "Head | None":
        """Return where a subject's history ends."""

    def checkpoint(self) -> "tuple[Checkpoint, bytes]":
        """Return the last published checkpoint and its note."""

    def prove(self, index: int, size: int | None = None) -> LogProof:
        """Return the proof of a leaf in the tree of a size."""

    def prove_consistency(self, old_size: int, new_size: int) -> ConsistencyProof:
        """Return the proof that one tree extends another."""


def list_subjects(ledger: GatheringLedger, recordings: Iterable[str], others: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what an export of these recordings lists: them, ``others`` (a case file), their docks and the ledger.

    Raises:
        LedgerError: A recording has no history, or its manifest is no longer there.
    """
    chosen = dict.fromkeys([*recordings, *others])
    holders: dict[str, None] = {ledger.entry(0).leaf.subject: None}
    for recording in chosen:
        for entry in ledger.subject_entries(recording):
            if entry.leaf.type in {"recording.received", "recording.presented_again"}:
                holders[_read_dock(entry)] = None
    return tuple(dict.fromkeys([*chosen, *holders]))


def list_heads(ledger: GatheringLedger, subjects: Iterable[str]) -> list[JsonValue]:
    """Return the ``heads`` of an ``export.prepared`` part: where each subject's history ends now."""
    heads: list[JsonValue] = []
    for subject in subjects:
        head = ledger.head(subject)
        if head is None:
            raise LedgerError(f"the ledger knows nothing of {subject}")
        heads.append({"subject": subject, "seq": head.seq, "leaf_sha256": head.leaf_digest})
    return heads


def gather_entries(ledger: GatheringLedger, prepared: "Entry") -> "tuple[Entry, ...]":
    """Return every entry that a package of this ``export.prepared`` carries, in the order of the log.

    Of docks and the ledger only what establishes keys is disclosed; their other events keep their place in the
    history and say nothing.

    Raises:
        LedgerError: The record of ``export.prepared`` is gone.
    """
    if prepared.record is None or "prepared" not in prepared.record.parts:
        raise LedgerError("the record of export.prepared is gone")
    found = {prepared.index: prepared, 0: ledger.entry(0)}
    for head in parse_heads(prepared.record.parts["prepared"].value):
        for entry in ledger.subject_entries(head.subject):
            if entry.leaf.seq <= head.seq:
                found[entry.index] = entry
    return tuple(_withhold(found[index]) for index in sorted(found))


def gather_proofs(ledger: GatheringLedger, entries: "Iterable[Entry]") -> PackageProofs:
    """Prove all entries, and every earlier state of the log that they name, under one checkpoint."""
    chosen = tuple(entries)
    checkpoint, note = ledger.checkpoint()
    # The log may grow meanwhile; a path leads to the size asked for, so all of them end at this note's root.
    proofs: Mapping[int, LogProof] = {
        entry.index: replace(ledger.prove(entry.index, checkpoint.size), checkpoint_note=note) for entry in chosen
    }
    sizes = sorted({read_anchor(entry.leaf.anchor)[0] for entry in chosen if entry.leaf.anchor is not None})
    consistency = {size: ledger.prove_consistency(size, checkpoint.size) for size in sizes}
    return PackageProofs(note, proofs, consistency)


def _withhold(entry: "Entry") -> "Entry":
    if entry.leaf.subject_kind in _KEY_HOLDERS and entry.leaf.type not in ESTABLISHING_EVENTS:
        return replace(entry, record=None)
    return entry


def _read_dock(entry: "Entry") -> str:
    """Return the dock that signed the manifest of a reception."""
    if entry.record is None or "manifest" not in entry.record.parts:
        raise LedgerError(f"the manifest of the entry at index {entry.index} is gone")
    payload = parse_json(parse_envelope(entry.record.parts["manifest"].value).payload)
    dock = payload.get("dock_id") if isinstance(payload, dict) else None
    if not isinstance(dock, str):
        raise LedgerError(f"the manifest of the entry at index {entry.index} names no dock")
    return dock

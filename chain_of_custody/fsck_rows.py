"""Checks what a data folder holds beside the published log: records, heads, claims, and the row of ``lock.db``.

Records are compared with the commitments in their leaves; heads and claims, which follow from the leaves, with them.
"""

import base64
from collections.abc import Iterator, Mapping

from chain_of_custody.canonical import parse_json
from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.commitments import Opening
from chain_of_custody.errors import MalformedError
from chain_of_custody.findings import Finding
from chain_of_custody.fsck_leaves import SubjectHead
from chain_of_custody.fsck_sources import DataFolder
from chain_of_custody.identities import recording_claim
from chain_of_custody.leaves import Leaf
from chain_of_custody.records import Record
from chain_of_custody.stores.sqlite import LEDGER_NAME, LOCK_NAME

__all__ = [
    "check_checkpoint_row",
    "check_claim",
    "check_derived_rows",
    "check_record",
    "check_subject",
    "open_record",
]

_MAX_RECORD = 64 << 20


def open_record(row: object) -> Record | None:
    """A record's row as a value, None where it was erased; raises MalformedError."""
    if row is None:
        return None
    if not isinstance(row, str):
        raise MalformedError("the record is not text")
    return Record.from_json(parse_json(row.encode("utf-8", "surrogatepass"), _MAX_RECORD))


def check_record(index: int, leaf: Leaf, record: Record) -> Iterator[Finding]:
    """Compare every part of a record with the commitment in its leaf."""
    where = f"record {index}"
    found: Mapping[str, Opening] = record.parts
    for label in sorted(found.keys() | leaf.commitments.keys()):
        if label not in leaf.commitments:
            yield Finding("record_false", "error", where, f"the leaf commits to no part '{label}'")
        elif label not in found:
            yield Finding("record_false", "error", where, f"part '{label}' is missing")
        elif found[label].commitment() != leaf.commitments[label]:
            yield Finding("record_false", "error", where, f"part '{label}' is not the one that was committed to")


def check_claim(index: int, leaf: Leaf, record: Record, folder: DataFolder) -> Iterator[Finding]:
    """A recording's unique key follows from its record; were it another, the same file could be received twice."""
    received, recording = record.value("received"), record.value("recording")
    match received, recording, leaf.type:
        case (
            {"size": int(size), "digests": {"sha2-256": str(digest)}},
            {"recorder_id": str(recorder_id), "path_b64": str(path_b64)},
            "recording.received",
        ):
            claim = recording_claim(recorder_id, path_b64, size, digest)
            if folder.read_claim(claim) != (leaf.subject, index):
                message = "the unique key that follows from the record is not held by this leaf"
                yield Finding("claim_missing", "error", f"leaf {index}", message)
        case _:
            return


def check_subject(index: int, leaf: Leaf, column: object) -> Iterator[Finding]:
    """The column by which a subject's history is found must name the leaf's subject."""
    if column != leaf.subject:
        message = "the row's column 'subject' is not the leaf's subject"
        yield Finding("row_false", "error", f"leaf {index}", message)


def check_checkpoint_row(folder: DataFolder, checkpoint: Checkpoint) -> Iterator[Finding]:
    """``lock.db`` states the checkpoint beside its signed note; the two must agree."""
    expected = (checkpoint.origin, checkpoint.size, base64.b64encode(checkpoint.root).decode())
    if folder.read_checkpoint_row() != expected:
        yield Finding("checkpoint_row_false", "error", LOCK_NAME, "the row differs from the signed note in it")


def check_derived_rows(folder: DataFolder, heads: Mapping[bytes, SubjectHead]) -> Iterator[Finding]:
    """Compare heads and claims with the leaves they follow from."""
    missing = set(heads)
    for subject, *values in folder.read_heads():
        where = f"head of {subject}"
        try:
            key = bytes.fromhex(str(subject))
        except ValueError:
            yield Finding("head_false", "error", where, "it is not a subject")
            continue
        missing.discard(key)
        if key not in heads:
            yield Finding("head_false", "error", where, "no leaf speaks of this subject")
        elif values != [heads[key].seq, heads[key].version, heads[key].index, heads[key].leaf_digest]:
            yield Finding("head_false", "error", where, "it is not where the subject's leaves end")
    for key in sorted(missing):
        yield Finding("head_missing", "error", f"head of {key.hex()}", "the subject has leaves and no head")
    for claim, index in folder.read_false_claims():
        yield Finding("claim_false", "error", f"claim {claim}", f"the leaf {index} it names is not its holder's")
    for message in folder.read_rows_beyond():
        yield Finding("row_false", "error", LEDGER_NAME, message)
    for line in folder.check_lock_structure():
        yield Finding("database_damaged", "error", LOCK_NAME, line)
    for line in [*folder.check_structure(), *folder.damage]:
        yield Finding("database_damaged", "error", LEDGER_NAME, line)

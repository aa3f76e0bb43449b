"""Checking rows that are committed and not yet under a checkpoint, before anything about them is signed.

Rows this process has just written need only be equal to what it wrote. Rows a crash left behind are checked from the
ground: form, signature, chain, record and head, as if somebody had put them there.
"""

from collections.abc import Mapping, Sequence

from chain_of_custody.canonical import parse_json
from chain_of_custody.drafts import Head
from chain_of_custody.errors import LedgerStoppedError, MalformedError, VerificationError
from chain_of_custody.leaves import Leaf, leaf_digest, parse_leaf, verify_leaf
from chain_of_custody.placing import check_head
from chain_of_custody.records import Record
from chain_of_custody.signing import VerifyKey
from chain_of_custody.stores.contract import LeafRow, LedgerStore, StoredLeaf

__all__ = ["check_staged"]


def check_staged(
    store: LedgerStore,
    rows: Sequence[StoredLeaf],
    *,
    written: Mapping[int, LeafRow],
    written_heads: Mapping[str, Head],
    origin: str,
    event_key: VerifyKey,
) -> None:
    """Check rows read back from the store, and the heads they lead to.

    Args:
        store: Where they are.
        rows: The staged entries in order.
        written: What this process has just written, by index.
        written_heads: The heads it wrote with them.
        origin: The ledger's name.
        event_key: The key that must have signed what another run left behind.

    Raises:
        LedgerStoppedError: A row, its record or a head is not what it should be.
    """
    for row in rows:
        ours = written.get(row.index)
        if ours is None:
            _check_unknown_row(store, row, origin, event_key)
        elif (ours.leaf, ours.subject, ours.record) != (row.leaf, row.subject, row.record):
            raise LedgerStoppedError(f"entry {row.index} was read back other than it was written; nothing was signed")
    last = {row.subject: row for row in rows}
    heads = store.read_heads(last)
    for subject, row in last.items():
        head = heads.get(subject)
        if head is None or head.index != row.index:
            raise LedgerStoppedError(f"the head of {subject} is not where its leaves end; nothing was signed")
        if written_heads.get(subject) != head:
            check_head(subject, head, row)


def _check_unknown_row(store: LedgerStore, row: StoredLeaf, origin: str, event_key: VerifyKey) -> None:
    try:
        leaf = parse_leaf(row.leaf)
        verify_leaf(leaf, event_key)
        record = None if row.record is None else Record.from_json(parse_json(row.record.encode()))
    except (MalformedError, VerificationError, UnicodeEncodeError) as error:
        raise LedgerStoppedError(f"entry {row.index}, left by an earlier run, is false: {error}") from error
    if leaf.origin != origin or leaf.subject != row.subject:
        raise LedgerStoppedError(f"entry {row.index}, left by an earlier run, is of another ledger or subject")
    if record is None or record.commitments() != leaf.commitments:
        raise LedgerStoppedError(f"the record of entry {row.index} is not what its leaf commits to; nothing was signed")
    _check_chain(store, row.index, leaf)


def _check_chain(store: LedgerStore, index: int, leaf: Leaf) -> None:
    history = store.read_history(leaf.subject, index)
    prev = leaf_digest(history[-1].leaf) if history else None
    if (leaf.seq, leaf.prev) != (len(history) + 1, prev):
        raise LedgerStoppedError(f"entry {index} does not follow its subject's leaf before it; nothing was signed")

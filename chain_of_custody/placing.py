"""Placing acts: conditions, ``seq``, ``prev``, ``time``, anchor and signature, against the state a batch begins with.

Pure but for reading that state: nothing is written here. An act is placed whole or refused whole, and one refused act
leaves no trace for those after it.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chain_of_custody.canonical import JsonValue
from chain_of_custody.drafts import Entry, Head, PreparedEvent
from chain_of_custody.errors import ConflictError, DuplicateClaimError, LedgerError, LedgerStoppedError, MalformedError
from chain_of_custody.leaves import build_leaf, is_changing, leaf_digest, parse_leaf
from chain_of_custody.records import Record
from chain_of_custody.signing import SigningKey
from chain_of_custody.stores.contract import LeafRow, LedgerStore, PublishedCheckpoint, StoredLeaf

__all__ = ["ActResult", "Batch", "Place", "check_head", "encode_record", "follow_head", "make_anchor"]

ActResult = tuple[Entry, ...] | LedgerError
"""What became of one act: its entries, or why it was refused."""
Act = Sequence[PreparedEvent]


@dataclass(frozen=True, slots=True)
class Place:
    """What all leaves of a batch have in common."""

    origin: str
    time: str
    anchor: Mapping[str, JsonValue] | None
    key: SigningKey


@dataclass(slots=True)
class _Placed:
    """One act being placed, seen before the rest of the batch."""

    entries: list[Entry] = field(default_factory=list)
    rows: list[LeafRow] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)


class Batch:
    """Acts placed in one transaction; heads and claims are seen through what is placed already."""

    def __init__(self, store: LedgerStore, size: int, acts: Sequence[Act], place: Place) -> None:
        """Read what the acts' conditions ask about, all at once.

        Raises:
            LedgerStoppedError: A head is not where its subject's leaves end.
        """
        self._place = place
        self._size = size
        drafts = [event.draft for act in acts for event in act]
        subjects = {draft.subject for draft in drafts}.union(*(draft.expects_heads for draft in drafts))
        self._heads = read_checked_heads(store, subjects)
        claims = {claim for draft in drafts for claim in draft.claims}
        self._claims = {claim: holder for claim, (holder, _) in store.read_claims(claims).items()} if claims else {}
        self.heads: dict[str, Head] = {}
        self.rows: list[LeafRow] = []

    def place_act(self, act: Act) -> ActResult:
        """Give an act its place, or say why it gets none."""
        placed = _Placed()
        try:
            for event in act:
                self._place_event(event, placed)
        except LedgerError as error:
            return error
        except MalformedError as error:
            return LedgerError(str(error))
        self.rows += placed.rows
        self.heads.update(placed.heads)
        self._claims.update(placed.claims)
        return tuple(placed.entries)

    def _place_event(self, event: PreparedEvent, placed: _Placed) -> None:
        draft = event.draft
        head = self._find_head(draft.subject, placed)
        if draft.expected_version is not None and draft.expected_version != (head.version if head else 0):
            raise ConflictError(draft.subject, draft.expected_version, head.version if head else 0)
        for subject, seq in draft.expects_heads.items():
            other = self._find_head(subject, placed)
            if (other.seq if other else 0) != seq:
                raise ConflictError(subject, seq, other.seq if other else 0)
        for claim in draft.claims:
            holder = placed.claims.get(claim) or self._claims.get(claim)
            if holder is not None:
                raise DuplicateClaimError(claim, holder)
            placed.claims[claim] = draft.subject
        entry = self._sign_event(event, head, self._size + len(self.rows) + len(placed.rows))
        placed.entries.append(entry)
        placed.rows.append(
            LeafRow(entry.index, entry.leaf.data, draft.subject, encode_record(event.record), draft.claims)
        )
        placed.heads[draft.subject] = follow_head(head, entry)

    def _find_head(self, subject: str, placed: _Placed) -> Head | None:
        return placed.heads.get(subject) or self.heads.get(subject) or self._heads.get(subject)

    def _sign_event(self, event: PreparedEvent, head: Head | None, index: int) -> Entry:
        draft, place = event.draft, self._place
        leaf = build_leaf(
            origin=place.origin,
            type=draft.type,
            event_id=event.event_id,
            subject=draft.subject,
            subject_kind=draft.subject_kind,
            seq=head.seq + 1 if head else 1,
            prev=head.leaf_digest if head else None,
            act_id=event.act_id,
            time=place.time,
            actor=draft.actor,
            device=draft.device,
            anchor=place.anchor,
            commitments=event.commitments,
            key=place.key,
        )
        return Entry(index, leaf, event.record)


def read_checked_heads(store: LedgerStore, subjects: set[str]) -> dict[str, Head]:
    """Heads as they are stored, each compared with the leaves it follows from: a leaf must never extend a false head.

    Raises:
        LedgerStoppedError: A head is missing, or is not where its subject's leaves end.
    """
    heads, last = store.read_heads(subjects), store.read_last_indexes(subjects)
    if heads.keys() != last.keys():
        raise LedgerStoppedError("heads and leaves do not name the same subjects; nothing was signed")
    for subject, head in heads.items():
        found = store.read_leaves(head.index, head.index + 1)
        if head.index != last[subject] or not found:
            raise LedgerStoppedError(f"the head of {subject} is not where its leaves end; nothing was signed")
        check_head(subject, head, found[0])
    return heads


def check_head(subject: str, head: Head, stored: StoredLeaf) -> None:
    """Raise LedgerStoppedError where a head does not follow from the leaf it names."""
    try:
        leaf = parse_leaf(stored.leaf)
    except MalformedError as error:
        raise LedgerStoppedError(f"leaf {head.index} is damaged; nothing was signed: {error}") from error
    is_version_possible = head.version == leaf.seq if is_changing(leaf.type) else 0 <= head.version < leaf.seq
    if (leaf.subject, leaf.seq, leaf_digest(leaf.data)) != (
        subject,
        head.seq,
        head.leaf_digest,
    ) or not is_version_possible:
        raise LedgerStoppedError(f"leaf {head.index} and the head of {subject} do not agree; nothing was signed")


def follow_head(head: Head | None, entry: Entry) -> Head:
    """Where a subject's history ends once an entry is added."""
    leaf = entry.leaf
    version = leaf.seq if is_changing(leaf.type) else (head.version if head else 0)
    return Head(leaf.seq, version, entry.index, leaf_digest(leaf.data))


def make_anchor(published: PublishedCheckpoint | None) -> dict[str, JsonValue] | None:
    """The anchor of leaves that are placed while this checkpoint is the last."""
    if published is None:
        return None
    checkpoint = published.checkpoint
    return {"size": checkpoint.size, "root": base64.b64encode(checkpoint.root).decode()}


def encode_record(record: Record) -> str:
    """A record as the text of its row."""
    return json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))

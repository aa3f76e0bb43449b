"""What a caller asks the ledger to append, and what the ledger holds afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from chain_of_custody.canonical import JsonValue
from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import check_id, new_id
from chain_of_custody.leaves import SUBJECT_KINDS, Leaf, check_device, check_event_type
from chain_of_custody.records import Record, make_record

__all__ = ["Entry", "EventDraft", "Head", "PreparedEvent", "prepare_act"]


@dataclass(frozen=True, slots=True)
class EventDraft:
    """One event before the sequencer gives it its place.

    Attributes:
        type: Event type.
        subject: What it is about, 32 hex digits.
        subject_kind: Kind of the subject.
        actor: Pseudonymous handle, 32 hex digits.
        parts: Label to value in the clear; each is committed to with its own salt.
        device: None or ``{"key", "counter", "time"}`` of the dock that spoke.
        expected_version: Refuse with ConflictError if the subject's version is another.
        expects_heads: Subject to last ``seq`` that must still hold when the event is integrated.
        claims: Unique keys; DuplicateClaimError if one is held.
    """

    type: str
    subject: str
    subject_kind: str
    actor: str
    parts: Mapping[str, JsonValue]
    device: Mapping[str, JsonValue] | None = None
    expected_version: int | None = None
    expects_heads: Mapping[str, int] = field(default_factory=dict)
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedEvent:
    """A draft that was checked and committed to; only its place, time and signature are missing."""

    draft: EventDraft
    event_id: str
    act_id: str
    record: Record
    commitments: Mapping[str, str]

    def to_json(self) -> dict[str, JsonValue]:
        """For handing over to another process."""
        draft = self.draft
        return {
            "type": draft.type,
            "subject": draft.subject,
            "subject_kind": draft.subject_kind,
            "actor": draft.actor,
            "device": None if draft.device is None else dict(draft.device),
            "expected_version": draft.expected_version,
            "expects_heads": dict(draft.expects_heads),
            "claims": list(draft.claims),
            "event_id": self.event_id,
            "act_id": self.act_id,
            "record": self.record.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, JsonValue]) -> Self:
        """Take over from another process of ours on the same data folder.

        What it says is checked as its own drafts are: a leaf once committed that is none would stop the ledger.

        Raises:
            MalformedError: It is not in the format of a leaf. KeyError and TypeError: it is no event at all.
        """
        record = Record.from_json(value["record"])
        claims, heads = value["claims"], value["expects_heads"]
        device, version = value["device"], value["expected_version"]
        if not isinstance(claims, list) or not isinstance(heads, dict) or not isinstance(version, int | None):
            raise MalformedError("not a pending event")
        if not all(isinstance(claim, str) for claim in claims):
            raise MalformedError("not the unique keys of a pending event")
        draft = EventDraft(
            type=str(value["type"]),
            subject=str(value["subject"]),
            subject_kind=str(value["subject_kind"]),
            actor=str(value["actor"]),
            parts={},
            device=check_device(device),
            expected_version=version,
            expects_heads={subject: int(str(seq)) for subject, seq in heads.items()},
            claims=tuple(str(claim) for claim in claims),
        )
        _check_draft(draft)
        return cls(draft, check_id(value["event_id"]), check_id(value["act_id"]), record, record.commitments())


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf in its place, with its record where it was not erased."""

    index: int
    leaf: Leaf
    record: Record | None


@dataclass(frozen=True, slots=True)
class Head:
    """Where a subject's history ends.

    Attributes:
        seq: Number of its last event.
        version: ``seq`` of its last changing event.
        index: Position of its last leaf.
        leaf_digest: SHA-256 of its last leaf.
    """

    seq: int
    version: int
    index: int
    leaf_digest: str


def prepare_act(drafts: Sequence[EventDraft]) -> tuple[PreparedEvent, ...]:
    """Check the drafts of one act and commit to their parts.

    Raises:
        MalformedError: A draft is not in the format of a leaf.
    """
    if not drafts:
        raise MalformedError("an act of no events")
    act_id = new_id()
    return tuple(_prepare_event(draft, act_id) for draft in drafts)


def _prepare_event(draft: EventDraft, act_id: str) -> PreparedEvent:
    _check_draft(draft)
    record, commitments = make_record(draft.parts)
    return PreparedEvent(draft, new_id(), act_id, record, commitments)


def _check_draft(draft: EventDraft) -> None:
    check_event_type(draft.type)
    check_id(draft.subject)
    check_id(draft.actor)
    if draft.subject_kind not in SUBJECT_KINDS:
        raise MalformedError(f"not a kind of subject: {draft.subject_kind}")
    check_device(None if draft.device is None else dict(draft.device))

"""Leaf version 1: the signed statement that the tree holds for ever, without personal data.

A leaf is the RFC 8785 encoding of a DSSE envelope of type ``application/vnd.evidock.event.v1+json`` with exactly one
Ed25519 signature by the server's event key. Its payload has exactly the fields of :class:`Leaf`. At most 8 KiB.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from chain_of_custody.canonical import MAX_INTEGER, JsonValue, canonical_json, parse_canonical
from chain_of_custody.commitments import check_label
from chain_of_custody.digests import check_hex64, sha256_hex
from chain_of_custody.dsse import Envelope, decode_base64, parse_envelope, sign_envelope, verify_envelope
from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import check_id
from chain_of_custody.instants import parse_instant
from chain_of_custody.signing import SigningKey, VerifyKey

__all__ = [
    "LEAF_TYPE",
    "MAX_LEAF_BYTES",
    "READING_EVENTS",
    "SUBJECT_KINDS",
    "Leaf",
    "build_leaf",
    "check_event_type",
    "is_changing",
    "leaf_digest",
    "parse_leaf",
    "verify_leaf",
]

LEAF_TYPE = "application/vnd.evidock.event.v1+json"
MAX_LEAF_BYTES = 8192
SUBJECT_KINDS = frozenset(
    {"recording", "casefile", "recorder", "dock", "account", "officer", "unit", "policy", "store", "export", "ledger"}
)
READING_EVENTS = frozenset(
    {
        "casefile.document_downloaded",
        "casefile.exported",
        "casefile.viewed",
        "derivative.made",
        "export.downloaded",
        "fixity.checked",
        "recording.access_revoked",
        "recording.downloaded",
        "recording.examined",
        "recording.exported",
        "recording.probed",
        "recording.viewed",
        "recordings.previewed",
        "request.refused",
        "store.checked",
        "work.cancelled",
        "work.requested",
    }
)
_EVENT_TYPE = re.compile(r"[a-z][a-z0-9]{0,31}\.[a-z][a-z0-9_]{0,47}", re.ASCII)
_ORIGIN = re.compile(r"[a-z0-9.-]+(/[a-z0-9.-]+)*", re.ASCII)
_FIELDS = frozenset(
    (
        "v",
        "origin",
        "type",
        "event_id",
        "subject",
        "subject_kind",
        "seq",
        "prev",
        "act_id",
        "time",
        "actor",
        "device",
        "anchor",
        "commitments",
    )
)
_ROOT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf, parsed.

    Attributes:
        v: 1.
        origin: The ledger's name.
        type: ``domain.past_tense``.
        event_id: 32 hex digits.
        subject: What the event is about, 32 hex digits.
        subject_kind: One of :data:`SUBJECT_KINDS`.
        seq: Number within the subject, from 1.
        prev: SHA-256 of the subject's previous leaf, 64 hex digits, or None for the first.
        act_id: Shared by the leaves of one act.
        time: Instant set by the sequencer.
        actor: Pseudonymous handle, 32 hex digits.
        device: None or ``{"key", "counter", "time"}`` of the dock that spoke.
        anchor: None or ``{"size", "root"}`` of a recent published tree.
        commitments: Label to commitment.
        envelope: The DSSE envelope.
        data: The leaf's bytes.
    """

    v: int
    origin: str
    type: str
    event_id: str
    subject: str
    subject_kind: str
    seq: int
    prev: str | None
    act_id: str
    time: str
    actor: str
    device: Mapping[str, JsonValue] | None
    anchor: Mapping[str, JsonValue] | None
    commitments: Mapping[str, str]
    envelope: Envelope
    data: bytes


def check_event_type(value: object) -> str:
    """Return an event type, or raise MalformedError where it is not ``domain.past_tense``."""
    if not isinstance(value, str) or not _EVENT_TYPE.fullmatch(value):
        raise MalformedError("not an event type")
    return value


def is_changing(event_type: str) -> bool:
    """Whether an event raises its subject's version; reading events raise ``seq`` only."""
    return event_type not in READING_EVENTS


def leaf_digest(data: bytes) -> str:
    """SHA-256 of a leaf's bytes: the ``prev`` of the subject's next leaf."""
    return sha256_hex(data)


def build_leaf(
    *,
    origin: str,
    type: str,  # noqa: A002 (the format's own field name)
    event_id: str,
    subject: str,
    subject_kind: str,
    seq: int,
    prev: str | None,
    act_id: str,
    time: str,
    actor: str,
    device: Mapping[str, JsonValue] | None,
    anchor: Mapping[str, JsonValue] | None,
    commitments: Mapping[str, str],
    key: SigningKey,
) -> Leaf:
    """Sign one leaf.

    The fields are ours and checked when the draft is made, so only the length is checked here.

    Raises:
        MalformedError: It would be longer than 8 KiB.
    """
    payload = {
        "v": 1,
        "origin": origin,
        "type": type,
        "event_id": event_id,
        "subject": subject,
        "subject_kind": subject_kind,
        "seq": seq,
        "prev": prev,
        "act_id": act_id,
        "time": time,
        "actor": actor,
        "device": device,
        "anchor": anchor,
        "commitments": commitments,
    }
    envelope = sign_envelope(LEAF_TYPE, canonical_json(payload), key)
    data = _encode_envelope(envelope)
    if len(data) > MAX_LEAF_BYTES:
        raise MalformedError(f"a leaf of {len(data)} bytes; at most {MAX_LEAF_BYTES}")
    return Leaf(
        1, origin, type, event_id, subject, subject_kind, seq, prev, act_id, time, actor, device, anchor, commitments,
        envelope, data,
    )  # fmt: skip


def _encode_envelope(envelope: Envelope) -> bytes:
    """The envelope's RFC 8785 bytes; every value in it is plain ASCII without characters JSON escapes."""
    return (
        b'{"payload":"%b","payloadType":"%b","signatures":[{"keyid":"%b","sig":"%b"}]}'
        % (
            base64.b64encode(envelope.payload),
            envelope.payload_type.encode(),
            envelope.key_id.encode(),
            base64.b64encode(envelope.signature),
        )
    )  # fmt: skip


def parse_leaf(data: bytes) -> Leaf:
    """Read a leaf; its signature is not checked here.

    Raises:
        MalformedError: Longer than 8 KiB, not canonical, a field missing, unknown or of another form.
    """
    envelope = parse_envelope(parse_canonical(data, MAX_LEAF_BYTES))
    if envelope.payload_type != LEAF_TYPE:
        raise MalformedError("not a leaf")
    value = parse_canonical(envelope.payload)
    if not isinstance(value, dict) or value.keys() != _FIELDS or value["v"] != 1 or value["v"] is True:
        raise MalformedError("not a leaf of version 1")
    seq = value["seq"]
    if not isinstance(seq, int) or isinstance(seq, bool) or not 1 <= seq <= MAX_INTEGER:
        raise MalformedError("not a sequence number")
    if (value["prev"] is None) != (seq == 1):
        raise MalformedError("only the first leaf of a subject has no previous one")
    parse_instant(value["time"])
    kind = value["subject_kind"]
    if not isinstance(kind, str) or kind not in SUBJECT_KINDS:
        raise MalformedError("not a kind of subject")
    return Leaf(
        v=1,
        origin=check_origin(value["origin"]),
        type=check_event_type(value["type"]),
        event_id=check_id(value["event_id"]),
        subject=check_id(value["subject"]),
        subject_kind=kind,
        seq=seq,
        prev=None if value["prev"] is None else check_hex64(value["prev"]),
        act_id=check_id(value["act_id"]),
        time=str(value["time"]),
        actor=check_id(value["actor"]),
        device=check_device(value["device"]),
        anchor=_check_anchor(value["anchor"]),
        commitments=_check_commitments(value["commitments"]),
        envelope=envelope,
        data=bytes(data),
    )


def verify_leaf(leaf: Leaf, key: VerifyKey) -> None:
    """Raise VerificationError where the leaf was not signed by this event key."""
    verify_envelope(leaf.envelope, key, LEAF_TYPE)


def check_origin(value: object) -> str:
    """Return a ledger's origin, or raise MalformedError."""
    if not isinstance(value, str) or len(value) > 255 or not _ORIGIN.fullmatch(value):
        raise MalformedError("not an origin")
    return value


def check_device(value: JsonValue) -> dict[str, JsonValue] | None:
    """Return a leaf's ``device``, or raise MalformedError."""
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != {"key", "counter", "time"}:
        raise MalformedError("not a device")
    check_hex64(value["key"])
    parse_instant(value["time"])
    _check_count(value["counter"])
    return value


def _check_anchor(value: JsonValue) -> dict[str, JsonValue] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != {"size", "root"}:
        raise MalformedError("not an anchor")
    _check_count(value["size"])
    if len(decode_base64(value["root"])) != _ROOT_BYTES:
        raise MalformedError("not an anchor's root")
    return value


def _check_commitments(value: JsonValue) -> dict[str, str]:
    if not isinstance(value, dict):
        raise MalformedError("not commitments")
    return {check_label(label): check_hex64(item) for label, item in value.items()}


def _check_count(value: JsonValue) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_INTEGER:
        raise MalformedError("not a count")

"""Receipts: that one file is held and recorded, and the dock's own judgement of them (format version 1, section 5)."""

import base64
from dataclasses import dataclass
from typing import Self

from chain_of_custody.canonical import JsonValue
from chain_of_custody.checkpoint import Checkpoint, open_checkpoint
from chain_of_custody.commitments import Opening, verify_opening
from chain_of_custody.digests import Digests
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError, ReceiptOutdatedError, VerificationError
from chain_of_custody.instants import parse_instant
from chain_of_custody.leaves import MAX_LEAF_BYTES, Leaf, parse_leaf, verify_leaf
from chain_of_custody.merkle import hash_leaf, verify_consistency, verify_inclusion
from chain_of_custody.note import parse_vkey
from chain_of_custody.proofs import ConsistencyProof, LogProof, parse_log_proof
from chain_of_custody.signing import VerifyKey

__all__ = ["RECEIPT_EVENTS", "ExpectedReceipt", "Receipt", "VerifiedReceipt", "check_lock", "verify_receipt"]

RECEIPT_EVENTS = frozenset({"recording.received", "recording.presented_again"})
_FIELDS = {"v", "leaf", "index", "openings", "proof", "consistency"}
_MAX_OPENINGS = 16


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it travels; nothing in it is proved yet.

    Attributes:
        leaf: The leaf's bytes.
        index: Its position.
        openings: The disclosed parts; ``received`` among them.
        proof: Log proof of the leaf.
        consistency: From the last checkpoint the dock had stored.
    """

    leaf: bytes
    index: int
    openings: tuple[Opening, ...]
    proof: LogProof
    consistency: ConsistencyProof

    def to_json(self) -> dict[str, JsonValue]:
        """The receipt as a JSON object."""
        return {
            "v": 1,
            "leaf": base64.b64encode(self.leaf).decode(),
            "index": self.index,
            "openings": [opening.to_json() for opening in self.openings],
            "proof": self.proof.to_text(),
            "consistency": self.consistency.to_json(),
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a receipt; raises MalformedError."""
        if not isinstance(value, dict) or value.keys() != _FIELDS or value["v"] != 1 or value["v"] is True:
            raise MalformedError("not a receipt of version 1")
        openings, index, proof = value["openings"], value["index"], value["proof"]
        if not isinstance(openings, list) or len(openings) > _MAX_OPENINGS or not isinstance(proof, str):
            raise MalformedError("not a receipt")
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            raise MalformedError("not a receipt's index")
        leaf = decode_base64(value["leaf"])
        if len(leaf) > MAX_LEAF_BYTES:
            raise MalformedError("a receipt's leaf is too long")
        return cls(
            leaf,
            index,
            tuple(Opening.from_json(item) for item in openings),
            parse_log_proof(proof),
            ConsistencyProof.from_json(value["consistency"]),
        )


@dataclass(frozen=True, slots=True)
class ExpectedReceipt:
    """What the dock's own journal says of the file."""

    manifest_sha256: str
    digests: Digests
    size: int


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt that is proved.

    Attributes:
        leaf: The leaf; its subject is the evidence id.
        received: The opened part ``received``.
        checkpoint: The checkpoint it stands under.
        checkpoint_note: That checkpoint as signed, to be stored where it is the larger one.
    """

    leaf: Leaf
    received: dict[str, JsonValue]
    checkpoint: Checkpoint
    checkpoint_note: bytes


def verify_receipt(
    receipt: Receipt,
    *,
    vkey: str,
    event_key: VerifyKey,
    requested_size: int,
    last_checkpoint: Checkpoint | None,
    expected: ExpectedReceipt,
) -> VerifiedReceipt:
    """Judge a receipt as the dock must, against pinned keys and its own journal.

    1. The leaf is one of the two events that acknowledge a file, signed by the pinned event key.
    2. The opened part ``received`` is what the leaf commits to.
    3. Its values are those of the dock's own journal; its lock is of a known kind.
    4. The checkpoint is signed by the pinned log key, and the leaf is in its tree at this index.
    5. The checkpoint is not older than the one named in the request, and continues the one stored.

    Args:
        receipt: What the server answered.
        vkey: The log's verifier key, pinned at enrolment.
        event_key: The event key, pinned at enrolment.
        requested_size: The checkpoint size named in the request.
        last_checkpoint: The largest checkpoint stored now, or None.
        expected: The journal's own values.

    Raises:
        ReceiptOutdatedError: A larger checkpoint was stored since the request; ask again, judge nothing.
        VerificationError: It is false; the ``code`` says how: ``wrong_event``, ``bad_event_signature``,
            ``bad_opening``, ``wrong_file``, ``unknown_lock``, ``bad_log_signature``, ``wrong_origin``,
            ``not_included``, ``rolled_back``, ``forked``.
        MalformedError: The leaf or a value is not in its format.
    """
    leaf = parse_leaf(receipt.leaf)
    if leaf.type not in RECEIPT_EVENTS or leaf.subject_kind != "recording":  # 1
        raise VerificationError(f"a leaf of type {leaf.type} acknowledges no file", "wrong_event")
    try:
        verify_leaf(leaf, event_key)
    except VerificationError as error:
        message = f"the leaf is not signed by the pinned event key: {error}"
        raise VerificationError(message, "bad_event_signature") from error
    received = _open_received(receipt, leaf)  # 2
    _compare_values(received, expected)  # 3
    check_lock(received.get("lock_mode"), received.get("retain_until"))
    log = parse_vkey(vkey)
    if leaf.origin != log.name or receipt.proof.index != receipt.index:
        raise VerificationError("the leaf is of another ledger or at another index", "wrong_origin")
    checkpoint = open_checkpoint(receipt.proof.checkpoint_note, [log], log.name)  # 4
    verify_inclusion(receipt.index, checkpoint.size, hash_leaf(receipt.leaf), receipt.proof.path, checkpoint.root)
    _check_history(receipt.consistency, checkpoint, requested_size, last_checkpoint)  # 5
    return VerifiedReceipt(leaf, received, checkpoint, receipt.proof.checkpoint_note)


def _open_received(receipt: Receipt, leaf: Leaf) -> dict[str, JsonValue]:
    for opening in receipt.openings:
        verify_opening(opening, leaf.commitments)
    found = [opening.value for opening in receipt.openings if opening.label == "received"]
    if len(found) != 1 or not isinstance(found[0], dict):
        raise VerificationError("the receipt does not open what was received", "bad_opening")
    return found[0]


def _compare_values(received: dict[str, JsonValue], expected: ExpectedReceipt) -> None:
    """A valid receipt of another file must not pass: every value is compared with the journal's own."""
    digests = Digests.from_json(received.get("digests"))
    is_same = (
        received.get("manifest_sha256") == expected.manifest_sha256
        and digests == expected.digests
        and received.get("size") == expected.size
    )
    if not is_same:
        raise VerificationError("the receipt is of another file", "wrong_file")


def check_lock(mode: JsonValue, until: JsonValue) -> None:
    """A lock that can be lifted early is none; only a compliance lock with an end, or plainly none, is believed.

    Raises:
        VerificationError: Another mode, or none with an end (``unknown_lock``).
        MalformedError: The end of the lock is no instant.
    """
    if mode == "COMPLIANCE":
        parse_instant(until)
    elif mode != "none" or until is not None:
        raise VerificationError(f"a lock that is not known: {str(mode)[:40]}", "unknown_lock")


def _check_history(
    proof: ConsistencyProof, checkpoint: Checkpoint, requested_size: int, last: Checkpoint | None
) -> None:
    if checkpoint.size < requested_size:
        raise VerificationError(
            f"the ledger shows size {checkpoint.size} after {requested_size}: it was rolled back", "rolled_back"
        )
    if last is None:
        return
    if last.size != requested_size:
        raise ReceiptOutdatedError("another checkpoint than the one named in the request is stored now")
    if (proof.old_size, proof.new_size) != (last.size, checkpoint.size):
        raise VerificationError("the consistency proof is between other sizes than was asked", "forked")
    verify_consistency(last.size, checkpoint.size, last.root, checkpoint.root, proof.path)

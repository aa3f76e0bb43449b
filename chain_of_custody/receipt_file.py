"""Verifies a receipt alone, as a stranger can: without the dock's journal and the ledger's first leaves.

The dock judges more (:mod:`chain_of_custody.receipts`): it knows the file, the event key and the state of the log it
had seen before. What a receipt alone leaves open is said.
"""

import base64

from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.chains import RECEIVED
from chain_of_custody.checkpoint import Checkpoint, parse_checkpoint_text
from chain_of_custody.commitments import verify_opening
from chain_of_custody.errors import MalformedError, UndecidableError, VerificationError
from chain_of_custody.identities import show_id
from chain_of_custody.leaves import Leaf, parse_leaf
from chain_of_custody.merkle import check_consistency_end, hash_leaf, verify_inclusion
from chain_of_custody.note import format_vkey, parse_note
from chain_of_custody.policy import TrustedCheckpoint, TrustPolicy
from chain_of_custody.progress import Progress, Step
from chain_of_custody.receipts import Receipt
from chain_of_custody.received import PRESENTED_AGAIN, ReceivedValues, parse_received
from chain_of_custody.report import Failure, Verdict, VerificationReport

__all__ = ["MAX_RECEIPT", "looks_like_receipt", "verify_receipt_data"]

MAX_RECEIPT = 1 << 20


def looks_like_receipt(data: bytes) -> bool:
    """Tell whether a file should be judged as a receipt: it is a JSON object, not an archive."""
    return data.lstrip(b" \t\r\n").startswith(b"{")


def verify_receipt_data(data: bytes, trust: TrustPolicy | None, *, name: str) -> VerificationReport:
    """Verify the bytes of a receipt file: steps 3 to 5 of a package's verification on one leaf, 10 as far as it goes.

    Args:
        data: The file.
        trust: What is believed from outside; without any the verdict is never "proved".
        name: The file's name for the report.
    """
    progress = Progress(where=name)
    try:
        receipt = Receipt.from_json(parse_json(data, limit=MAX_RECEIPT))
    except UndecidableError as error:
        return _undecided(name, str(error))
    except MalformedError as error:
        return _undecided(name, f"no receipt of a version known here: {error}")
    try:
        return _verify(receipt, trust, name, progress)
    except UndecidableError as error:
        return _undecided(name, str(error))
    except (MalformedError, VerificationError) as error:
        failure = Failure(str(error), progress.where, progress.step)
        return VerificationReport(Verdict.FALSE, "receipt", name, failure=failure)


def _verify(receipt: Receipt, trust: TrustPolicy | None, name: str, progress: Progress) -> VerificationReport:
    progress.at(Step.CHECKPOINT, "proof")  # 3
    trusted = trust.verify(receipt.proof.checkpoint_note) if trust else None
    checkpoint = trusted.checkpoint if trusted else _read_unsigned(receipt.proof.checkpoint_note)
    progress.at(Step.INCLUSION, "leaf")  # 4
    leaf = parse_leaf(receipt.leaf)
    if leaf.origin != checkpoint.origin or receipt.proof.index != receipt.index:
        raise VerificationError("the leaf, the index and the proof do not belong together")
    verify_inclusion(receipt.index, checkpoint.size, hash_leaf(receipt.leaf), receipt.proof.path, checkpoint.root)
    progress.at(Step.OPENINGS, "openings")  # 5
    for opening in receipt.openings:
        verify_opening(opening, leaf.commitments)
    values = _read_values(receipt, leaf)
    _check_consistency(receipt, checkpoint, progress)
    _state(leaf, receipt.index, values, trusted, progress)
    if trusted is None:
        progress.leave_open("receipt_log_key", names=_name_signers(receipt.proof.checkpoint_note))
    return VerificationReport(
        Verdict.PROVED if trusted else Verdict.UNDECIDED,
        "receipt",
        name,
        tuple(progress.proved),
        tuple(progress.not_proved),
        is_consistent=True,
        fingerprint=trusted.log.key.key_id if trusted else None,
        vkey=format_vkey(trusted.log) if trusted else None,
        facts=_facts(receipt, leaf, values, checkpoint),
    )


def _read_unsigned(note: bytes) -> Checkpoint:
    """Read the checkpoint for its consistency only; whoever calls this has no key to verify it with."""
    return parse_checkpoint_text(parse_note(note)[0])


def _name_signers(note: bytes) -> str:
    """The beginnings of the verifier keys that the note says to be signed by, to be compared with the agency's."""
    return ", ".join(f"{signature.name}+{signature.note_id.hex()}" for signature in parse_note(note)[1])


def _check_consistency(receipt: Receipt, checkpoint: Checkpoint, progress: Progress) -> None:
    """The state the dock had seen is not in the receipt; that the proof leads from some state to this one is seen."""
    progress.at(Step.ANCHORS, "consistency")
    proof = receipt.consistency
    if proof.new_size != checkpoint.size:
        raise VerificationError("the consistency proof does not lead to the receipt's checkpoint")
    check_consistency_end(proof.old_size, proof.new_size, checkpoint.root, proof.path)


def _read_values(receipt: Receipt, leaf: Leaf) -> ReceivedValues:
    if leaf.type not in {RECEIVED, PRESENTED_AGAIN} or leaf.subject_kind != "recording":
        raise VerificationError(f"{leaf.type} is no reception of a recording")
    received = [opening.value for opening in receipt.openings if opening.label == "received"]
    if len(received) != 1:
        raise VerificationError("the receipt does not disclose what was received")
    return parse_received(received[0])


def _state(
    leaf: Leaf, index: int, values: ReceivedValues, trusted: TrustedCheckpoint | None, progress: Progress
) -> None:
    if trusted is not None:
        progress.prove("log_signature", size=trusted.checkpoint.size, origin=trusted.checkpoint.origin)
        progress.prove("receipt_included", type=leaf.type, index=index, time=leaf.time)
        if trusted.quorum_demanded:
            progress.prove("witnessed", names=", ".join(sorted(item.witness.name for item in trusted.cosignatures)))
    else:
        progress.leave_open("signer")
    progress.prove("receipt_openings", digest=values.digests.sha2_256, size=values.size)
    for code in ("receipt_file", "receipt_signer", "receipt_history", "receipt_consistency", "since_docking", "time"):
        progress.leave_open(code)
    if values.lock_mode == "none":
        progress.leave_open("store_unprotected", files=1)
    if trusted is None or not trusted.quorum_demanded:
        progress.leave_open("no_witness")


def _facts(receipt: Receipt, leaf: Leaf, values: ReceivedValues, checkpoint: Checkpoint) -> dict[str, JsonValue]:
    return {
        "v": 1,
        "origin": checkpoint.origin,
        "checkpoint": {"size": checkpoint.size, "root": base64.b64encode(checkpoint.root).decode("ascii")},
        "index": receipt.index,
        "time": leaf.time,
        "type": leaf.type,
        "evidence_id": show_id(leaf.subject),
        "digests": values.digests.to_json(),
        "size": values.size,
        "lock_mode": values.lock_mode,
        "retain_until": values.retain_until,
    }


def _undecided(name: str, problem: str) -> VerificationReport:
    return VerificationReport(Verdict.UNDECIDED, "receipt", name, failure=Failure(problem, name))

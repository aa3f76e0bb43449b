"""From uploaded to sealed: the server's receipt, judged by the dock itself against its own journal."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from agent.errors import ReceiptRefusedError, StoppedError
from agent.journal import FileRow, FileState
from agent.spool import remove_spooled
from agent.steps import reached
from chain_of_custody.canonical import parse_json
from chain_of_custody.checkpoint import Checkpoint, parse_checkpoint_text
from chain_of_custody.digests import Digests
from chain_of_custody.durable import write_file
from chain_of_custody.errors import MalformedError, ReceiptOutdatedError, VerificationError
from chain_of_custody.identities import show_id
from chain_of_custody.note import parse_note
from chain_of_custody.receipts import ExpectedReceipt, Receipt, VerifiedReceipt, verify_receipt
from chain_of_custody.signing import VerifyKey

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config import DockConfig
    from agent.dock import Dock
    from agent.journal import Journal

POLL_S = 0.2
MAX_RECEIPT = 1 << 20


def seal_upload(dock: Dock, row: FileRow) -> bool:
    """Complete an upload and seal the file on its receipt; says whether it was known before.

    Raises:
        RefusedError: The server refused; ``upload_gone``, ``parts_differ`` and ``digest_mismatch`` ask for the bytes.
        ReceiptRefusedError: The receipt is not proof; the file is not sealed.
        UnreachableError: No answer within the patience.
        StoppedError: The run was stopped before the server had read the bytes back.
    """
    parts = [
        {"number": part.number, "size": part.size, "sha256": part.sha256, "etag": part.etag}
        for part in dock.journal.list_parts(row).values()
    ]
    body = {"manifest": row.manifest, "parts": parts}
    return _seal(dock, row, f"/dock/v1/intakes/{row.intake_id}/complete", body)


def seal_known(dock: Dock, row: FileRow) -> bool:
    """Present a file that the server knows and seal it on the receipt of that.

    Raises:
        RefusedError: ``not_known``: these bytes are new and must be uploaded.
    """
    return _seal(dock, row, "/dock/v1/presentations", {"manifest": row.manifest})


def read_last_checkpoint(journal: Journal) -> Checkpoint | None:
    """The largest checkpoint this dock has stored."""
    note = journal.read_checkpoint()
    return None if note is None else parse_checkpoint_text(parse_note(note)[0])


def locate_receipt(home: Path, evidence_id: str) -> Path:
    """Where the receipt of a recording is kept; ``evidence_id`` in the form people see."""
    return home / "receipts" / f"{evidence_id}.json"


def recheck_receipt(
    home: Path, config: DockConfig, row: FileRow, manifest_sha256: str | None = None
) -> VerifiedReceipt:
    """Judge the receipt at hand of a sealed file once more, by everything but the history of the ledger.

    Args:
        home: The dock home.
        config: What enrolment pinned.
        row: The sealed file.
        manifest_sha256: The manifest that it must acknowledge; where it is not given, that of any docking of this file.

    Raises:
        OSError: There is none.
        VerificationError: It does not prove this file.
        MalformedError: It is no receipt.
    """
    data = locate_receipt(home, str(row.evidence_id)).read_bytes()
    receipt = Receipt.from_json(parse_json(data, MAX_RECEIPT))
    named = next((opening.value for opening in receipt.openings if opening.label == "received"), None)
    if manifest_sha256 is None and isinstance(named, dict):
        manifest_sha256 = str(named.get("manifest_sha256"))
    verified = verify_receipt(
        receipt,
        vkey=config.vkey,
        event_key=VerifyKey.from_hex(config.event_key),
        requested_size=0,
        last_checkpoint=None,
        expected=ExpectedReceipt(str(manifest_sha256), Digests.from_json(row.digests), row.size),
    )
    if show_id(verified.leaf.subject) != row.evidence_id:
        raise VerificationError("the receipt is of another recording", "wrong_file")
    return verified


def _seal(dock: Dock, row: FileRow, path: str, body: dict[str, Any]) -> bool:
    answer, asked_size = _ask(dock, path, body)
    reached("receipt.received")
    with dock.judging:
        try:
            verified = _judge(dock, row, answer, asked_size)
        except ReceiptOutdatedError:
            # Another file was sealed meanwhile under a larger checkpoint: ask again, judge nothing.
            asked = {"evidence_id": answer.get("evidence_id"), "manifest_sha256": row.manifest_sha256}
            again, asked_size = _ask(dock, "/dock/v1/receipts", asked)
            answer = {**answer, "receipt": again.get("receipt")}
            verified = _judge(dock, row, answer, asked_size)
        _keep(dock, row, answer, verified)
    return bool(answer.get("presented_again"))


def _ask(dock: Dock, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Ask for a receipt, patiently while the server reads the stored bytes back."""
    while True:
        last = read_last_checkpoint(dock.journal)
        size = last.size if last else 0
        asked = {**body, "checkpoint_size": size}
        status, answer = dock.patience.run(partial(dock.client.call, "POST", path, asked))
        if status != 202:
            return answer, size
        if dock.patience.is_ended:
            raise StoppedError("the run was stopped; the receipt is asked for again")
        time.sleep(POLL_S)


def _judge(dock: Dock, row: FileRow, answer: dict[str, Any], asked_size: int) -> VerifiedReceipt:
    try:
        receipt = Receipt.from_json(answer.get("receipt"))
        return verify_receipt(
            receipt,
            vkey=dock.config.vkey,
            event_key=dock.event_key,
            requested_size=asked_size,
            last_checkpoint=read_last_checkpoint(dock.journal),
            expected=ExpectedReceipt(str(row.manifest_sha256), Digests.from_json(row.digests), row.size),
        )
    except ReceiptOutdatedError:
        raise  # it is judged by nobody: the caller asks again
    except VerificationError as error:
        raise ReceiptRefusedError(error.code, f"the receipt is refused ({error.code}): {error}") from error
    except MalformedError as error:
        raise ReceiptRefusedError("malformed", f"the receipt is not one: {error}") from error


def _keep(dock: Dock, row: FileRow, answer: dict[str, Any], verified: VerifiedReceipt) -> None:
    """Receipt, then checkpoint, then the journal's row: a crash between them only repeats the asking."""
    evidence_id = show_id(verified.leaf.subject)
    text = json.dumps(answer["receipt"], ensure_ascii=False, indent=1)
    write_file(locate_receipt(dock.home, evidence_id), text.encode())
    dock.journal.keep_checkpoint(verified.checkpoint.size, verified.checkpoint_note)
    reached("receipt.stored")
    index = answer["receipt"]["index"]
    dock.journal.move(row, FileState.SEALED, evidence_id=evidence_id, entry_index=index, reason=None)
    if row.spool_name:
        # Only now: until the row says sealed, the spool is what a later run would go on with.
        remove_spooled(dock.home, row.spool_name)

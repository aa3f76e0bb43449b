"""The custody history of one subject, with where each event stands in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chain_of_custody.identities import show_id
from chain_of_custody.leaves import leaf_digest
from ingest_server.errors import NotFoundError

if TYPE_CHECKING:
    from ingest_server.installation import Installation


def read_history(installation: Installation, evidence_id: str) -> list[dict[str, Any]]:
    """Every event of a recording, first to last.

    Each stands in the ledger under the signed checkpoint named with it; a record that was erased says so.

    Raises:
        NotFoundError: The ledger knows no such recording.
    """
    ledger = installation.ledger
    entries = [entry for entry in ledger.subject_entries(evidence_id) if entry.leaf.subject_kind == "recording"]
    if not entries:
        raise NotFoundError("not_found", f"no recording {show_id(evidence_id)}")
    size = ledger.checkpoint()[0].size
    return [
        {
            "index": entry.index,
            "seq": entry.leaf.seq,
            "time": entry.leaf.time,
            "type": entry.leaf.type,
            "act_id": entry.leaf.act_id,
            "leaf_sha256": leaf_digest(entry.leaf.data),
            "checkpoint_size": size,
            "is_proved": entry.index < size,
            "is_erased": entry.record is None,
            "parts": {label: opening.value for label, opening in entry.record.parts.items()} if entry.record else {},
        }
        for entry in entries
    ]

"""Whether the proof is healthy: what stands behind every line of the ledger, and what does not yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_server.catalogue.parts import read_list, read_part
from ingest_server.health import describe_store, is_receiving

if TYPE_CHECKING:
    from chain_of_custody.ledger import Entry
    from ingest_server.installation import Installation


@dataclass(frozen=True, slots=True)
class ProofHealth:
    """The state of the proof.

    Attributes:
        size: Entries under the last checkpoint.
        checkpoint_at: When its last entry was written.
        origin: The ledger's name.
        store: ``s3`` or ``directory``.
        is_protected: Whether the store's locks hold against this machine's administrator.
        is_receiving: Whether the store has lately passed its canary.
        canary_at: When the canary last ran, None before the first time.
        is_canary_good: Whether it held then.
        canary_index: Its entry.
        store_findings: Lasting findings of the canary, such as rights that the server should not have.
        fixity_at: When stored bytes were last read again, None if never.
        fixity_index: Its entry.
        fixity_checked: How many originals.
        fixity_failed: How many were not what the ledger says.
    """

    size: int
    checkpoint_at: str
    origin: str
    store: str
    is_protected: bool
    is_receiving: bool
    canary_at: str | None
    is_canary_good: bool
    canary_index: int
    store_findings: int
    fixity_at: str | None
    fixity_index: int
    fixity_checked: int
    fixity_failed: int


def read_proof_health(installation: Installation) -> ProofHealth:
    """Read the proof's state; a few look-ups, whatever the ledger's size."""
    size = installation.ledger.checkpoint()[0].size
    last = installation.ledger.entry(size - 1)
    canary, fixity = _find_last(installation, "store.checked"), _find_last(installation, "fixity.checked")
    checked: dict[str, Any] = read_part(fixity, "fixity") if fixity else {}
    store, is_protected = describe_store(installation)
    return ProofHealth(
        size=size,
        checkpoint_at=last.leaf.time,
        origin=installation.config.origin,
        store=store,
        is_protected=is_protected,
        is_receiving=is_receiving(installation),
        canary_at=canary.leaf.time if canary else None,
        is_canary_good=bool(canary and read_part(canary, "canary").get("ok")),
        canary_index=canary.index if canary else 0,
        store_findings=len(read_list(canary, "findings")) if canary else 0,
        fixity_at=fixity.leaf.time if fixity else None,
        fixity_index=fixity.index if fixity else 0,
        fixity_checked=int(checked.get("checked") or 0),
        fixity_failed=len(checked.get("failed") or ()),
    )


def _find_last(installation: Installation, event_type: str) -> Entry | None:
    row = installation.catalogue.fetch_one(
        'select "index" from events where type = ? order by "index" desc limit 1', event_type
    )
    return None if row is None else installation.ledger.entry(row[0])

"""Fixity: stored originals are read again and compared with what the ledger says, and so are their locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chain_of_custody.digests import Hasher
from chain_of_custody.identities import ledger_subject, show_id
from chain_of_custody.instants import parse_instant
from ingest_server.custody.recording import Event
from ingest_server.errors import NotFoundError
from ingest_server.recordings.queries import get_recording
from ingest_server.store.contract import LockMode
from ingest_server.store.errors import VersionMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chain_of_custody.canonical import JsonValue
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation
    from ingest_server.store.contract import LockState


@dataclass(frozen=True, slots=True)
class FixityResult:
    """What became of one original.

    Attributes:
        evidence_id: 32 hex digits.
        size: Bytes it should have.
        problem: None, or ``missing``, ``size_differs``, ``digest_differs``, ``lock_gone`` or ``lock_too_short``.
    """

    evidence_id: str
    size: int
    problem: str | None


def check_fixity(
    installation: Installation,
    actor: Actor,
    evidence_ids: Sequence[str] = (),
    progress: Callable[[FixityResult, int, int], None] | None = None,
) -> list[FixityResult]:
    """Read originals again, all or the named ones, and record the outcome as ``fixity.checked``.

    Raises:
        NotFoundError: A named recording is not known.
        StoreUnavailableError: The store does not answer; nothing is recorded then.
    """
    rows = [_get_row(installation, evidence_id) for evidence_id in evidence_ids] if evidence_ids else _all(installation)
    results = []
    for number, row in enumerate(rows, start=1):
        result = FixityResult(row["evidence_id"], row["size"], _check_one(installation, row))
        results.append(result)
        if progress:
            progress(result, number, len(rows))
    failed: list[JsonValue] = [
        {"evidence_id": show_id(result.evidence_id), "problem": result.problem} for result in results if result.problem
    ]
    fixity: JsonValue = {"checked": len(results), "failed": failed}
    subject = ledger_subject(installation.config.origin)
    installation.custody.record(actor, Event("fixity.checked", "ledger", subject, {"fixity": fixity}))
    return results


def _check_one(installation: Installation, row: dict[str, Any]) -> str | None:
    hasher = Hasher(sm3=row["sm3"] is not None)
    size = 0
    try:
        for piece in installation.store.read(row["store_key"], row["version_id"]):
            hasher.update(piece)
            size += len(piece)
        lock = installation.store.read_lock(row["store_key"], row["version_id"])
    except VersionMissingError:
        return "missing"
    digests = hasher.digests()
    if size != row["size"]:
        return "size_differs"
    if (digests.sha2_256, digests.sm3) != (row["sha256"], row["sm3"]):
        return "digest_differs"
    return None if row["lock_mode"] == "none" else _check_lock(installation, row, lock)


def _check_lock(installation: Installation, row: dict[str, Any], lock: LockState) -> str | None:
    if lock.mode is not LockMode.COMPLIANCE or lock.retain_until is None:
        # A lock that has run out is the policy's end, not damage.
        is_over = row["retain_until"] is not None and parse_instant(row["retain_until"]) <= installation.clock()
        return None if is_over else "lock_gone"
    if row["retain_until"] is not None and lock.retain_until < parse_instant(row["retain_until"]):
        return "lock_too_short"
    return None


def _all(installation: Installation) -> list[dict[str, Any]]:
    return [dict(row) for row in installation.catalogue.fetch("select * from recordings order by received_index")]


def _get_row(installation: Installation, evidence_id: str) -> dict[str, Any]:
    row = get_recording(installation.catalogue, evidence_id)
    if row is None:
        raise NotFoundError("not_found", f"no recording {show_id(evidence_id)}")
    return row

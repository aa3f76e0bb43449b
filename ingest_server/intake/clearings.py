"""Clearing statements: a dock removed a sealed file from a recorder, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.errors import DuplicateClaimError
from chain_of_custody.statements import Clearing
from ingest_server.custody.actors import dock_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import ForbiddenError, NotFoundError
from ingest_server.intake.dockings import get_docking, make_device, open_signed
from ingest_server.policy.values import read_policy
from ingest_server.recordings.queries import get_recording

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.docks.queries import Dock
    from ingest_server.installation import Installation


def is_clearing_allowed(installation: Installation) -> bool:
    """Whether policy lets docks clear recorders against this store."""
    return installation.store.kind == "s3" or read_policy(installation)["clearing.directory"] == "allow"


def record_clearing(installation: Installation, dock: Dock, value: JsonValue) -> None:
    """Record that one sealed file was removed from its recorder; repeated, nothing happens.

    Raises:
        ForbiddenError: The statement is of another file.
        NotFoundError: The recording is not known.
    """
    clearing, envelope, _ = open_signed(installation, dock, value, Clearing)
    docking = get_docking(installation, dock, clearing.docking_id)
    recording = get_recording(installation.catalogue, clearing.evidence_id)
    if recording is None:
        raise NotFoundError("not_found", "no such recording")
    said = (docking.recorder_id, clearing.path_b64, clearing.size, clearing.digests.sha2_256)
    if said != tuple(recording[name] for name in ("recorder_id", "path_b64", "size", "sha256")):
        raise ForbiddenError("manifest_mismatch", "the statement is of another file than the recording")
    # The file is gone already: what happened is recorded in any case, and a breach of policy beside it.
    findings: list[JsonValue] = []
    if not is_clearing_allowed(installation):
        message = "cleared although the policy does not allow it on this store"
        findings.append({"code": "CLEARED_AGAINST_POLICY", "severity": "error", "where": "", "message": message})
    event = Event(
        "recording.cleared",
        "recording",
        clearing.evidence_id,
        {
            "clearing": {"docking_id": clearing.docking_id, "path_b64": clearing.path_b64, "size": clearing.size},
            "statement": envelope.to_json(),
            "findings": findings,
        },
        device=make_device(envelope, clearing),
        claims=(f"cleared:{clearing.docking_id}:{clearing.evidence_id}",),
    )
    try:
        installation.custody.record(dock_actor(dock.dock_id, dock.name), event)
    except DuplicateClaimError:
        return

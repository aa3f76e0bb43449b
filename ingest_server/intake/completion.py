"""From the last part to the receipt; the normal path and the recovery path are this one function.

Each step leaves something durable, and a repeat begins where the last run stopped:

1. the manifest is this dock's, of this file, and its identity is not known yet (else: presented again);
2. the store makes a version of exactly the parts the dock named;
3. the version's lock is read back at once, and extended by the short term with less than a day left;
4. the version is read back whole and its SHA-256 compared with the manifest;
5. the lock is extended to the policy's floor and read back by version id;
6. ``recording.received`` is appended under the recording's unique identity;
7. the receipt is made from the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.digests import Hasher
from chain_of_custody.errors import DuplicateClaimError
from chain_of_custody.identities import new_id, recording_claim, show_id
from chain_of_custody.instants import format_instant
from chain_of_custody.statements import Manifest
from ingest_server.custody.actors import dock_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import ConflictedError, ForbiddenError, GoneError, NotFoundError, UnavailableError
from ingest_server.intake.dockings import Docking, get_docking, make_device, open_signed
from ingest_server.intake.intakes import abort_intake, load_intake, require_young, set_state
from ingest_server.intake.protecting import lock_to_floor, read_lock, record_orphan
from ingest_server.policy.values import read_count
from ingest_server.recordings.queries import find_by_digest
from ingest_server.steps import reached
from ingest_server.store.contract import LockMode, LockState, StoredVersion, UploadedPart
from ingest_server.store.errors import StoreRefusedError, UploadGoneError, VersionMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chain_of_custody.canonical import JsonValue
    from chain_of_custody.dsse import Envelope
    from ingest_server.docks.queries import Dock
    from ingest_server.installation import Installation
    from ingest_server.intake.intakes import Intake

LEAST_LOCK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Presented:
    """One file as a dock presents it: verified manifest, its envelope and digest, and the docking it belongs to."""

    dock: Dock
    manifest: Manifest
    envelope: Envelope
    manifest_sha256: str
    docking: Docking

    @property
    def claim(self) -> str:
        """The unique key of the recording's identity (formats, section 2)."""
        manifest = self.manifest
        return recording_claim(self.docking.recorder_id, manifest.path_b64, manifest.size, manifest.digests.sha2_256)


@dataclass(frozen=True, slots=True)
class Reception:
    """What became of it: the ledger entry, the evidence id, and whether the file was known before."""

    entry_index: int
    evidence_id: str
    is_repeat: bool


def open_presented(installation: Installation, dock: Dock, value: JsonValue) -> Presented:
    """Verify a manifest of this dock against its docking and inventory."""
    manifest, envelope, digest = open_signed(installation, dock, value, Manifest)
    docking = get_docking(installation, dock, manifest.docking_id)
    if manifest.inventory_sha256 != docking.inventory_sha256:
        raise ForbiddenError("manifest_mismatch", "the manifest names another inventory")
    return Presented(dock, manifest, envelope, digest, docking)


def complete_intake(
    installation: Installation,
    presented: Presented,
    intake_id: str,
    parts: Sequence[UploadedPart],
    progress: Callable[[int, int], None],
) -> Reception:
    """Bring one intake from its last part to its ledger entry.

    Args:
        installation: Where it is received.
        presented: The file with its manifest.
        intake_id: The upload.
        parts: As the dock sent them.
        progress: Called with bytes read back and bytes in all.

    Raises:
        ForbiddenError: The manifest is of another file.
        ConflictedError: What is stored is not what the manifest says, or the store did not lock it.
        GoneError: The upload is gone; the dock begins again.
    """
    reached("completion.asked")
    intake = load_intake(installation, intake_id, presented.dock)
    _check_same_file(intake, presented)
    if intake.state == "done" and intake.entry_index is not None:
        return _show_reception(installation, intake.entry_index, is_repeat=intake.is_repeat)
    known = installation.ledger.claimed(presented.claim)
    if known is not None and not _is_ours(installation, known[1], presented):
        # Found at the manifest: the upload is thrown away before it becomes a version nobody needs.
        _drop_upload(installation, intake, presented, "presented_again")
        return _finish(installation, intake, present_again(installation, presented, progress))
    version = _make_version(installation, intake, presented, parts)
    lock = _protect_for_reading(installation, intake, version)
    reached("completion.lock_checked")
    _compare_bytes(installation, presented, version, progress)
    reached("completion.read_back")
    lock = lock_to_floor(installation, version)
    reached("completion.lock_extended")
    try:
        index = _record_received(installation, presented, version, lock)
    except DuplicateClaimError:
        held = installation.ledger.claimed(presented.claim)
        if held is not None and _is_ours(installation, held[1], presented):
            index = held[1]
        else:
            record_orphan(installation, version, "presented_again")
            return _finish(installation, intake, present_again(installation, presented, progress))
    reached("completion.recorded")
    return _finish(installation, intake, _show_reception(installation, index, is_repeat=False))


def present_again(installation: Installation, presented: Presented, progress: Callable[[int, int], None]) -> Reception:
    """Acknowledge a file that is known: a fresh read-back of bytes, version and lock, and an event.

    Raises:
        NotFoundError: It is not known; the dock uploads it.
    """
    claim = f"presented:{presented.manifest_sha256}"
    done = installation.ledger.claimed(claim)
    if done is not None:
        return _show_reception(installation, done[1], is_repeat=True)
    known = installation.ledger.claimed(presented.claim)
    if known is None:
        raise NotFoundError("not_known")
    evidence_id, first_index = known
    first = installation.ledger.entry(first_index)
    received = first.record.value("received") if first.record else None
    if not isinstance(received, dict):
        raise NotFoundError("not_found", "the record of this recording is gone")
    version = StoredVersion(str(received["store_key"]), str(received["version_id"]), presented.manifest.size)
    _compare_bytes(installation, presented, version, progress)
    lock = lock_to_floor(installation, version)
    parts = _make_parts(presented, version, lock)
    event = Event(
        "recording.presented_again",
        "recording",
        evidence_id,
        parts,
        device=make_device(presented.envelope, presented.manifest),
        claims=(claim,),
    )
    try:
        entry = installation.custody.record(dock_actor(presented.dock.dock_id, presented.dock.name), event)[0]
    except DuplicateClaimError:
        done = installation.ledger.claimed(claim)
        assert done is not None
        return _show_reception(installation, done[1], is_repeat=True)
    return Reception(entry.index, evidence_id, is_repeat=True)


def _check_same_file(intake: Intake, presented: Presented) -> None:
    manifest = presented.manifest
    if (intake.docking_id, intake.path_b64, intake.size) != (manifest.docking_id, manifest.path_b64, manifest.size):
        raise ForbiddenError("manifest_mismatch", "the manifest is of another file than the intake")


def _is_ours(installation: Installation, index: int, presented: Presented) -> bool:
    """Whether an entry already acknowledges this very manifest, recorded by a run that did not get to answer."""
    record = installation.ledger.entry(index).record
    received = record.value("received") if record else None
    return isinstance(received, dict) and received.get("manifest_sha256") == presented.manifest_sha256


def _make_version(
    installation: Installation, intake: Intake, presented: Presented, parts: Sequence[UploadedPart]
) -> StoredVersion:
    """Step 2; a version that an earlier run made is found again under its random key."""
    if intake.version_id is not None:
        return StoredVersion(intake.store_key, intake.version_id, intake.size)
    version = installation.store.find_version(intake.store_key)
    if version is None:
        require_young(installation, intake)
        _check_parts(intake, parts)
        try:
            version = installation.store.complete_upload(intake.store_key, intake.upload_id, parts)
        except UploadGoneError as error:
            set_state(installation, intake, "aborted")
            raise GoneError("upload_gone") from error
        except StoreRefusedError as error:
            raise ConflictedError("parts_differ", str(error)) from error
    reached("completion.completed")
    set_state(
        installation,
        intake,
        "completed",
        version_id=version.version_id,
        manifest_sha256=presented.manifest_sha256,
    )
    reached("completion.version_kept")
    return version


def _check_parts(intake: Intake, parts: Sequence[UploadedPart]) -> None:
    numbers = [part.number for part in parts]
    if numbers != list(range(1, intake.part_count + 1)) or any(
        part.size != intake.size_of_part(part.number) for part in parts
    ):
        raise ConflictedError("parts_differ", "the parts named are not the whole file")


def _protect_for_reading(installation: Installation, intake: Intake, version: StoredVersion) -> LockState:
    """Step 3: a lock that is about to run out is extended by the short term before the bytes are read."""
    lock = read_lock(installation, version)
    now = installation.clock()
    if installation.store.kind == "s3" and lock.retain_until is not None and lock.retain_until - now < LEAST_LOCK:
        short = now + timedelta(days=read_count(installation, "lock.short_days"))
        installation.store.extend_lock(version.key, version.version_id, short)
        lock = read_lock(installation, version)
    if installation.store.kind == "s3" and lock.mode is not LockMode.COMPLIANCE:
        record_orphan(installation, version, "lock_missing")
        set_state(installation, intake, "aborted")
        raise ConflictedError("lock_missing", f"the store reports the lock mode {lock.mode}")
    return lock


def _compare_bytes(
    installation: Installation, presented: Presented, version: StoredVersion, progress: Callable[[int, int], None]
) -> None:
    """Step 4: the stored version itself, whole, by version id; a 200 was never proof."""
    digests = presented.manifest.digests
    hasher = Hasher(sm3=digests.sm3 is not None)
    size = 0
    try:
        for piece in installation.store.read(version.key, version.version_id):
            hasher.update(piece)
            size += len(piece)
            progress(size, presented.manifest.size)
    except VersionMissingError as error:
        record_orphan(installation, version, "version_missing")
        raise ConflictedError("digest_mismatch", "the stored version is missing") from error
    if size != presented.manifest.size or hasher.digests() != digests:
        record_orphan(installation, version, "digest_mismatch")
        raise ConflictedError("digest_mismatch", f"{size} bytes were read back")


def _record_received(installation: Installation, presented: Presented, version: StoredVersion, lock: LockState) -> int:
    """Step 6: the reception's event, under the recording's unique identity."""
    parts = _make_parts(presented, version, lock)
    twins = [
        row
        for row in find_by_digest(installation.catalogue, presented.manifest.digests.sha2_256)
        if row["recorder_id"] != presented.docking.recorder_id
    ]
    findings = list(presented.manifest.findings)
    if twins and presented.manifest.size:
        findings.append(
            {
                "code": "EQUAL_BYTES_ELSEWHERE",
                "severity": "warning",
                "where": presented.manifest.path,
                "message": f"the same bytes were received from another recorder as {show_id(twins[0]['evidence_id'])}",
            }
        )
    event = Event(
        "recording.received",
        "recording",
        new_id(),
        {**parts, "findings": findings},
        device=make_device(presented.envelope, presented.manifest),
        expected_version=0,
        claims=(presented.claim,),
    )
    return installation.custody.record(dock_actor(presented.dock.dock_id, presented.dock.name), event)[0].index


def _make_parts(presented: Presented, version: StoredVersion, lock: LockState) -> dict[str, JsonValue]:
    manifest = presented.manifest
    return {
        "received": {
            "manifest_sha256": presented.manifest_sha256,
            "digests": manifest.digests.to_json(),
            "size": manifest.size,
            "store_key": version.key,
            "version_id": version.version_id,
            "lock_mode": str(lock.mode),
            "retain_until": format_instant(lock.retain_until) if lock.retain_until else None,
        },
        "manifest": presented.envelope.to_json(),
        "recording": {
            "recorder_id": presented.docking.recorder_id,
            "docking_id": presented.docking.docking_id,
            "dock_id": presented.dock.dock_id,
            "path_b64": manifest.path_b64,
            "path": manifest.path,
            "claims": list(manifest.claims),
        },
        "findings": list(manifest.findings),
    }


def _drop_upload(installation: Installation, intake: Intake, presented: Presented, reason: str) -> None:
    if intake.state == "open":
        version = installation.store.find_version(intake.store_key)
        if version is not None:
            record_orphan(installation, version, reason)
        else:
            abort_intake(installation, intake)
    elif intake.version_id is not None:
        version = StoredVersion(intake.store_key, intake.version_id, presented.manifest.size)
        record_orphan(installation, version, reason)


def _finish(installation: Installation, intake: Intake, reception: Reception) -> Reception:
    set_state(installation, intake, "done", entry_index=reception.entry_index, is_repeat=int(reception.is_repeat))
    reached("completion.answered")
    return reception


def _show_reception(installation: Installation, index: int, *, is_repeat: bool) -> Reception:
    leaf = installation.ledger.entry(index).leaf
    if leaf.subject_kind != "recording":
        raise UnavailableError("internal", "a reception points at another entry")
    return Reception(index, leaf.subject, is_repeat)

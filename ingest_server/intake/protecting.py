"""What every stored version is put under: a lock read back, and a name in the ledger where it is not evidence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chain_of_custody.digests import sha256_hex
from chain_of_custody.errors import DuplicateClaimError
from ingest_server.custody.actors import server_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import ConflictedError
from ingest_server.policy.values import read_count
from ingest_server.store.contract import LockMode, LockState, StoredVersion
from ingest_server.store.errors import VersionMissingError

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.installation import Installation


def lock_to_floor(installation: Installation, version: StoredVersion) -> LockState:
    """Extend a version's lock to the policy's floor, and believe only what is read back.

    Raises:
        ConflictedError: The lock read back does not reach the floor; the version is named as an orphan.
    """
    if installation.store.kind == "directory":
        return LockState(LockMode.NONE, None)
    floor = installation.clock() + timedelta(days=read_count(installation, "lock.floor_days"))
    lock = read_lock(installation, version)
    if lock.retain_until is None or lock.retain_until < floor:
        installation.store.extend_lock(version.key, version.version_id, floor)
        lock = read_lock(installation, version)
    # Stores keep whole seconds, so the lock read back may end within the second that was asked for.
    if lock.mode is not LockMode.COMPLIANCE or lock.retain_until is None or lock.retain_until < _whole(floor):
        record_orphan(installation, version, "lock_missing")
        raise ConflictedError("lock_missing", "the lock read back does not reach the policy's floor")
    return lock


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def read_lock(installation: Installation, version: StoredVersion) -> LockState:
    """The version's lock as the store has it now; raises ConflictedError where there is no such version."""
    try:
        return installation.store.read_lock(version.key, version.version_id)
    except VersionMissingError as error:
        raise ConflictedError("lock_missing", "the stored version is missing") from error


def record_orphan(installation: Installation, version: StoredVersion, reason: str) -> None:
    """Name a version that is not evidence and is left to its short lock; once a version and reason."""
    orphan: JsonValue = {"store_key": version.key, "version_id": version.version_id, "reason": reason}
    claim = f"orphan:{version.key}:{version.version_id}:{reason}"
    event = Event("store.orphaned", "store", _store_subject(version), {"orphan": orphan}, claims=(claim,))
    try:
        installation.custody.record(server_actor(), event)
    except DuplicateClaimError:
        return


def _store_subject(version: StoredVersion) -> str:
    return sha256_hex(f"evidock/subject/store/v1\n{version.key}".encode())[:32]

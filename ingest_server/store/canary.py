"""The canary: break locked objects on purpose, and believe only what is still there afterwards (formats.md §7).

Error codes prove nothing: MinIO refuses with ``InvalidRequest``, others with ``AccessDenied``, and liars answer success
or refusal as it suits. So every attack is followed by reading the bytes and the lock by version id. And because a
delete that is refused for want of rights, or for its form, would look like a lock that holds, the canary first deletes
*unlocked* versions in each of the same ways: an account that cannot do that cannot prove anything. That retention
requests are understood at all is shown by extending a lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from ingest_server.store.contract import CanaryReport, Check, LockMode
from ingest_server.store.errors import StoreRefusedError
from ingest_server.store.probe import find_account_rights
from ingest_server.store.s3_requests import BYPASS_HEADERS, checksum_headers, deletion_body, retention_body
from ingest_server.store.scratch import OBJECT_SIZE, PREFIX, Scratch, Specimen, Way

if TYPE_CHECKING:
    from ingest_server.store.s3_connection import S3Connection
    from ingest_server.store.settings import S3Settings

SWEEP_AGE = timedelta(minutes=10)
"""How long after its lock ran out a specimen is removed; until then another server's canary may be using it."""

Attack = Callable[[Scratch, Specimen], None]


def run_canary(connection: S3Connection, settings: S3Settings, now: datetime) -> CanaryReport:
    """Run all trials in the scratch bucket.

    Args:
        connection: With the very account that keeps the originals.
        settings: Names the scratch bucket and for how long its objects are locked.
        now: UTC, by the server's clock.

    Raises:
        StoreUnavailableError: The store went away; nothing was shown either way.
    """
    scratch = Scratch(connection, settings.scratch_bucket)
    until = now + settings.canary_retention
    scratch.sweep(now - settings.canary_retention - SWEEP_AGE)
    checks = [
        *(_try_check(name, partial(_check_deletion_works, scratch, delete)) for name, delete in CONTROLS.items()),
        _try_check("flipped_byte_is_refused", lambda: _check_flipped_byte(scratch)),
    ]
    for way in Way:
        checks += _attack_locked(scratch, way, until)
    if connection.clock() >= until:
        # A lock that ran out during the trials protects nothing any more, so nothing was tried on a lock.
        checks.append(Check("canary_is_quick_enough", passed=False, detail="the locks ran out during the trials"))
    return CanaryReport(now, tuple(checks), find_account_rights(connection, settings))


def _check_deletion_works(scratch: Scratch, delete: Attack) -> str:
    """Delete an unlocked version in the very way that locked ones are attacked, and see it gone."""
    specimen = scratch.write(Way.SINGLE, None)
    if scratch.read(specimen) != specimen.data:
        return "a version just written cannot be read by its version id"
    delete(scratch, specimen)
    if scratch.read(specimen) is not None:
        return "a version without a lock cannot be deleted either, so a refused delete proves no lock"
    return ""


def _check_flipped_byte(scratch: Scratch) -> str:
    """Send a part with one flipped byte under the digest of the right bytes, then the right bytes."""
    key = f"{PREFIX}{hashlib.sha256(scratch.bucket.encode()).hexdigest()[:32]}"
    right = bytes(OBJECT_SIZE)
    digest = hashlib.sha256(right).hexdigest()
    upload_id = scratch.open_upload(key, {})
    try:
        scratch.send_part(key, upload_id, b"\x01" + right[1:], digest)
        if scratch.has_part(key, upload_id):
            return "a part with a flipped byte was stored under the digest of the right one"
        scratch.send_part(key, upload_id, right, digest)
        return "" if scratch.has_part(key, upload_id) else "a right part was not stored"
    finally:
        scratch.abort(key, upload_id)


def _attack_locked(scratch: Scratch, way: Way, until: datetime) -> list[Check]:
    """Lock a version and try everything on it; a specimen that was damaged is replaced for the next trial."""
    try:
        specimen = scratch.write(way, until)
        damage = scratch.describe_damage(specimen)
    except StoreRefusedError as error:
        damage = str(error)
    checks = [Check(f"{way}_lock_is_applied", passed=not damage, detail=damage or "bytes and lock read back")]
    if damage:
        return checks
    checks.append(_try_check(f"{way}_lock_can_be_extended", lambda: _check_extension(scratch, specimen)))
    for name, attack in ATTACKS.items():
        attack(scratch, specimen)
        damage = scratch.describe_damage(specimen)
        checks.append(Check(f"{way}_{name}", passed=not damage, detail=damage or "bytes and lock are still there"))
        if damage:
            try:
                specimen = scratch.write(way, until)
            except StoreRefusedError as error:
                return [*checks, Check(f"{way}_trials_can_go_on", passed=False, detail=str(error))]
    checks.append(_try_check(f"{way}_versioning_cannot_be_suspended", lambda: _check_suspension(scratch, specimen)))
    return checks


def _check_extension(scratch: Scratch, specimen: Specimen) -> str:
    """Extend a lock, which the product does after every read-back."""
    assert specimen.locked_until is not None
    later = specimen.locked_until + timedelta(seconds=2)
    _put_retention(scratch, specimen, retention_body(LockMode.COMPLIANCE, later), {})
    extended = Specimen(specimen.key, specimen.version_id, specimen.data, later)
    return scratch.describe_damage(extended)


def _check_suspension(scratch: Scratch, specimen: Specimen) -> str:
    """Suspend versioning, overwrite and delete; then put versioning back if it went."""
    scratch.set_versioning("Suspended")
    try:
        _overwrite(scratch, specimen)
        _delete_key(scratch, specimen)
        status = scratch.read_versioning()
    finally:
        if scratch.read_versioning() != "Enabled":
            scratch.set_versioning("Enabled")
    return scratch.describe_damage(specimen) or ("" if status == "Enabled" else "versioning was suspended")


def _delete_version(scratch: Scratch, specimen: Specimen) -> None:
    query = {"versionId": specimen.version_id}
    scratch.connection.send("DELETE", scratch.bucket, specimen.key, query=query)


def _delete_in_bulk(scratch: Scratch, specimen: Specimen) -> None:
    body = deletion_body(specimen.key, specimen.version_id)
    headers = {**BYPASS_HEADERS, **checksum_headers(body)}
    scratch.connection.send("POST", scratch.bucket, query={"delete": ""}, headers=headers, body=body)


def _delete_with_bypass(scratch: Scratch, specimen: Specimen) -> None:
    query = {"versionId": specimen.version_id}
    scratch.connection.send("DELETE", scratch.bucket, specimen.key, query=query, headers=BYPASS_HEADERS)


def _delete_key(scratch: Scratch, specimen: Specimen) -> None:
    scratch.connection.send("DELETE", scratch.bucket, specimen.key)


def _overwrite(scratch: Scratch, specimen: Specimen) -> None:
    scratch.connection.send("PUT", scratch.bucket, specimen.key, body=b"overwritten by the canary")


def _shorten(scratch: Scratch, specimen: Specimen) -> None:
    assert specimen.locked_until is not None
    sooner = specimen.locked_until - (specimen.locked_until - scratch.connection.clock()) / 2
    _put_retention(scratch, specimen, retention_body(LockMode.COMPLIANCE, sooner), {})
    _put_retention(scratch, specimen, retention_body(LockMode.COMPLIANCE, sooner), BYPASS_HEADERS)


def _downgrade(scratch: Scratch, specimen: Specimen) -> None:
    assert specimen.locked_until is not None
    body = retention_body(LockMode.GOVERNANCE, specimen.locked_until)
    _put_retention(scratch, specimen, body, {})
    _put_retention(scratch, specimen, body, BYPASS_HEADERS)


def _remove_lock(scratch: Scratch, specimen: Specimen) -> None:
    _put_retention(scratch, specimen, b"<Retention></Retention>", BYPASS_HEADERS)


def _put_retention(scratch: Scratch, specimen: Specimen, body: bytes, headers: dict[str, str]) -> None:
    query = {"retention": "", "versionId": specimen.version_id}
    headers = {**headers, **checksum_headers(body)}
    scratch.connection.send("PUT", scratch.bucket, specimen.key, query=query, headers=headers, body=body)


CONTROLS: dict[str, Attack] = {
    "unlocked_version_can_be_deleted": _delete_version,
    "unlocked_version_can_be_deleted_in_bulk": _delete_in_bulk,
    "unlocked_version_can_be_deleted_with_bypass": _delete_with_bypass,
}

ATTACKS: dict[str, Attack] = {
    "survives_delete_by_version": _delete_version,
    "survives_bulk_delete": _delete_in_bulk,
    "survives_delete_with_bypass": _delete_with_bypass,
    "survives_delete_of_the_key": _delete_key,
    "survives_overwriting": _overwrite,
    "lock_cannot_be_shortened": _shorten,
    "lock_cannot_be_downgraded": _downgrade,
    "lock_cannot_be_removed": _remove_lock,
}


def _try_check(name: str, check: Callable[[], str]) -> Check:
    """Run one trial that says what is wrong, or nothing; a store that refuses to take part has not passed."""
    try:
        problem = check()
    except StoreRefusedError as error:
        problem = str(error)
    return Check(name, passed=not problem, detail=problem or "passed")

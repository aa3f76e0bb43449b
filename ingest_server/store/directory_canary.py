"""The canary of the directory store: it tries what that store promises, which is no lock."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from ingest_server.store.contract import CanaryReport, Check, UploadedPart
from ingest_server.store.errors import PartRefusedError, StoreRefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from chain_of_custody.findings import Finding
    from ingest_server.store.directory import DirectoryStore

_SIZE = 4096


def run_canary(store: DirectoryStore, now: datetime, findings: tuple[Finding, ...]) -> CanaryReport:
    """Send a flipped byte and the right bytes, complete, read back, try the key again; leave nothing behind."""
    key, data = f"canary/{secrets.token_hex(16)}", secrets.token_bytes(_SIZE)
    upload_id = store.create_upload(key, lock_until=None, part_size=_SIZE)
    try:
        checks = [_check_flipped_byte(store, key, upload_id, data, now)]
        _send(store, key, upload_id, data, data, now)
        digest = hashlib.sha256(data).hexdigest()
        made = store.complete_upload(key, upload_id, [UploadedPart(1, _SIZE, digest, digest)])
        is_equal = b"".join(store.read(key, made.version_id)) == data
        checks.append(Check("bytes_read_back", is_equal, "read back" if is_equal else "other bytes came back"))
        checks.append(_check_key_is_used(store, key))
        mode = store.path_of(key).stat().st_mode
        checks.append(Check("original_is_read_only", not mode & 0o222, f"mode {mode & 0o777:o}"))
    except (StoreRefusedError, OSError) as error:
        return CanaryReport(now, (Check("canary_runs", passed=False, detail=str(error)),), findings)
    finally:
        store.abort_upload(key, upload_id)
        store.path_of(key).unlink(missing_ok=True)
    return CanaryReport(now, tuple(checks), findings)


def _check_flipped_byte(store: DirectoryStore, key: str, upload_id: str, data: bytes, now: datetime) -> Check:
    flipped = bytes([data[0] ^ 1]) + data[1:]
    try:
        _send(store, key, upload_id, data, flipped, now)
    except PartRefusedError:
        is_refused = not store.list_parts(key, upload_id)
    else:
        is_refused = False
    return Check("flipped_byte_is_refused", is_refused, "refused" if is_refused else "stored")


def _check_key_is_used(store: DirectoryStore, key: str) -> Check:
    try:
        upload_id = store.create_upload(key, lock_until=None, part_size=_SIZE)
    except StoreRefusedError:
        return Check("key_is_used_once", passed=True, detail="refused")
    store.abort_upload(key, upload_id)
    return Check("key_is_used_once", passed=False, detail="a second upload was opened for a used key")


def _send(store: DirectoryStore, key: str, upload_id: str, signed: bytes, sent: bytes, now: datetime) -> None:
    """Sign for one body and send another through the same door docks use."""
    # Imported here because receiving needs the store's module, which needs this one.
    from ingest_server.store.directory_parts import receive_part

    digest = hashlib.sha256(signed).hexdigest()
    request = store.sign_part(key, upload_id, 1, len(signed), digest, now=now)
    receive_part(store, key=key, upload_id=upload_id, part_number="1", headers=request.headers, body=[sent], now=now)

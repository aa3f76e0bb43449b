"""Clearing a recorder: only what is sealed, only where policy allows, each file compared once more before it goes.

Crash at any line: before ``clearing.intended`` nothing has happened; after it the next docking of the volume looks
whether the file is gone, and either says so to the server or forgets the intention and asks the whole gate again.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from agent.copying import hash_source
from agent.errors import AgentError, RefusedError, SourceError, UnreachableError
from agent.inventory import sign_clearing
from agent.journal import CLEARING_INTENDED, FileRow, FileState
from agent.opening import VolumeFile, open_folder_of
from agent.posting import post_clearing
from agent.sealing import recheck_receipt
from agent.steps import reached
from chain_of_custody.errors import CustodyError
from chain_of_custody.identities import parse_shown_id
from chain_of_custody.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.dock import Dock
    from agent.scanning import FoundFile
    from agent.volumes import Volume, VolumeIdentity

# The server receives nothing on an older canary either; clearing must not be the more trusting of the two.
CANARY_MAX_AGE = timedelta(hours=24)
# A floor of six months is counted from the read-back, a moment before the receipt.
FLOOR_SLACK = timedelta(days=1)


def clear_volume(
    dock: Dock, volume: Volume, identity: VolumeIdentity, sealed: Sequence[tuple[FoundFile, FileRow]]
) -> int:
    """Remove sealed files from the recorder; returns how many are gone.

    The gate, all of it, else the file is kept and the reason told: the dock itself has verified the receipt (that is
    what sealed means); the policy allows clearing on this store and its canary is fresh; on S3 the lock named in the
    receipt is a compliance lock that reaches the policy's floor and has not run out; the dock's clock is believed by
    the server; and the file, read once more past the cache, is what was sealed.

    Args:
        dock: The dock at work.
        volume: Where the files are.
        identity: Of the volume that was scanned.
        sealed: Files sealed in this run, as they were found and as the journal knows them.
    """
    obstacle, clearing = _find_obstacle(dock, volume)
    cleared = 0
    for file, row in sealed:
        try:
            _require_none(obstacle)
            _check_lock(dock, row, clearing)
            _clear_one(dock, volume, identity, file, row)
        except (SourceError, OSError, CustodyError, ValueError) as error:
            dock.journal.move(row, FileState.KEPT, reason=str(error))
            dock.reporter.show_state(
                row.path, "kept", size=row.size, digests=row.digests, evidence_id=row.evidence_id, error=str(error)
            )
            continue
        _tell_cleared(dock, row)
        cleared += 1
    return cleared


def resume_clearings(dock: Dock, volume: Volume, identity: VolumeIdentity) -> int:
    """Finish what a run that ended amid clearing left open on this volume; returns how many files are gone.

    Raises:
        VolumeGoneError: The volume is not the one that was scanned.
    """
    gone = 0
    for row in dock.journal.list_intended_clearings(volume.source):
        is_there = _is_there(volume, row.path)
        # An empty folder where the volume was pulled out says nothing about its files.
        volume.require_same(identity)
        if is_there:
            dock.journal.move(row, row.state, clearing=None)
        else:
            _mark_cleared(dock, row)
            _tell_cleared(dock, row)
            gone += 1
    return gone


def _find_obstacle(dock: Dock, volume: Volume) -> tuple[str | None, dict[str, Any]]:
    """What forbids clearing anything at all, in words, and what the server says of clearing."""
    if volume.mount is not None and volume.mount.is_read_only:
        return "not cleared: the volume is mounted read-only · 只读挂载，未清空", {}
    try:
        status = dock.reach_server(is_patient=True)
    except AgentError as error:
        return f"not cleared: {error}", {}
    clearing, canary = _read_object(status, "clearing"), _read_object(status, "canary")
    if clearing.get("directory") != "allow":
        return "not cleared: the policy does not allow it on this store · 策略不允许，未清空", {}
    if dock.client.offset:
        return "not cleared: this dock's clock is wrong · 采集站时钟错误，未清空", {}
    if not canary.get("ok") or not _is_fresh(dock, canary.get("at")):
        return "not cleared: the store has not lately passed its canary · 存储近期未通过探针检查，未清空", {}
    return None, clearing


def _require_none(obstacle: str | None) -> None:
    if obstacle is not None:
        raise SourceError(obstacle)


def _is_fresh(dock: Dock, instant: object) -> bool:
    try:
        return dock.clock() - parse_instant(instant) <= CANARY_MAX_AGE
    except CustodyError:
        return False


def _check_lock(dock: Dock, row: FileRow, clearing: dict[str, Any]) -> None:
    """The lock as read back and committed to in the receipt that this dock verified for this very manifest."""
    verified = recheck_receipt(dock.home, dock.config, row, row.manifest_sha256)
    received = verified.received
    if clearing.get("store") == "directory":
        return
    if received.get("lock_mode") != "COMPLIANCE":
        raise SourceError("not cleared: the store does not hold it under a compliance lock")
    retain_until = parse_instant(received.get("retain_until"))
    floor_days = clearing.get("lock_floor_days")
    if not isinstance(floor_days, int) or floor_days < 1:
        raise SourceError("not cleared: the server does not say how long a lock must be")
    if retain_until < parse_instant(verified.leaf.time) + timedelta(days=floor_days) - FLOOR_SLACK:
        raise SourceError("not cleared: its lock is shorter than the policy asks · 锁定期短于策略要求，未清空")
    if retain_until <= dock.clock():
        raise SourceError("not cleared: its lock has run out · 锁定已到期，未清空")


def _clear_one(dock: Dock, volume: Volume, identity: VolumeIdentity, file: FoundFile, row: FileRow) -> None:
    """Compare once more, remove by descriptor, see that it is gone."""
    folder, name = open_folder_of(volume, row.path)
    try:
        with VolumeFile(volume, identity, file) as source:
            # What the cache holds proves nothing about the medium.
            os.posix_fadvise(source.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            sm3 = bool(row.digests and "sm3" in row.digests)
            if hash_source(source, sm3=sm3, on_bytes=lambda _: None).to_json() != row.digests:
                raise SourceError("not cleared: the file is not what was sealed")
            opened, named = os.fstat(source.descriptor), os.stat(name, dir_fd=folder, follow_symlinks=False)
            if (opened.st_dev, opened.st_ino) != (named.st_dev, named.st_ino):
                raise SourceError("not cleared: another file took its name")
            dock.journal.move(row, row.state, clearing=CLEARING_INTENDED)
            reached("clearing.intended")
            os.unlink(name, dir_fd=folder)
        os.fsync(folder)
        if _has_name(folder, name):
            raise SourceError("not cleared: the file is still there after it was removed")
        reached("file.removed")
    finally:
        os.close(folder)
    _mark_cleared(dock, row)


def _mark_cleared(dock: Dock, row: FileRow) -> None:
    """Sign that the file is gone and keep the statement until the server has it."""
    statement = sign_clearing(dock, row.docking_id, row, parse_shown_id(str(row.evidence_id)))
    dock.journal.move(row, FileState.CLEARED, clearing=json.dumps(statement), reason=None)


def _tell_cleared(dock: Dock, row: FileRow) -> None:
    dock.reporter.show_state(row.path, "cleared", size=row.size, digests=row.digests, evidence_id=row.evidence_id)
    try:
        post_clearing(dock, row)
    except (UnreachableError, RefusedError) as error:
        dock.reporter.say(f"the clearing is told to the server later: {error}")


def _is_there(volume: Volume, path: bytes) -> bool:
    """Whether the name is there; raises OSError where that cannot be looked at."""
    try:
        folder, name = open_folder_of(volume, path)
    except FileNotFoundError:
        return False
    try:
        return _has_name(folder, name)
    finally:
        os.close(folder)


def _has_name(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _read_object(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}

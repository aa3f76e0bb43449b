"""Clearing a recorder: only what is sealed, only where policy allows, each file compared once more before it goes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agent.copying import hash_source
from agent.errors import AgentError, SourceError
from agent.inventory import sign_clearing
from agent.journal import FileRow, FileState
from agent.opening import VolumeFile
from agent.scanning import FoundFile
from chain_of_custody.identities import parse_shown_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.dock import Dock
    from agent.volumes import Volume, VolumeIdentity

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def clear_sealed(dock: Dock, volume: Volume, identity: VolumeIdentity, docking_id: str, rows: Sequence[FileRow]) -> int:
    """Remove sealed files from the recorder; returns how many are gone.

    The gate: the dock has verified the receipt (that is what sealed means), the server's policy allows clearing on this
    store and its canary is good, and the file's bytes are read once more and equal what was sealed. A read-only mount
    keeps its files.
    """
    if not rows or not _is_allowed(dock):
        return 0
    if volume.mount is not None and volume.mount.is_read_only:
        dock.reporter.say("the volume is mounted read-only; nothing was cleared · 只读挂载，未清空")
        return 0
    cleared = 0
    for row in rows:
        try:
            _clear_one(dock, volume, identity, docking_id, row)
        except (SourceError, OSError) as error:
            dock.journal.move(row, FileState.KEPT, reason=str(error))
            dock.reporter.show_state(row.path, "kept", size=row.size, error=f"not cleared: {error}")
            continue
        cleared += 1
    return cleared


def _is_allowed(dock: Dock) -> bool:
    try:
        _, status = dock.patience.run(lambda: dock.client.call("GET", "/dock/v1/status"))
    except AgentError as error:
        dock.reporter.say(f"nothing was cleared: {error}")
        return False
    clearing = status.get("clearing", {})
    if not status.get("canary", {}).get("ok"):
        dock.reporter.say("nothing was cleared: the store has not passed its canary · 存储探针未通过，未清空")
        return False
    if clearing.get("directory") != "allow":
        dock.reporter.say("nothing was cleared: the policy does not allow it on this store · 策略不允许，未清空")
        return False
    return True


def _clear_one(dock: Dock, volume: Volume, identity: VolumeIdentity, docking_id: str, row: FileRow) -> None:
    file = FoundFile(row.path, "file", "found", row.size, row.mtime_ns)
    with VolumeFile(volume, identity, file) as source:
        digests = hash_source(source, sm3=bool(row.digests and "sm3" in row.digests), on_bytes=lambda _: None)
    if digests.to_json() != row.digests:
        raise SourceError("the file is not what was sealed; it stays")
    evidence_id = parse_shown_id(str(row.evidence_id))
    _remove_file(volume, row.path)
    dock.journal.move(row, FileState.CLEARED, reason="not reported")
    report_clearing(dock, docking_id, row, evidence_id)
    dock.reporter.show_state(row.path, "cleared", size=row.size, digests=row.digests, evidence_id=row.evidence_id)


def report_clearing(dock: Dock, docking_id: str, row: FileRow, evidence_id: str) -> None:
    """Tell the server that a file is gone; one that could not be told stays marked and is told again."""
    statement = sign_clearing(dock, docking_id, row, evidence_id)
    try:
        dock.patience.run(lambda: dock.client.call("POST", "/dock/v1/clearings", {"statement": statement}))
    except AgentError as error:
        dock.reporter.say(f"the clearing could not be reported yet: {error}")
        return
    dock.journal.move(row, FileState.CLEARED, reason=None)


def _remove_file(volume: Volume, path: bytes) -> None:
    """Remove one name by descriptors, make it durable, and see that it is gone."""
    *folders, name = path.split(b"/")
    current = os.open(volume.root, _FOLDER_FLAGS)
    try:
        for folder in folders:
            following = os.open(folder, _FOLDER_FLAGS, dir_fd=current)
            os.close(current)
            current = following
        os.unlink(name, dir_fd=current)
        os.fsync(current)
        try:
            os.stat(name, dir_fd=current, follow_symlinks=False)
        except FileNotFoundError:
            return
        raise SourceError("the file is still there after it was removed")
    finally:
        os.close(current)

"""What the dock says of itself to the server every minute: version, disk, spool, what is not sealed, its slots."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from agent.spool import SPOOL_FOLDER, measure_spool
from chain_of_custody.instants import format_instant

if TYPE_CHECKING:
    from agent.dock import Dock
    from agent.rack.board import Board


def send_heartbeat(dock: Dock, board: Board) -> None:
    """Say it once; raises UnreachableError, RefusedError, SpoolError where the disk does not tell."""
    dock.client.call("POST", "/dock/v1/heartbeats", make_heartbeat(dock, board))


def make_heartbeat(dock: Dock, board: Board) -> dict[str, Any]:
    """What there is to say; names no recorder, officer or file."""
    spool = measure_spool(dock.home, dock.config)
    place = os.statvfs(dock.home)
    return {
        "agent": version("evidock"),
        "disk_free": place.f_bavail * place.f_frsize,
        "spool_files": spool.files,
        "spool_bytes": spool.used,
        "spool_per_cent": spool.per_cent,
        "spool_oldest": _find_oldest(dock),
        "not_sealed": len(dock.journal.list_unsafe()),
        "slots": [str(slot.state) for slot in board.read()[1]],
    }


def _find_oldest(dock: Dock) -> str | None:
    times = []
    for entry in os.scandir(dock.home / SPOOL_FOLDER):
        try:
            times.append(entry.stat(follow_symlinks=False).st_mtime)
        except FileNotFoundError:
            continue  # sealed this moment
    return format_instant(datetime.fromtimestamp(min(times), UTC)) if times else None

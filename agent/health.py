"""``status`` and ``doctor``: what is not safe yet, what is wrong, and how to mend it."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.config import KEY_NAME
from agent.errors import AgentError
from agent.journal import FileState
from agent.sealing import read_last_checkpoint
from agent.spool import SPOOL_FOLDER
from chain_of_custody.errors import CustodyError
from chain_of_custody.instants import parse_instant
from chain_of_custody.receipts import Receipt

if TYPE_CHECKING:
    from agent.dock import Dock

CLOCK_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at: its name, whether it is well, what was seen, and how to mend it."""

    name: str
    is_well: bool
    seen: str
    mend: str = ""


def read_status(dock: Dock) -> dict[str, Any]:
    """Counts by state, and what is not safe yet."""
    counts = dock.journal.count_states()
    spool = [path for path in (dock.home / SPOOL_FOLDER).iterdir() if path.is_file()]
    last = read_last_checkpoint(dock)
    unsafe = (FileState.INVENTORIED, FileState.ACQUIRED, FileState.UPLOADED, FileState.FAILED)
    return {
        "name": dock.config.name,
        "dock_id": dock.config.dock_id,
        "server": dock.config.server,
        "origin": dock.config.origin,
        "files": counts,
        "not_sealed": sum(counts.get(state, 0) for state in unsafe),
        "spool": {"policy": dock.config.spool, "files": len(spool), "bytes": sum(p.stat().st_size for p in spool)},
        "checkpoint_size": last.size if last else 0,
    }


def diagnose(dock: Dock) -> list[Diagnosis]:
    """Look at everything that can be wrong with a dock."""
    return [
        _check_key(dock),
        _check_journal(dock),
        _check_receipts(dock),
        _check_spool(dock),
        *_check_server(dock),
    ]


def _check_key(dock: Dock) -> Diagnosis:
    mode = stat.S_IMODE((dock.home / KEY_NAME).stat().st_mode)
    is_well = not mode & 0o077
    return Diagnosis("key", is_well, f"mode {mode:04o}", f"chmod 600 {dock.home / KEY_NAME}" if not is_well else "")


def _check_journal(dock: Dock) -> Diagnosis:
    seen = dock.journal.check_integrity()
    mend = "stop using this home; keep it; the recorders are the copy of last resort until a new home has sealed them"
    return Diagnosis("journal", seen == "ok", seen, "" if seen == "ok" else mend)


def _check_receipts(dock: Dock) -> Diagnosis:
    """Every sealed file has its receipt, and the receipt is about it."""
    wrong = []
    for row in dock.journal.list_files(FileState.SEALED, FileState.CLEARED, FileState.KEPT):
        path = dock.home / "receipts" / f"{row.evidence_id}.json"
        try:
            receipt = Receipt.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, CustodyError):
            wrong.append(str(row.evidence_id))
            continue
        received = next((opening.value for opening in receipt.openings if opening.label == "received"), None)
        if not isinstance(received, dict) or received.get("digests") != row.digests:
            wrong.append(str(row.evidence_id))
    seen = "every sealed file has its receipt" if not wrong else f"missing or damaged: {', '.join(wrong[:5])}"
    return Diagnosis(
        "receipts", not wrong, seen, "dock the recorder again: its receipt is issued again" if wrong else ""
    )


def _check_spool(dock: Dock) -> Diagnosis:
    place = os.statvfs(dock.home / SPOOL_FOLDER)
    free_mib = place.f_bavail * place.f_frsize >> 20
    is_well = free_mib > dock.config.spool_reserve_mib
    mend = "" if is_well else "free space on the spool's disk; until then recorders keep their files while offline"
    return Diagnosis("spool", is_well, f"{free_mib} MiB free", mend)


def _check_server(dock: Dock) -> list[Diagnosis]:
    try:
        _, status = dock.client.call("GET", "/dock/v1/status")
    except AgentError as error:
        mend = "check the network and that ingest-server is serving; recorders can be docked meanwhile"
        return [Diagnosis("server", False, str(error), mend)]
    offset = abs((parse_instant(status["server_time"]) - dock.clock()).total_seconds())
    canary = status["canary"]
    return [
        Diagnosis("server", True, f"{dock.config.server} answers"),
        Diagnosis(
            "clock",
            offset <= CLOCK_LIMIT_S,
            f"{offset:.0f} s from the server's",
            "set this machine's clock by NTP; recordings keep their own times" if offset > CLOCK_LIMIT_S else "",
        ),
        Diagnosis(
            "store",
            bool(canary["ok"]),
            f"{status['store']['kind']}, canary good at {canary['at']}",
            "" if canary["ok"] else "the server's administrator must look at the store; nothing is received until then",
        ),
    ]

"""``status`` and ``doctor``: what is not safe yet, what is wrong, and how to mend it.

Both only look, so they work beside a running agent and without the network.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.client import ServerClient
from agent.config import KEY_NAME, DockConfig, load_config
from agent.errors import AgentError, HomeError, SpoolError
from agent.journal import JOURNAL_NAME, FileState, Journal
from agent.names import display_path, encode_path
from agent.sealing import read_last_checkpoint, recheck_receipt
from agent.spool import SPOOL_FOLDER, measure_spool
from chain_of_custody.errors import CustodyError
from chain_of_custody.instants import parse_instant
from chain_of_custody.signing import read_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.journal import FileRow
    from chain_of_custody.instants import Clock

CLOCK_LIMIT_S = 60
LISTED = 100


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at: its name, whether it is well, what was seen, and how to mend it."""

    name: str
    is_well: bool
    seen: str
    mend: str = ""


def read_status(home: Path, clock: Clock) -> dict[str, Any]:
    """Counts by state, and what is not safe yet; raises HomeError."""
    config = load_config(home)
    value: dict[str, Any] = {
        "name": config.name,
        "dock_id": config.dock_id,
        "server": config.server,
        "origin": config.origin,
        "files": {},
        "not_sealed": 0,
        "unsafe": [],
        "spool": {"policy": config.spool, **_describe_spool(home, config)},
        "checkpoint_size": 0,
    }
    if not (home / JOURNAL_NAME).exists():
        return value
    journal = Journal.open_beside(home, clock)
    try:
        unsafe = journal.list_unsafe()
        last = read_last_checkpoint(journal)
        value |= {
            "files": journal.count_states(),
            "not_sealed": len(unsafe),
            "unsafe": [_describe_unsafe(row) for row in unsafe[:LISTED]],
            "checkpoint_size": last.size if last else 0,
        }
    finally:
        journal.close()
    return value


def diagnose(home: Path, clock: Clock) -> list[Diagnosis]:
    """Look at everything that can be wrong with a dock; raises HomeError where it is none."""
    config = load_config(home)
    return [
        _check_folder(home),
        _check_key(home),
        *_check_journal(home, config, clock),
        _check_spool(home, config),
        *_check_server(home, config, clock),
    ]


def _describe_spool(home: Path, config: DockConfig) -> dict[str, int]:
    place = measure_spool(home, config)
    return {"files": place.files, "bytes": place.used, "room": place.room, "per_cent": place.per_cent}


def _describe_unsafe(row: FileRow) -> dict[str, Any]:
    """One file that is not sealed, and where its bytes are."""
    is_here = row.spool_name is not None
    where = "spool" if is_here else "store" if row.state is FileState.UPLOADED else "recorder"
    return {
        "path": display_path(row.path),
        "path_b64": encode_path(row.path),
        "state": str(row.state),
        "size": row.size,
        "bytes_are": where,
        "reason": row.reason,
    }


def _check_folder(home: Path) -> Diagnosis:
    mode = stat.S_IMODE(home.stat().st_mode)
    return Diagnosis("home", not mode & 0o077, f"mode {mode:04o}", f"chmod 700 {home}" if mode & 0o077 else "")


def _check_key(home: Path) -> Diagnosis:
    path = home / KEY_NAME
    try:
        read_key(path)
    except (OSError, CustodyError) as error:
        mend = f"chmod 600 {path}; if it is lost or damaged, revoke this dock at the server and enrol a new home"
        return Diagnosis("key", False, str(error), mend)
    return Diagnosis("key", True, f"mode {stat.S_IMODE(path.stat().st_mode):04o}")


def _check_journal(home: Path, config: DockConfig, clock: Clock) -> Iterator[Diagnosis]:
    if not (home / JOURNAL_NAME).exists():
        yield Diagnosis("journal", True, "nothing was docked yet")
        return
    mend = "stop using this home and keep it; recorders are the copy of last resort until a new home has sealed them"
    try:
        journal = Journal.open_beside(home, clock)
        seen = journal.check_integrity()
    except HomeError as error:
        yield Diagnosis("journal", False, str(error), mend)
        return
    try:
        yield Diagnosis("journal", seen == "ok", seen, "" if seen == "ok" else mend)
        yield _check_receipts(home, config, journal)
        yield _check_spooled(home, journal)
    finally:
        journal.close()


def _check_receipts(home: Path, config: DockConfig, journal: Journal) -> Diagnosis:
    """Every sealed file has its receipt, and the receipt still proves it under the pinned keys."""
    wrong = []
    for row in journal.list_files(FileState.SEALED, FileState.CLEARED, FileState.KEPT):
        try:
            recheck_receipt(home, config, row)
        except (OSError, CustodyError):
            wrong.append(str(row.evidence_id))
    if not wrong:
        return Diagnosis("receipts", True, "every sealed file has its receipt, and it holds")
    seen = f"missing or damaged: {', '.join(sorted(set(wrong))[:5])}"
    return Diagnosis("receipts", False, seen, "dock the recorder again: the server issues receipts again")


def _check_spooled(home: Path, journal: Journal) -> Diagnosis:
    """Every file that the journal says is spooled is there, whole."""
    wrong = []
    for row in journal.list_unsafe():
        if row.spool_name is not None:
            path = home / SPOOL_FOLDER / row.spool_name
            if not path.is_file() or path.stat().st_size != row.size:
                wrong.append(display_path(row.path))
    if not wrong:
        return Diagnosis("spooled", True, "every spooled file is there")
    return Diagnosis("spooled", False, f"missing or short: {', '.join(wrong[:5])}", "dock their recorders again")


def _check_spool(home: Path, config: DockConfig) -> Diagnosis:
    try:
        place = measure_spool(home, config)
    except SpoolError as error:
        return Diagnosis("spool", False, str(error), "look at the disk of this dock's home")
    is_well = config.spool == "never" or place.per_cent < min(config.spool_warnings, default=100)
    mend = (
        ""
        if is_well
        else (
            "bring the network back, so that it is sent; else free space on its disk or raise spool_budget_mib: once it"
            " is full, recorders keep their files while the dock is offline"
        )
    )
    seen = f"policy {config.spool}, {place.files} files, {place.per_cent} % of {place.room >> 20} MiB"
    return Diagnosis("spool", is_well, seen, mend)


def _check_server(home: Path, config: DockConfig, clock: Clock) -> Iterator[Diagnosis]:
    try:
        client = ServerClient(config, read_key(home / KEY_NAME), clock)
    except (OSError, CustodyError) as error:
        yield Diagnosis("server", False, f"not asked: {error}", "mend the key first")
        return
    try:
        _, status = client.call("GET", "/dock/v1/status")
    except AgentError as error:
        mend = "check the network and that ingest-server is serving; recorders can be docked meanwhile"
        yield Diagnosis("server", False, str(error), mend)
        return
    finally:
        client.close()
    yield _judge_origin(config, status)
    yield _judge_clock(status, clock)
    yield _judge_store(status)


def _judge_origin(config: DockConfig, status: dict[str, Any]) -> Diagnosis:
    is_ours = status.get("origin") == config.origin
    seen = f"{config.server} answers" if is_ours else f"{config.server} keeps another ledger: {status.get('origin')}"
    return Diagnosis("server", is_ours, seen, "" if is_ours else "enrol a new home at the server that stands there now")


def _judge_clock(status: dict[str, Any], clock: Clock) -> Diagnosis:
    try:
        offset = abs((parse_instant(status.get("server_time")) - clock()).total_seconds())
    except CustodyError:
        return Diagnosis("clock", False, "the server does not tell its time", "look at the server")
    is_well = offset <= CLOCK_LIMIT_S
    mend = "" if is_well else "set this machine's clock by NTP; recordings keep their own times"
    return Diagnosis("clock", is_well, f"{offset:.0f} s from the server's", mend)


def _judge_store(status: dict[str, Any]) -> Diagnosis:
    canary, store = status.get("canary"), status.get("store")
    good_at = canary.get("at") if isinstance(canary, dict) and canary.get("ok") is True else None
    is_well = good_at is not None
    kind = store.get("kind") if isinstance(store, dict) else None
    seen = f"{kind}, canary good at {good_at}" if is_well else f"{kind}, no good canary"
    mend = "" if is_well else "the server's administrator must look at the store; nothing is received until then"
    return Diagnosis("store", is_well, seen, mend)

"""Dock and recorder events to the tables ``docks``, ``recorders`` and ``dockings``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.signing import VerifyKey
from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    import sqlite3

    from chain_of_custody.ledger import Entry


def _apply_enrolled(database: sqlite3.Connection, entry: Entry) -> None:
    key, dock = read_part(entry, "key"), read_part(entry, "dock")
    if key:
        key_hex = key["dock_key"]
        database.execute(
            "insert or replace into docks values (?, ?, ?, ?, 'enrolled', ?, null, null)",
            (entry.leaf.subject, dock.get("name", ""), key_hex, VerifyKey.from_hex(key_hex).key_id, entry.leaf.time),
        )


def _apply_revoked(database: sqlite3.Connection, entry: Entry) -> None:
    database.execute(
        "update docks set status = 'revoked', revoked_at = ? where dock_id = ?", (entry.leaf.time, entry.leaf.subject)
    )


def _apply_docked(database: sqlite3.Connection, entry: Entry) -> None:
    docked, identity = read_part(entry, "docked"), read_part(entry, "identity")
    if not docked:
        return
    time, recorder = entry.leaf.time, entry.leaf.subject
    database.execute(
        "insert into recorders values (?, ?, ?, ?, ?, ?, ?, 1) on conflict (recorder_id) do update set"
        " last_docked_at = excluded.last_docked_at, last_dock_id = excluded.last_dock_id, dockings = dockings + 1,"
        " serial = coalesce(excluded.serial, serial)",
        (
            recorder,
            identity.get("basis", "source"),
            identity.get("hardware_serial"),
            identity.get("serial"),
            time,
            time,
            docked["dock_id"],
        ),
    )
    database.execute(
        "insert or ignore into dockings values (?, ?, ?, ?, ?, ?, ?, null, null, null, null, null, null)",
        (
            docked["docking_id"],
            recorder,
            docked["dock_id"],
            time,
            docked["inventory_sha256"],
            docked["files"],
            docked["bytes"],
        ),
    )
    database.execute("update docks set last_docked_at = ? where dock_id = ?", (time, docked["dock_id"]))


def _apply_undocked(database: sqlite3.Connection, entry: Entry) -> None:
    undocked = read_part(entry, "undocked")
    if undocked:
        database.execute(
            "update dockings set found = ?, sealed = ?, already_sealed = ?, failed = ?, waiting = ?, closed_at = ?"
            " where docking_id = ?",
            (
                *(undocked[name] for name in ("found", "sealed", "already_sealed", "failed", "waiting")),
                entry.leaf.time,
                undocked["docking_id"],
            ),
        )


APPLY = {
    "dock.enrolled": _apply_enrolled,
    "dock.revoked": _apply_revoked,
    "recorder.docked": _apply_docked,
    "recorder.undocked": _apply_undocked,
}

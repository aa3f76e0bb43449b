"""The signed inventory of one docking, and the other statements the dock makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agent.judging import FAT
from agent.names import display_path, encode_path, escape_bytes
from agent.recorders.reading import read_path
from chain_of_custody.digests import Digests, sha256_hex
from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from chain_of_custody.statements import Clearing, DockingReport, Inventory, Manifest, Statement, sign_statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.dock import Dock
    from agent.journal import FileRow
    from agent.judging import Judgement
    from agent.progress import Summary
    from agent.scanning import FoundFile, Scan
    from agent.volumes import Volume
    from chain_of_custody.canonical import JsonValue

_EXFAT = frozenset({"exfat", "fuseblk"})


def sign_inventory(dock: Dock, volume: Volume, scan: Scan, judged: Judgement) -> tuple[str, dict[str, JsonValue], str]:
    """Sign what a scan saw, before anything is read.

    Returns:
        The docking's id, the envelope, and the envelope's SHA-256.
    """
    docking_id = new_id()
    inventory = Inventory(
        **_make_header(dock, docking_id),
        volume=_describe_volume(volume),
        profile=judged.profile,
        claims=tuple(_volume_claims(scan)),
        files=tuple(_describe_file(volume, file) for file in scan.files),
        findings=(*judged.findings, *_judge_clock(dock)),
        clock={
            "dock_time": format_instant(dock.clock()),
            "offset_s": int(dock.client.offset.total_seconds()),
            "recorder": judged.clock,
        },
    )
    return docking_id, *_sign(dock, inventory)


def sign_manifest(
    dock: Dock, row: FileRow, digests: Digests, inventory_sha256: str, noticed: Sequence[tuple[str, str]] = ()
) -> tuple[dict[str, JsonValue], str]:
    """Sign what was read of one file.

    Args:
        dock: Whose key signs.
        row: The file.
        digests: Of all its bytes.
        inventory_sha256: Of the docking's inventory.
        noticed: Codes and sentences of what was noticed while it was read.

    Returns:
        The envelope and its SHA-256.
    """
    named = read_path(row.path)
    findings: list[JsonValue] = [
        {"code": code, "severity": "warning", "where": display_path(row.path), "message": _EXPLAIN[code]}
        for code in named.codes
    ]
    findings += [
        {"code": code, "severity": "warning", "where": display_path(row.path), "message": message}
        for code, message in noticed
    ]
    findings += _judge_clock(dock)
    manifest = Manifest(
        **_make_header(dock, row.docking_id),
        inventory_sha256=inventory_sha256,
        path_b64=encode_path(row.path),
        path=display_path(row.path),
        size=row.size,
        digests=digests,
        mtime=None if row.mtime_ns is None else _describe_time(row.mtime_ns, None),
        claims=tuple({**claim} for claim in named.claims),
        findings=tuple(findings),
    )
    return _sign(dock, manifest)


def sign_report(dock: Dock, docking_id: str, summary: Summary, failed: list[JsonValue]) -> dict[str, JsonValue]:
    """Sign how a docking ended."""
    report = DockingReport(
        **_make_header(dock, docking_id),
        found=summary.found,
        sealed=summary.sealed,
        already_sealed=summary.already_sealed,
        waiting=summary.waiting,
        failed=tuple(failed),
        findings=tuple(_judge_clock(dock)),
    )
    return _sign(dock, report)[0]


def sign_clearing(dock: Dock, docking_id: str, row: FileRow, evidence_id: str) -> dict[str, JsonValue]:
    """Sign that one sealed file was removed from its recorder."""
    clearing = Clearing(
        **_make_header(dock, docking_id),
        evidence_id=evidence_id,
        path_b64=encode_path(row.path),
        size=row.size,
        digests=Digests.from_json(row.digests),
    )
    return _sign(dock, clearing)[0]


_EXPLAIN = {
    "DEVICE_IDENTITY_UNSET": "serial and officer are all zeros: the recorder was never set up",
    "NAME_TIME_IMPOSSIBLE": "the name's time is no real time",
    "NAME_UNPARSED": "the name follows no known pattern; the file is taken in all the same",
}


def _judge_clock(dock: Dock) -> list[JsonValue]:
    """A finding where the server refused this dock's time: statements then carry the server's, the clock is not set."""
    offset = int(dock.client.offset.total_seconds())
    if not offset:
        return []
    message = f"this dock's clock is {abs(offset)} s {'behind' if offset > 0 else 'ahead of'} the server's"
    return [{"code": "DOCK_CLOCK_WRONG", "severity": "warning", "where": "", "message": message}]


def _sign(dock: Dock, statement: Statement) -> tuple[dict[str, JsonValue], str]:
    envelope = sign_statement(statement, dock.key)
    return envelope.to_json(), sha256_hex(envelope.to_bytes())


def _make_header(dock: Dock, docking_id: str) -> dict[str, Any]:
    return {
        "origin": dock.config.origin,
        "dock_id": dock.config.dock_id,
        "docking_id": docking_id,
        "counter": dock.journal.next_counter(),
        "time": dock.now(),
    }


def _describe_volume(volume: Volume) -> dict[str, JsonValue]:
    mount = volume.mount
    usb: JsonValue = {"vendor": volume.usb[0], "product": volume.usb[1]} if volume.usb else None
    return {
        "root": escape_bytes(str(volume.root)),
        "fs_type": mount.fs_type if mount else "folder",
        "fs_uuid": volume.fs_uuid,
        "device": escape_bytes(mount.device) if mount else None,
        "label": volume.label,
        "mount_options": mount.options if mount else "",
        "read_only": bool(mount and mount.is_read_only),
        "hardware_serial": volume.hardware_serial,
        "usb": usb,
    }


def _describe_file(volume: Volume, file: FoundFile) -> dict[str, JsonValue]:
    fs_type = volume.mount.fs_type if volume.mount else None
    return {
        "path_b64": encode_path(file.path),
        "path": file.shown,
        "kind": file.kind,
        "size": file.size,
        "mtime": None if file.mtime_ns is None else _describe_time(file.mtime_ns, fs_type),
        "state": file.state,
        "reason": file.reason,
    }


def _describe_time(mtime_ns: int, fs_type: str | None) -> JsonValue:
    """A file time as a claim (formats, section 1); FAT and exFAT keep two seconds, FAT without a zone."""
    is_fat, is_exfat = fs_type in FAT, fs_type in _EXFAT
    try:
        local = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return {"local": str(mtime_ns), "source": "file", "utc_offset": None, "uncertainty_s": None}
    return {
        "local": local,
        "source": "fat" if is_fat else "exfat" if is_exfat else "file",
        "utc_offset": None if is_fat else "+00:00",
        "uncertainty_s": 2 if is_fat or is_exfat else None,
    }


def _volume_claims(scan: Scan) -> list[JsonValue]:
    """What most names claim of the recorder as a whole: its serial and officer, each once."""
    seen: dict[tuple[str, str], JsonValue] = {}
    for file in scan.found:
        for claim in read_path(file.path).claims:
            if claim["name"] in {"serial", "officer"} and len(seen) < 100:
                seen[claim["name"], claim["value"]] = {**claim}
    return list(seen.values())

"""Everything that a docking notices of a recorder before it is read: for its signed inventory, and for people."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from agent.chronology import judge_times
from agent.completeness import find_gaps, find_losses
from agent.findings import make_finding
from agent.journal import FileState
from agent.recorders.reading import UNKNOWN, recognise
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.errors import CustodyError
from chain_of_custody.instants import parse_instant
from chain_of_custody.statements import Inventory, open_statement

if TYPE_CHECKING:
    from datetime import datetime

    from agent.dock import Dock
    from agent.scanning import Scan
    from agent.volumes import Volume
    from chain_of_custody.canonical import JsonValue

FAT = frozenset({"vfat", "msdos"})
_SEALED = (FileState.SEALED, FileState.CLEARED, FileState.KEPT)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was noticed.

    Attributes:
        profile: Name of the family, ``unknown`` where none fits.
        findings: As statements carry them.
        clock: What the times say of the recorder's clock, as the inventory carries it.
    """

    profile: str
    findings: tuple[JsonValue, ...]
    clock: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the last docking of a source listed: raw paths with their sizes, and when it began."""

    files: dict[bytes, int]
    at: datetime | None


def judge_volume(dock: Dock, volume: Volume, scan: Scan) -> Judgement:
    """Judge what a scan saw beside what earlier dockings of the same source saw; changes nothing."""
    profile = recognise(file.path for file in scan.found)
    findings = [make_finding(one.code, one.where, one.message, one.severity) for one in scan.findings]
    if profile == UNKNOWN:
        message = "no known recorder layout; everything readable is taken in all the same"
        findings.append(make_finding("RECORDER_UNKNOWN", "/", message))
    findings += find_gaps((file.path for file in scan.found), dock.journal.list_paths(volume.source))
    earlier = _read_earlier(dock, volume.source)
    here = {file.path: file.size or 0 for file in scan.files if file.kind == "file"}
    safe = dock.journal.list_paths_in(volume.source, *_SEALED)
    cleared = dock.journal.list_paths_in(volume.source, FileState.CLEARED)
    before = {path: size for path, size in earlier.files.items() if path in here or path not in cleared}
    findings += find_losses(here, before, safe)
    times = judge_times(
        scan.found,
        _to_local(earlier.at),
        cast("datetime", _to_local(dock.clock() + dock.client.offset)),
        earlier.files,
        is_fat=bool(volume.mount and volume.mount.fs_type in FAT),
    )
    return Judgement(profile, (*findings, *times.findings), times.to_json())


def _read_earlier(dock: Dock, source: str) -> Earlier:
    """The signed inventory of the last docking; one that cannot be read says nothing."""
    value = dock.journal.read_last_inventory(source)
    if value is None:
        return Earlier({}, None)
    try:
        inventory = open_statement(parse_envelope(value), dock.key.public, Inventory)
        at = parse_instant(inventory.time)
    except CustodyError:
        return Earlier({}, None)
    listed = cast("tuple[dict[str, object], ...]", inventory.files)
    files = {
        base64.b64decode(str(file["path_b64"])): file["size"]
        for file in listed
        if file["kind"] == "file" and isinstance(file["size"], int)
    }
    return Earlier(files, at)


def _to_local(at: datetime | None) -> datetime | None:
    """This dock's local time without a zone, as recorders keep theirs."""
    return None if at is None else at.astimezone().replace(tzinfo=None)

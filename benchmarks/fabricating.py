"""A catalogue of many recordings, built by the projector from ledger entries that were never in a ledger.

Appending a million signed entries takes longer than what is measured afterwards; the projector does not know the
difference. Their indices begin far behind the real ledger's, which keeps working beside them.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chain_of_custody.instants import format_instant
from ingest_server.catalogue.projector import apply_entry
from tests.support.fabricated import make_entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chain_of_custody.canonical import JsonValue
    from chain_of_custody.ledger import Entry

FIRST_INDEX = 1_000_000_000
UNITS, OFFICERS, RECORDERS, CASEFILES = 42, 1200, 1000, 20_000
_FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀英华文平刚桂兰志玉红健云波海斌丽晶宁"
_PLACES = (
    "东方市场",
    "南渡路",
    "和源仓库",
    "环城北路",
    "城东大桥",
    "询问室",
    "河西码头",
    "光明小区",
    "人民广场",
    "工业园",
)
_MATTERS = (
    "占道经营",
    "无证运输",
    "食品抽检",
    "噪声投诉",
    "消防检查",
    "违法建设",
    "渣土车",
    "价格公示",
    "计量检查",
    "环保督查",
)
_STAGES = ("initiation", "investigation", "review", "decision", "service", "execution", "archiving")
_BEGIN = datetime(2025, 10, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Agency:
    """Who records: unit codes with their parents, officers with names and units, serials of recorders."""

    units: tuple[tuple[str, str, str | None], ...]
    officers: tuple[tuple[str, str, str], ...]
    serials: tuple[str, ...]


def make_agency() -> Agency:
    """One agency of six brigades with six squads each; the same every time."""
    chance = random.Random(4)
    units: list[tuple[str, str, str | None]] = [("3100000", "综合执法局", None)]
    for brigade in range(1, 7):
        code = f"310{brigade}000"
        units.append((code, f"第{brigade}大队", "3100000"))
        units += [(f"310{brigade}{squad}00", f"第{brigade}大队{squad}中队", code) for squad in range(1, 7)]
    squads = [code for code, _, parent in units if parent not in {None, "3100000"}]
    names = [
        "".join((chance.choice(_FAMILY), *chance.choices(_GIVEN, k=chance.choice((1, 2))))) for _ in range(OFFICERS)
    ]
    officers = tuple((f"{20000 + 7 * n:06}", name, squads[n % len(squads)]) for n, name in enumerate(names))
    return Agency(tuple(units), officers, tuple(f"KD{40000 + n}" for n in range(RECORDERS)))


def list_places() -> tuple[str, ...]:
    """Words that stand in many recordings."""
    return (*_PLACES, *_MATTERS)


def list_entries(agency: Agency, count: int) -> Iterator[Entry]:
    """Entries of case files and recordings, one in seven attached, one in two hundred of a name nobody reads."""
    chance = random.Random(5)
    index = FIRST_INDEX
    for number in range(min(CASEFILES, max(1, count // 50))):
        title = f"{chance.choice(_PLACES)}{chance.choice(_MATTERS)}案"
        parts: dict[str, JsonValue] = {"casefile": {"number": f"〔2026〕{number + 1}号", "title": title}}
        yield make_entry(index, "casefile.opened", "casefile", f"{number:032x}", 1, _BEGIN, parts)
        index += 1
    cases = index - FIRST_INDEX
    for number in range(count):
        received = _BEGIN + timedelta(seconds=number * (400 * 86400) / count)
        evidence_id = f"{chance.getrandbits(128):032x}"
        yield make_entry(
            index,
            "recording.received",
            "recording",
            evidence_id,
            1,
            received,
            _make_parts(chance, agency, number, received),
        )
        index += 1
        if chance.random() < 1 / 7:
            attachment: JsonValue = {
                "casefile_id": f"{chance.randrange(cases):032x}",
                "number": "",
                "stage": chance.choice(_STAGES),
            }
            parts = {"attachment": attachment, "reason": "benchmark"}
            yield make_entry(index, "recording.attached", "recording", evidence_id, 2, received, parts)
            index += 1


def build_catalogue(path: Path, agency: Agency, count: int) -> float:
    """Apply the entries to the catalogue file at ``path``; returns the seconds it took."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=off")
    started = time.perf_counter()
    database.execute("begin immediate")
    for number, entry in enumerate(list_entries(agency, count), start=1):
        apply_entry(database, entry)
        if number % 5000 == 0:
            database.execute("commit")
            database.execute("begin immediate")
            if number % 100_000 == 0:
                print(f"  {number} entries, {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    database.execute("commit")
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()
    return time.perf_counter() - started


def _make_parts(chance: random.Random, agency: Agency, number: int, received: datetime) -> dict[str, JsonValue]:
    # A few officers record much more than most.
    officer, _, unit = agency.officers[int(len(agency.officers) * chance.random() ** 1.25)]
    serial = agency.serials[chance.randrange(len(agency.serials))]
    started = received + timedelta(hours=8) - timedelta(minutes=chance.randrange(30, 60 * 20))
    source = "name:zfy-serial-officer"
    name = f"{serial}_{officer}{started:%Y%m%d%H%M%S}_{number % 10000:04}.MP4"
    values = {"started_local": f"{started:%Y-%m-%dT%H:%M:%S}", "officer": officer, "serial": serial, "unit": unit}
    if chance.random() < 1 / 200:
        name, values = f"MOVI{number % 10000:04}.AVI", {}
    if chance.random() < 1 / 3:
        values["place"] = f"{chance.choice(_PLACES)}{chance.randrange(1, 300)}号"
    claims: list[JsonValue] = [{"name": key, "value": value, "source": source} for key, value in values.items()]
    recorder = f"{int(serial[2:]):032x}"
    path = f"DCIM/{100 + number % 20}MEDIA/{name}"
    return {
        "actor": {"kind": "dock", "name": f"front-desk-{chance.randrange(60)}"},
        "received": {
            "digests": {"sha2-256": f"{chance.getrandbits(256):064x}"},
            "lock_mode": "COMPLIANCE",
            "manifest_sha256": f"{chance.getrandbits(256):064x}",
            "retain_until": format_instant(received + timedelta(days=185)),
            "size": chance.randrange(1 << 20, 1 << 31),
            "store_key": f"originals/2026/{chance.getrandbits(128):032x}",
            "version_id": f"{chance.getrandbits(128):032x}",
        },
        "recording": {
            "claims": claims,
            "dock_id": f"{chance.randrange(60):032x}",
            "docking_id": f"{number // 12:032x}",
            "path": path,
            "path_b64": path,
            "recorder_id": recorder,
        },
    }

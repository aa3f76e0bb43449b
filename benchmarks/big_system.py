"""One installation with a real server, real recordings, and a catalogue of many fabricated ones beside them.

It is kept in its folder, so that a second run only measures. A catalogue of another version is fabricated anew.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from benchmarks.fabricating import Agency, build_catalogue, make_agency
from chain_of_custody.instants import utc_clock
from ingest_server.accounts.links import make_link
from ingest_server.accounts.queries import find_account
from ingest_server.accounts.registers import add_officer, add_unit
from ingest_server.accounts.users import add_user
from ingest_server.catalogue.schema import VERSION
from ingest_server.custody.actors import operator_actor
from ingest_server.demo.footage import Clip, write_clip
from ingest_server.installation import Installation
from tests.support.people import Person
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path

_REAL = 24
SUPERVISED = "3101000"
_ROLES = {
    "evidence_administrator": (None, None),
    "supervisor": (None, SUPERVISED),
    "case_handler": (None, "3101100"),
    "officer": ("020007", None),
}


@dataclass(slots=True)
class BigSystem:
    """The running system.

    Attributes:
        system: Its server.
        agency: Who records.
        count: How many recordings were fabricated.
        built_s: How long the projector took to apply them, when they were applied.
        real: Evidence ids of recordings that are in ledger and store, as shown.
    """

    system: WholeSystem
    agency: Agency
    count: int
    built_s: float
    real: list[str]

    def sign_in(self, role: str) -> Person:
        """Somebody of a role, signed in by a new one-time link."""
        name = f"bench-{role}"
        officer, unit = _ROLES[role]
        with open_data(self.system) as installation:
            account = find_account(installation.catalogue, name)
            link = (
                make_link(installation, operator_actor(), account["account_id"])
                if account
                else add_user(installation, operator_actor(), name, role, officer=officer, unit=unit)
            )
        person = Person(self.system.url, name)
        person.spend(link)
        return person


def open_data(system: WholeSystem) -> Installation:
    """The data folder in this process."""
    return Installation.open(system.data, utc_clock)


def prepare_system(folder: Path, count: int) -> BigSystem:
    """Take the system in this folder, or make it; its server runs on return."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / "fabricated.json"
    agency = make_agency()
    kept = json.loads(marker.read_text(encoding="utf-8")) if marker.exists() else {}
    if kept.get("count") != count:
        shutil.rmtree(folder)
        folder.mkdir()
        kept = {}
    system = WholeSystem(folder)
    if not kept:
        kept = {"count": count, "real": _make_real(system, agency)}
    if kept.get("version") != VERSION:
        _say(f"the projector applies {count} fabricated recordings; this is done once")
        for name in ("catalogue.db", "catalogue.db-wal", "catalogue.db-shm"):
            (system.data / name).unlink(missing_ok=True)
        with open_data(system) as installation:
            installation.catalogue.sync()
        kept |= {"built_s": build_catalogue(system.data / "catalogue.db", agency, count), "version": VERSION}
        marker.write_text(json.dumps(kept), encoding="utf-8")
    system.start_server()
    return BigSystem(system, agency, count, kept["built_s"], kept["real"])


def _make_real(system: WholeSystem, agency: Agency) -> list[str]:
    """Registers, a dock, and recordings that went the whole way."""
    _say("registers, and a docking of real recordings")
    with open_data(system) as installation:
        for code, name, parent in agency.units:
            add_unit(installation, operator_actor(), code, name, parent)
        for number, name, unit in agency.officers:
            add_officer(installation, operator_actor(), number, name, unit=unit)
    system.start_server()
    system.enrol()
    volume = system.folder / "volume" / "DCIM" / "100MEDIA"
    volume.mkdir(parents=True)
    chance = random.Random(6)
    for place in range(_REAL):
        officer = agency.officers[chance.randrange(len(agency.officers))][0]
        name = f"{agency.serials[place]}_{officer}20261101{place:02}0000_{place:04}.MP4"
        clip = Clip(agency.serials[place], officer, datetime(2026, 11, 1, place), 2, seed=place)  # noqa: DTZ001 - a recorder has no zone
        write_clip(volume / name, clip)
    acquired = system.acquire(system.folder / "volume")
    assert acquired.exit_code == 0, acquired.errors
    system.stop_server()
    return sorted(line["evidence_id"] for line in acquired.sealed.values())


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)

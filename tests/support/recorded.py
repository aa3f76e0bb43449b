"""A running system with people and a few sealed recordings of every kind that a page of one must deal with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import urllib3

from chain_of_custody.identities import parse_shown_id
from ingest_server.demo.footage import Clip, write_clip
from tests.support.people import OFFICER, UNIT, People
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.people import Person

SERIAL = "3100457"
OWN = f"{SERIAL}_{OFFICER}20261123140320_0001.MP4"
ODD = f"{SERIAL}_01499920991123140320_0002.MP4"
LOG = "LOG/20261123.log"
REASON = {"purpose": "complaint", "basis": "TS-2026-0087", "reason": "how the seals were put on"}


@dataclass
class Recorded:
    """People, and the evidence ids of what was docked.

    Attributes:
        people: The running system.
        ids: Path on the volume to evidence id as people read it.
        contents: The same paths to the bytes that were docked.
    """

    people: People
    ids: dict[str, str]
    contents: dict[str, bytes]

    @property
    def own(self) -> str:
        """The recording of the registered officer, a real clip of three seconds."""
        return self.ids[f"DCIM/{OWN}"]

    @property
    def odd(self) -> str:
        """A file that is no media, claims another officer and a start in the future."""
        return self.ids[f"DCIM/{ODD}"]

    def open(self, person: Person, shown_id: str) -> str:
        """Give a reason, and return the media address on the page that follows."""
        answer = person.post(f"/recordings/{shown_id}/access", REASON)
        assert answer.status == 303, answer.data.decode()[:2000]
        page = person.read(f"/recordings/{shown_id}")
        return "/media/" + page.split("/media/")[1].split('"')[0] if "/media/" in page else self.grant(person, shown_id)

    def grant(self, person: Person, shown_id: str) -> str:
        """The media address of the newest grant, for what has no player."""
        with self.people.installation() as installation:
            row = installation.private.fetch_one(
                "select grant_id from grants where evidence_id = ? order by opened_at desc limit 1",
                parse_shown_id(shown_id),
            )
        assert row is not None
        return f"/media/{row['grant_id']}/{shown_id}"

    def change(self, person: Person, shown_id: str, act: str, fields: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Send one of the page's forms, with the version that the page shows now."""
        page = person.read(f"/recordings/{shown_id}")
        version = page.split('name="version" value="')[1].split('"')[0]
        return person.post(f"/recordings/{shown_id}/{act}", {"version": version, **fields})

    def refusals(self, shown_id: str) -> list[str]:
        """Why access to a recording was refused so far, from its own history."""
        with self.people.installation() as installation:
            entries = installation.ledger.subject_entries(parse_shown_id(shown_id))
        found = [
            entry.record.value("refusal") for entry in entries if entry.leaf.type == "request.refused" and entry.record
        ]
        return [str(refusal.get("why", refusal["code"])) for refusal in found if isinstance(refusal, dict)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A server on the directory store with people and sealed recordings."""
    folder = tmp_path_factory.mktemp("recorded")
    system = WholeSystem(folder)
    system.start_server("--no-worker")
    people = People(system)
    system.enrol()
    contents = _fill(folder / "volume")
    acquired = system.acquire(folder / "volume")
    assert acquired.exit_code == 0, acquired.errors
    ids = {path: line["evidence_id"] for path, line in acquired.sealed.items()}
    yield Recorded(people, ids, contents)
    system.stop_server()


def _fill(root: Path) -> dict[str, bytes]:
    (root / "DCIM").mkdir(parents=True)
    (root / "LOG").mkdir()
    write_clip(root / "DCIM" / OWN, Clip(SERIAL, OFFICER, datetime(2026, 11, 23, 14, 3, 20), 3, seed=1))  # noqa: DTZ001 - a recorder has no zone
    (root / "DCIM" / ODD).write_bytes(b"<html><script>alert(1)</script>" + b"x" * 3000)
    (root / LOG).write_bytes(b"")
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


__all__ = ["LOG", "ODD", "OWN", "REASON", "UNIT", "Recorded", "recorded"]

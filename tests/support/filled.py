"""A running system with people and recordings: three of the unit's officer, one of somebody else's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import parse_shown_id
from tests.support.people import OFFICER, People
from tests.support.recorder_volumes import fill_volume
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Filled:
    """People and what there is for them to look at.

    Attributes:
        own: Evidence ids of the unit's officer, as shown.
        foreign: Evidence id of an officer outside the unit, as shown.
    """

    people: People
    own: list[str]
    foreign: str

    @property
    def system(self) -> WholeSystem:
        """The running system."""
        return self.people.system

    def version(self, casefile: str) -> str:
        """A case file's version, as a form carries it."""
        with self.people.installation() as installation:
            head = installation.ledger.head(parse_shown_id(casefile))
        assert head is not None
        return str(head.version)

    def open_casefile(self, number: str, title: str = "Street vending inspection") -> str:
        """Open a case file as the administrator; gives its shown identity."""
        answer = self.people.as_role("evidence_administrator").post("/casefiles", {"number": number, "title": title})
        assert answer.status == 303, answer.data.decode()
        return str(answer.headers["location"]).rpartition("/")[2]

    def attach(self, casefile: str, *evidence_ids: str, stage: str = "investigation") -> None:
        """Attach recordings as the administrator."""
        fields = [("version", self.version(casefile)), ("stage", stage), ("reason", "on site")]
        fields += [("evidence_id", evidence_id) for evidence_id in evidence_ids]
        answer = self.people.as_role("evidence_administrator").post(f"/casefiles/{casefile}/attachments", fields)
        assert answer.status == 303, answer.data.decode()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A server on the directory store with registers, accounts, a dock and four recordings."""
    folder = tmp_path_factory.mktemp("filled")
    system = WholeSystem(folder)
    system.start_server()
    system.enrol()
    names = [f"DCIM/100MEDIA/3100457_{OFFICER}20261123140320_{n:04d}.MP4" for n in (1, 2, 3)]
    own = system.acquire(fill_volume(folder / "own", {name: os.urandom(40_000 + n) for n, name in enumerate(names)}))
    other = {"DCIM/100MEDIA/3100999_09999920261123150000_0001.MP4": os.urandom(30_000)}
    foreign = system.acquire(fill_volume(folder / "foreign", other))
    sealed = sorted(own.sealed.values(), key=lambda line: line["path"])
    yield Filled(
        People(system),
        [line["evidence_id"] for line in sealed],
        next(iter(foreign.sealed.values()))["evidence_id"],
    )
    system.stop_server()

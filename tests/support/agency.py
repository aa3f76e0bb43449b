"""An agency at work: real footage docked by the real agent, its people, and the worker that makes pictures of it."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ingest_server.demo.people import ACCOUNTS, UNIT, make_people
from ingest_server.demo.programs import Finished
from ingest_server.demo.recorders import RECORDERS, build_volumes
from tests.support.people import PASSWORD, Person
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKER_SECONDS = 180
OFFICER, ADMINISTRATOR, SUPERVISOR = (account.name for account in ACCOUNTS)
CLIPS = sum(len(recorder.clip_seconds) for recorder in RECORDERS)


@dataclass
class Agency:
    """A running system with what ``make demo`` makes: three officers' recorders docked, one account of each role.

    Attributes:
        system: The running system.
        own: Evidence ids of the officer's recordings, as shown.
        others: Evidence ids of the other officers' recordings, as shown.
    """

    system: WholeSystem
    own: list[str]
    others: list[str]

    def link(self, name: str) -> str:
        """A one-time link for an account, as its administrator hands it over."""
        return self.system.server("user", "link", name).stdout.strip().splitlines()[-1]

    def open_casefile(self, number: str, title: str) -> None:
        """Open a case file at the command line."""
        self.system.server("casefile", "add", number, "--title", title)

    def refuse(self, name: str, shown_id: str) -> None:
        """Let an officer ask for a colleague's recording, in vain; the account is made on the way."""
        officer = RECORDERS[1].officer
        link = self.system.server("user", "add", name, "--role", "officer", "--officer", officer).stdout.strip()
        person = Person(self.system.url, name)
        person.spend(link.splitlines()[-1], PASSWORD)
        answer = person.get(f"/recordings/{shown_id}")
        assert answer.status in {403, 404}, answer.status


def _dock(system: WholeSystem, volumes: list[Path]) -> dict[str, list[str]]:
    """Dock each volume; evidence ids by the recorder's folder."""
    system.enrol()
    docked = {}
    for volume in volumes:
        acquired = system.acquire(volume)
        assert acquired.exit_code == 0, acquired.errors
        docked[volume.name] = [acquired.sealed[path]["evidence_id"] for path in sorted(acquired.sealed)]
    return docked


def wait_for_worker(system: WholeSystem, clips: int) -> None:
    """Wait until the worker has looked into every clip and made its pictures."""
    deadline = time.monotonic() + WORKER_SECONDS
    while True:
        events = system.events()
        examined = {event["subject"] for event in events if event["type"] == "recording.examined"}
        pictured = {event["subject"] for event in events if event["type"] == "derivative.made"}
        if len(examined & pictured) >= clips:
            return
        assert time.monotonic() < deadline, f"the worker finished {len(examined & pictured)} of {clips}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    """The whole system with docked footage and its pictures."""
    folder = tmp_path_factory.mktemp("agency")
    system = WholeSystem(folder)
    volumes = build_volumes(folder / "recorders", datetime.now().astimezone(), Console(file=io.StringIO()))

    def server(*arguments: str) -> Finished:
        done = system.server(*arguments)
        return Finished(done.returncode, done.stdout)

    make_people(server)
    system.start_server(worker=True)
    try:
        docked = _dock(system, volumes)
        wait_for_worker(system, CLIPS)
        own = docked.pop(RECORDERS[0].serial)
        yield Agency(system, own, [shown for ids in docked.values() for shown in ids])
    finally:
        system.stop_server()


__all__ = ["ADMINISTRATOR", "OFFICER", "SUPERVISOR", "UNIT", "Agency", "agency"]

"""``serve`` keeps one worker beside it: started, started again when it dies, ended with it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from ingest_server.jobs.database import JobsDatabase
from tests.support.films import draw_black, write_film
from tests.support.received import list_events, receive
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def system(tmp_path: Path) -> Iterator[WholeSystem]:
    made = WholeSystem(tmp_path)
    made.start_server(worker=True)
    yield made
    if made.process is not None:
        made.stop_server()


def list_workers(system: WholeSystem) -> list[int]:
    with closing(JobsDatabase(system.data)) as jobs:
        return [row["pid"] for row in jobs.list_workers()]


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to be")


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_sealed_recording_is_looked_at_without_anybody_asking(system: WholeSystem, tmp_path: Path) -> None:
    from chain_of_custody.instants import utc_clock
    from ingest_server.installation import Installation

    film = write_film(tmp_path / "a.mp4", 8, draw_black)
    with Installation.open(system.data, utc_clock) as installation:
        receive(installation, film)
        wait_until(lambda: list_events(installation, "recording.examined"))
        assert len(list_events(installation, "derivative.made")) == 5
    [worker] = list_workers(system)
    assert system.process is not None
    with open(f"/proc/{system.process.pid}/status") as file:  # noqa: PTH123
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    assert resident < 250 * 1024
    assert system.stop_server() == 0
    assert not lives(worker)


def test_a_worker_that_dies_is_started_again(system: WholeSystem) -> None:
    [first] = wait_until(lambda: list_workers(system))
    os.kill(first, signal.SIGKILL)
    [second] = wait_until(lambda: [pid for pid in list_workers(system) if pid != first])
    assert second != first


def test_a_worker_ends_with_a_server_that_is_killed(system: WholeSystem) -> None:
    [worker] = wait_until(lambda: list_workers(system))
    system.stop_server(signal.SIGKILL)
    wait_until(lambda: not lives(worker))


def test_a_server_may_run_without_a_worker(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    system.start_server()
    time.sleep(1)
    assert not (system.data / "jobs.db").exists()
    system.stop_server()

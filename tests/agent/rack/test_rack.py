"""A rack of recorders under the daemon, with a real server: every slot tells the truth."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agent.daemon import Daemon
from agent.rack.board import SlotState
from agent.scanning import scan_volume
from tests.support.docks import copy_home, open_dock
from tests.support.recorder_volumes import fill_volume
from tests.support.running import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.rack.board import SlotView
    from agent.scanning import Scan
    from agent.volumes import Volume, VolumeIdentity
    from tests.support.whole_system import WholeSystem

__all__ = ["running"]

# The library warns where a folder appears while its parent is being added; nothing is missed by that.
pytestmark = pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")
RECORDERS = 20


@pytest.fixture(autouse=True)
def without_mounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is mounted on this machine is nobody's recorder."""
    monkeypatch.setattr("agent.watching.list_mounts", list)


@contextmanager
def run_daemon(system: WholeSystem, tmp_path: Path, slots: int) -> Iterator[tuple[Daemon, Path]]:
    """The daemon at work on a folder of volumes."""
    rack = tmp_path / "rack"
    rack.mkdir()
    with open_dock(copy_home(system, tmp_path / "home")) as dock:
        daemon = Daemon(dock, [rack], quiet_s=0.3, slots=slots)
        ended = threading.Event()
        thread = threading.Thread(target=daemon.run, args=(ended,))
        thread.start()
        try:
            yield daemon, rack
        finally:
            ended.set()
            thread.join(30)


def wait_for(daemon: Daemon, is_so: Callable[[tuple[SlotView, ...]], bool], seconds: float = 60) -> None:
    """Wait until the board is as it should be."""
    deadline = time.monotonic() + seconds
    version = -1
    while not is_so(daemon.board.read()[1]):
        assert time.monotonic() < deadline, daemon.board.read()[1]
        version = daemon.board.wait(version, 0.5)


def dock_recorder(rack: Path, number: int, files: int = 2) -> Path:
    """One more recorder stands in the rack."""
    return fill_volume(
        rack / f"KD{40000 + number}",
        {f"DCIM/100MEDIA/KD{40000 + number}_{n:04}.MP4": os.urandom(50_000 + n) for n in range(files)},
    )


def test_twenty_recorders_are_taken_at_once_and_each_slot_says_sealed(running: WholeSystem, tmp_path: Path) -> None:
    with run_daemon(running, tmp_path, 24) as (daemon, rack):
        for number in range(RECORDERS):
            dock_recorder(rack, number)
        wait_for(daemon, lambda slots: sum(slot.bytes_read > 0 for slot in slots) == RECORDERS)
        wait_for(daemon, lambda slots: sum(slot.state is SlotState.SEALED for slot in slots) == RECORDERS)
        slots = daemon.board.read()[1]
        assert all(slot.files_sealed == slot.files_total == 2 for slot in slots[:RECORDERS])
        shutil.rmtree(rack / "KD40000")
        wait_for(daemon, lambda slots: slots[0].state is SlotState.FREE)


def test_a_recorder_without_a_slot_waits_for_one(running: WholeSystem, tmp_path: Path) -> None:
    with run_daemon(running, tmp_path, 1) as (daemon, rack):
        first = dock_recorder(rack, 100)
        wait_for(daemon, lambda slots: slots[0].state is SlotState.SEALED)
        dock_recorder(rack, 101)
        time.sleep(1)
        assert daemon.board.read()[1][0].recorder == first.name
        shutil.rmtree(first)
        wait_for(daemon, lambda slots: slots[0].recorder == "KD40101" and slots[0].state is SlotState.SEALED)


def test_a_recorder_with_a_file_that_cannot_be_read_is_a_problem_and_the_others_are_not(
    running: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_one(volume: Volume, *, identity: VolumeIdentity) -> Scan:
        scan = scan_volume(volume, identity=identity)
        if volume.root.name == "KD40200":
            (volume.root / "DCIM/100MEDIA/KD40200_0001.MP4").unlink(missing_ok=True)
        return scan

    monkeypatch.setattr("agent.acquisition.scan_volume", lose_one)
    with run_daemon(running, tmp_path, 4) as (daemon, rack):
        dock_recorder(rack, 200, files=3)
        wait_for(daemon, lambda slots: slots[0].state is SlotState.PROBLEM)
        slot = daemon.board.read()[1][0]
        assert [(notice.code, notice.values) for notice in slot.notices] == [("FILES_NOT_READ", (("count", "1"),))]
        assert (slot.files_total, slot.files_sealed, slot.files_failed) == (3, 2, 1)
        dock_recorder(rack, 201)
        wait_for(daemon, lambda slots: slots[1].state is SlotState.SEALED)


def test_without_a_network_what_was_read_is_safe_here_and_sealed_once_it_is_back(
    running: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.daemon.PENDING_S", 1.0)
    with run_daemon(running, tmp_path, 4) as (daemon, rack):
        running.stop_server()
        try:
            dock_recorder(rack, 300)
            wait_for(daemon, lambda slots: slots[0].state is SlotState.SAFE_HERE and bool(slots[0].notices))
            assert [notice.code for notice in daemon.board.read()[1][0].notices] == ["WAITS_FOR_NETWORK"]
        finally:
            running.start_server()
        wait_for(daemon, lambda slots: slots[0].state is SlotState.SEALED)
        assert daemon.board.read()[1][0].files_sealed == 2

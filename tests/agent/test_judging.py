"""What a docking notices beside earlier ones: signed into its inventory, told to the person, shown on the board."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, cast

import pytest

from agent.acquisition import acquire_volume
from agent.rack.board import Board, SlotState
from agent.rack.slots import SlotReporter
from agent.scanning import scan_volume
from agent.volumes import open_volume
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.statements import Inventory, open_statement
from tests.support.docks import copy_home, open_dock
from tests.support.recorder_simulator import make_rack
from tests.support.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.dock import Dock
    from tests.support.whole_system import WholeSystem

__all__ = ["running"]


@pytest.fixture
def dock(running: WholeSystem, tmp_path: Path) -> Iterator[Dock]:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        yield dock


def read_last(dock: Dock, root: Path) -> Inventory:
    value = dock.journal.read_last_inventory(open_volume(root).source)
    assert value is not None
    return open_statement(parse_envelope(value), dock.key.public, Inventory)


def list_codes(inventory: Inventory) -> dict[str, str]:
    return {str(one["code"]): str(one["severity"]) for one in cast("tuple[dict[str, object], ...]", inventory.findings)}


def test_a_file_that_vanished_between_dockings_is_in_the_signed_inventory(dock: Dock, tmp_path: Path) -> None:
    [made] = make_rack(tmp_path / "rack", [None], families=["zfy"])
    assert acquire_volume(dock, made.root).summary.is_complete
    assert "FILE_GONE" not in list_codes(read_last(dock, made.root))
    first, *_ = sorted(made.root.rglob("*.MP4"))
    first.unlink()
    acquire_volume(dock, made.root)
    # It was sealed: nothing is lost but on the recorder.
    assert list_codes(read_last(dock, made.root))["FILE_GONE"] == "warning"
    acquire_volume(dock, made.root)
    assert "FILE_GONE" not in list_codes(read_last(dock, made.root))


def test_a_file_that_vanished_before_it_was_sealed_needs_a_person(dock: Dock, tmp_path: Path) -> None:
    [made] = make_rack(tmp_path / "rack", [None], families=["zfy"])
    acquire_volume(dock, made.root)
    # As if the first docking had failed at every file.
    source = open_volume(made.root).source
    dock.journal.tables.execute("update files set state = 'failed' where source = ?", [source])
    lost, *_ = sorted(made.root.rglob("*.MP4"))
    lost.unlink()
    board = Board(1)
    teller = SlotReporter(dock.reporter, board, 1)
    run = acquire_volume(dock.telling(teller), made.root)
    teller.conclude(run.summary, run.spooled, run.findings)
    assert list_codes(read_last(dock, made.root))["FILE_GONE"] == "error"
    [slot] = board.read()[1]
    assert slot.state is SlotState.PROBLEM
    assert ("FILE_GONE", "error") in {(notice.code, notice.severity) for notice in slot.notices}


def test_warnings_stand_on_the_board_and_leave_the_slot_sealed(dock: Dock, tmp_path: Path) -> None:
    [made] = make_rack(tmp_path / "rack", ["gap"], families=["zfy"])
    board = Board(1)
    teller = SlotReporter(dock.reporter, board, 1)
    run = acquire_volume(dock.telling(teller), made.root)
    teller.conclude(run.summary, run.spooled, run.findings)
    [slot] = board.read()[1]
    assert slot.state is SlotState.SEALED
    assert "SEQUENCE_GAP" in {notice.code for notice in slot.notices}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("clock-reset", "CLOCK_RESET"),
        ("overlap", "RECORDINGS_OVERLAP"),
        ("gap", "SEQUENCE_GAP"),
        ("link", "NOT_A_FILE"),
    ],
)
def test_a_simulated_fault_is_signed(dock: Dock, tmp_path: Path, fault: str, code: str) -> None:
    [made] = make_rack(tmp_path / "rack", [fault], families=["zfy"])
    run = acquire_volume(dock, made.root)
    assert run.summary.is_complete
    inventory = read_last(dock, made.root)
    assert code in list_codes(inventory)
    assert cast("dict[str, object]", inventory.clock["recorder"])["files"] is not None
    assert len(scan_volume(open_volume(made.root)).found) == made.files


def test_what_this_dock_cleared_is_not_missing(dock: Dock, tmp_path: Path) -> None:
    [made] = make_rack(tmp_path / "rack", [None], families=["zfy"])
    acquire_volume(dock, made.root)
    source = open_volume(made.root).source
    dock.journal.tables.execute("update files set state = 'cleared' where source = ?", [source])
    shutil.rmtree(made.root)
    os.makedirs(made.root)  # noqa: PTH103 - the same folder, emptied
    acquire_volume(dock, made.root)
    assert "FILE_GONE" not in list_codes(read_last(dock, made.root))

"""What a slot tells of its docking, and which slot a volume takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.progress import Reporter, Summary
from agent.rack.board import Board, SlotState, SlotView
from agent.rack.slots import Rack, SlotReporter


@pytest.fixture
def board() -> Board:
    return Board(2)


@pytest.fixture
def teller(board: Board) -> SlotReporter:
    teller = SlotReporter(Reporter(as_json=True), board, 2)
    teller.begin("d" * 32, "KD40188", 300, 3)
    return teller


def read(board: Board) -> SlotView:
    return board.read()[1][1]


def test_a_docking_is_read_then_sent_then_sealed(board: Board, teller: SlotReporter) -> None:
    assert (read(board).state, read(board).recorder, read(board).files_total) == (SlotState.READING, "KD40188", 3)
    for name in (b"a", b"b", b"c"):
        teller.note_bytes("d" * 32, 100)
        teller.show_state(name, "uploaded", size=100)
    assert (read(board).state, read(board).files_read, read(board).bytes_read) == (SlotState.SENDING, 3, 300)
    for name in (b"a", b"b", b"c"):
        teller.show_state(name, "sealed", size=100)
    teller.conclude(Summary(found=3, sealed=3), 0)
    slot = read(board)
    assert (slot.state, slot.files_sealed, slot.bytes_sealed, slot.notices) == (SlotState.SEALED, 3, 300, ())
    assert board.read()[1][0] == SlotView(1)


def test_what_stands_in_the_spool_while_nobody_answers_is_safe_here(board: Board) -> None:
    is_offline = [True]
    teller = SlotReporter(Reporter(as_json=True), board, 2, lambda: is_offline[0])
    teller.begin("d" * 32, "KD40188", 200, 2)
    teller.show_state(b"a", "acquired", size=100)
    assert read(board).state is SlotState.READING
    teller.show_state(b"b", "acquired", size=100)
    assert read(board).state is SlotState.SAFE_HERE
    is_offline[0] = False
    teller.show_state(b"a", "uploaded", size=100)
    assert read(board).state is SlotState.SENDING


@pytest.mark.parametrize(
    ("summary", "spooled", "state", "codes"),
    [
        (Summary(found=2, sealed=1, failed=1), 0, SlotState.PROBLEM, ["FILES_NOT_READ"]),
        (Summary(found=2, sealed=1, waiting=1), 0, SlotState.PROBLEM, ["FILES_ONLY_ON_RECORDER"]),
        (Summary(found=2, sealed=1, waiting=1), 1, SlotState.SAFE_HERE, ["WAITS_FOR_NETWORK"]),
        (Summary(found=3, waiting=2, failed=1), 1, SlotState.PROBLEM, ["FILES_NOT_READ", "FILES_ONLY_ON_RECORDER"]),
        (Summary(), 0, SlotState.PROBLEM, ["NOTHING_FOUND"]),
        (Summary(found=2, already_sealed=2), 0, SlotState.SEALED, []),
    ],
)
def test_only_a_recorder_whose_files_are_all_sealed_may_be_taken(
    board: Board, teller: SlotReporter, summary: Summary, spooled: int, state: SlotState, codes: list[str]
) -> None:
    teller.conclude(summary, spooled)
    assert (read(board).state, [notice.code for notice in read(board).notices]) == (state, codes)


def test_a_file_told_twice_counts_once(board: Board, teller: SlotReporter) -> None:
    teller.show_state(b"a", "sealed", size=100)
    teller.show_state(b"a", "sealed", size=100)
    teller.show_state(b"b", "failed", size=100, error="bad sector")
    assert (read(board).files_sealed, read(board).bytes_sealed, read(board).files_failed) == (1, 100, 1)


def test_a_volume_keeps_its_slot_and_a_new_one_takes_the_lowest_that_is_free() -> None:
    rack = Rack(2)
    one, two, three = Path("/one"), Path("/two"), Path("/three")
    assert [rack.take(one), rack.take(two), rack.take(one), rack.take(three)] == [1, 2, 1, None]
    rack.free(1)
    assert rack.take(three) == 1
    assert rack.list_taken() == [(1, three), (2, two)]

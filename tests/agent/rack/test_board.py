from __future__ import annotations

import threading

from agent.rack.board import Board, SlotState, SlotView


def test_a_board_begins_with_free_slots() -> None:
    _, slots = Board(3).read()
    assert [(slot.number, slot.state) for slot in slots] == [(n, SlotState.FREE) for n in (1, 2, 3)]


def test_what_was_read_does_not_change_afterwards() -> None:
    board = Board(1)
    version, (before,) = board.read()
    board.change(1, state=SlotState.READING, files_total=7)
    assert before == SlotView(1)
    later, (after,) = board.read()
    assert later > version
    assert (after.state, after.files_total) == (SlotState.READING, 7)


def test_who_waits_is_woken_by_a_change() -> None:
    board = Board(1)
    version, _ = board.read()
    seen: list[int] = []
    waiting = threading.Thread(target=lambda: seen.append(board.wait(version, 20)))
    waiting.start()
    board.change(1, is_urgent=True)
    waiting.join(20)
    assert seen == [version + 1]


def test_who_waits_in_vain_gets_the_version_it_has() -> None:
    board = Board(1)
    assert board.wait(0, 0.01) == 0

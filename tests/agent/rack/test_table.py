"""The terminal's table says what each slot is doing, whatever its recorder is called."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agent.rack.board import Board, Notice, SlotState
from agent.rack.table import make_table


def draw(board: Board) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(make_table(board.read()[1]))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_each_state_has_words_and_free_slots_are_counted() -> None:
    board = Board(6)
    for number, state in enumerate((state for state in SlotState if state is not SlotState.FREE), 1):
        board.change(number, state=state, recorder=f"KD{number}", files_total=9, files_sealed=number, seconds_left=130)
    shown = draw(board)
    for words in ("reading", "正在读取", "sealed", "可以取走", "1/9", "3 min", "1 slots are free"):
        assert words in shown


def test_a_notice_says_what_to_do() -> None:
    board = Board(1)
    board.change(1, state=SlotState.PROBLEM, notices=(Notice("FILES_NOT_READ", "error", (("count", "2"),)),))
    assert "2 files could not be read" in draw(board)


@given(st.text(max_size=60))
def test_a_hostile_name_draws_nothing_of_its_own(name: str) -> None:
    board = Board(1)
    board.change(1, state=SlotState.READING, recorder=name)
    shown = draw(board)
    assert "\x1b" not in shown
    assert "reading" in shown

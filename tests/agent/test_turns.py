from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import agent.turns
from agent.turns import AT_ONCE, BACKLOG, SealingTurns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Callers:
    """Threads that ask for turns one after another, and hold them until the test lets go."""

    def __init__(self, turns: SealingTurns) -> None:
        self.turns = turns
        self.begun: list[int] = []
        self.let_go = threading.Event()
        self.threads: list[threading.Thread] = []

    def ask(self, count: int) -> None:
        for _ in range(count):
            number = len(self.threads)
            asked = len(self.turns._waiting) + self.turns._running
            thread = threading.Thread(target=self._hold_turn, args=(number,))
            self.threads.append(thread)
            thread.start()
            wait_until(lambda before=asked: len(self.turns._waiting) + self.turns._running > before)  # type: ignore[misc]

    def _hold_turn(self, number: int) -> None:
        with self.turns.take():
            self.begun.append(number)
            self.let_go.wait(20)

    def end(self) -> None:
        self.turns.note_reading(is_reading=False)
        self.let_go.set()
        for thread in self.threads:
            thread.join(20)


def wait_until(is_so: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(2000):
        if is_so():
            return
        tick.wait(0.005)
    raise AssertionError("it never came to be so")


@pytest.fixture
def rested() -> list[float]:
    return [0.0]


@pytest.fixture
def callers(rested: list[float]) -> Iterator[Callers]:
    callers = Callers(SealingTurns(lambda: rested[0]))
    yield callers
    callers.end()


def test_nobody_has_a_turn_while_files_are_sent(callers: Callers) -> None:
    callers.ask(BACKLOG)
    threading.Event().wait(0.3)
    assert callers.begun == []


def test_the_first_that_asked_goes_first_when_too_many_wait(callers: Callers) -> None:
    callers.ask(BACKLOG + 1)
    wait_until(lambda: callers.begun == [0])


def test_senders_that_rest_make_room(callers: Callers, rested: list[float]) -> None:
    callers.ask(3)
    rested[0] = 60.0
    wait_until(lambda: callers.begun == [0, 1])
    threading.Event().wait(0.3)
    assert len(callers.begun) == AT_ONCE


def test_after_the_last_file_is_read_nobody_waits_for_the_senders(callers: Callers) -> None:
    callers.ask(3)
    callers.turns.note_reading(is_reading=False)
    callers.let_go.set()
    wait_until(lambda: callers.begun == [0, 1, 2])


def test_nobody_waits_for_long(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.turns, "LONGEST_WAIT_S", 0.2)
    callers.ask(1)
    wait_until(lambda: callers.begun == [0])


def test_a_turn_that_ends_badly_is_given_back(rested: list[float]) -> None:
    turns = SealingTurns(lambda: 60.0)
    for _ in range(AT_ONCE + 1):
        with pytest.raises(ValueError), turns.take():  # noqa: PT011 - the very error raised inside
            raise ValueError

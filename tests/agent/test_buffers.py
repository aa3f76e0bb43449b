from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.buffers import MAX_PARTS, PART_SIZE, BufferPool, choose_part_size


@given(st.integers(min_value=0, max_value=1 << 50))
def test_every_file_fits_into_the_allowed_number_of_parts(size: int) -> None:
    part_size = choose_part_size(size)
    assert part_size >= PART_SIZE
    assert -(-size // part_size) <= MAX_PARTS


def test_parts_are_16_mib_as_long_as_10000_of_them_suffice() -> None:
    assert choose_part_size(PART_SIZE * MAX_PARTS) == PART_SIZE
    assert choose_part_size(PART_SIZE * MAX_PARTS + 1) == PART_SIZE + 1024 * 1024


def test_a_buffer_that_comes_back_is_lent_again() -> None:
    pool = BufferPool(2)
    buffer = pool.take(10)
    pool.give_back(buffer)
    assert pool.take(PART_SIZE) is buffer


@pytest.mark.parametrize("first", [PART_SIZE, 3 * PART_SIZE])
def test_who_wants_a_buffer_waits_while_all_are_lent(first: int) -> None:
    pool = BufferPool(1)
    lent = pool.take(first)
    got = threading.Event()
    waiting = threading.Thread(target=lambda: (pool.take(PART_SIZE), got.set()))
    waiting.start()
    assert not got.wait(0.1)
    pool.give_back(lent)
    assert got.wait(5)
    waiting.join()


def test_a_part_larger_than_the_pool_is_lent_alone() -> None:
    pool = BufferPool(2)
    buffer = pool.take(5 * PART_SIZE)
    assert len(buffer) == 5 * PART_SIZE
    pool.give_back(buffer)
    assert len(pool.take(1)) == PART_SIZE


def test_turns_are_given_in_the_order_they_were_asked_for() -> None:
    pool = BufferPool(1)
    lent = pool.take(PART_SIZE)
    served: list[int] = []
    waiting: list[threading.Thread] = []

    def take_turn(number: int) -> None:
        buffer = pool.take(PART_SIZE)
        served.append(number)
        pool.give_back(buffer)

    for number in range(6):
        thread = threading.Thread(target=take_turn, args=(number,))
        thread.start()
        while len(pool._queue) <= number:
            threading.Event().wait(0.001)
        waiting.append(thread)
    pool.give_back(lent)
    for thread in waiting:
        thread.join(10)
    assert served == list(range(6))

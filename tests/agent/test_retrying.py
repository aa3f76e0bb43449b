from __future__ import annotations

import threading
import time

import pytest

from agent.errors import RefusedError, UnreachableError
from agent.retrying import STORE, Patience


class Flaky:
    """Does not answer the first times."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise UnreachableError("down")
        return "answer"


def test_what_does_not_answer_is_asked_again() -> None:
    told: list[str] = []
    assert Patience(5, told.append).run(Flaky(2)) == "answer"
    assert len(told) == 1


def test_what_was_refused_is_not_asked_again() -> None:
    call = Flaky(0)

    def refuse() -> str:
        call()
        raise RefusedError(403, "dock_revoked", "revoked")

    with pytest.raises(RefusedError):
        Patience(5).run(refuse)
    assert call.calls == 1


def test_the_patience_is_one_for_all_calls_to_a_peer() -> None:
    patience = Patience(0.3)
    with pytest.raises(UnreachableError):
        patience.run(Flaky(1000))
    call = Flaky(1000)
    with pytest.raises(UnreachableError):
        patience.run(call)
    assert call.calls == 1


def test_an_unreachable_store_does_not_use_up_the_servers_patience() -> None:
    patience = Patience(0.2)
    with pytest.raises(UnreachableError):
        patience.run(Flaky(1000), STORE)
    assert patience.run(Flaky(1)) == "answer"


def test_an_answer_renews_the_patience() -> None:
    patience = Patience(0.3)
    with pytest.raises(UnreachableError):
        patience.run(Flaky(1000))
    patience.run_once(Flaky(0))
    assert patience.run(Flaky(1)) == "answer"


def test_one_try_waits_for_nobody_but_begins_the_waiting() -> None:
    patience = Patience(0.1)
    call = Flaky(1000)
    with pytest.raises(UnreachableError):
        patience.run_once(call)
    assert call.calls == 1
    time.sleep(0.15)
    with pytest.raises(UnreachableError):
        patience.run(call)
    assert call.calls == 2


def test_a_stopped_run_waits_no_more() -> None:
    patience = Patience(60)
    threading.Timer(0.1, patience.end).start()
    started = time.monotonic()
    with pytest.raises(UnreachableError):
        patience.run(Flaky(100_000))
    assert time.monotonic() - started < 10
    assert patience.is_ended

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent.steps import CLEARING_STEPS, STEPS, reached

if TYPE_CHECKING:
    from pathlib import Path


def test_without_a_plan_nothing_happens() -> None:
    reached("no such step")


def test_an_unknown_step_is_our_own_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVIDOCK_STEP_LOG", str(tmp_path / "log"))
    with pytest.raises(AssertionError):
        reached("no such step")


def test_steps_are_written_down_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVIDOCK_STEP_LOG", str(tmp_path / "log"))
    for step in STEPS[:2]:
        reached(step)
    assert (tmp_path / "log").read_text().split() == list(STEPS[:2])


def test_the_kill_comes_at_the_step_and_time_that_was_planned() -> None:
    code = f"from agent.steps import reached\nfor n in range(3): print(n, flush=True); reached({STEPS[0]!r})"
    killed = subprocess.run(
        [sys.executable, "-c", code],
        env={"EVIDOCK_KILL_AT": f"{STEPS[0]}:2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.split() == ["0", "1"]


def test_clearing_has_steps_of_its_own() -> None:
    assert set(CLEARING_STEPS) < set(STEPS)

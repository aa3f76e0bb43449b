"""The command line as people and programs meet it: exit codes, what stands on which stream, one process a home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.docks import copy_home
from tests.support.running import running
from tests.support.whole_system import BIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.whole_system import WholeSystem

__all__ = ["running"]


@pytest.fixture
def home(running: WholeSystem, tmp_path: Path) -> Path:
    return copy_home(running, tmp_path / "home")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / f"volume-{os.urandom(3).hex()}"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(os.urandom(1000))
    return folder


def test_json_lines_have_exactly_the_members_that_programs_rely_on(
    running: WholeSystem, home: Path, volume: Path
) -> None:
    acquired = running.acquire(volume, home=home)
    *lines, last = acquired.lines
    expected = {"path", "path_b64", "state", "size", "digests", "evidence_id", "error"}
    assert all(line.keys() == expected for line in lines)
    assert [line["state"] for line in lines] == ["acquired", "uploaded", "sealed"]
    assert last.keys() == {"summary"}
    assert last["summary"].keys() == {
        "found", "sealed", "already_sealed", "failed", "waiting", "cleared", "bytes", "seconds",
    }  # fmt: skip
    assert (last["summary"]["found"], last["summary"]["bytes"]) == (1, 1000)


def test_a_file_sealed_earlier_is_one_line(running: WholeSystem, home: Path, volume: Path) -> None:
    first = running.acquire(volume, home=home)
    again = running.acquire(volume, home=home)
    assert [(line["state"], line["already"]) for line in again.lines[:-1]] == [("sealed", True)]
    assert again.lines[0]["evidence_id"] == first.lines[-2]["evidence_id"]


def test_people_get_sentences_and_no_json(running: WholeSystem, home: Path, volume: Path) -> None:
    finished = running.run("dock-agent", "acquire", volume, "--home", home)
    assert "1 of 1 files sealed" in finished.stdout
    assert "可取走记录仪" in finished.stdout
    assert "{" not in finished.stdout


def test_an_empty_volume_is_complete(running: WholeSystem, home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    acquired = running.acquire(tmp_path / "empty", home=home)
    assert (acquired.exit_code, acquired.summary["found"]) == (0, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["acquire"],
        ["acquire", "/nowhere/at/all", "--home", "h"],
        ["enrol", "--server", "x"],
        ["fly"],
        ["run", "--watch"],
    ],
)
def test_wrong_usage_is_exit_code_2(running: WholeSystem, arguments: list[str]) -> None:
    assert running.run("dock-agent", *arguments, check=False).returncode == 2


@pytest.mark.parametrize("command", ["acquire", "status", "doctor"])
def test_a_home_that_is_not_enrolled_is_one_line_and_exit_code_1(
    running: WholeSystem, tmp_path: Path, command: str
) -> None:
    path = [tmp_path] if command == "acquire" else []
    refused = running.run("dock-agent", command, *path, "--home", tmp_path / "none", check=False)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert refused.stdout == ""


def test_a_second_agent_on_one_home_is_refused_and_status_still_answers(
    running: WholeSystem, home: Path, volume: Path, tmp_path: Path
) -> None:
    (tmp_path / "watched").mkdir()
    command = [str(BIN / "dock-agent"), "run", "--home", str(home), "--watch", str(tmp_path / "watched")]
    at_work = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert at_work.stderr is not None
        assert "watching" in at_work.stderr.readline()
        second = running.acquire(volume, home=home)
        assert second.exit_code == 1
        assert "another dock-agent is working" in second.errors
        assert running.run("dock-agent", "status", "--home", home).returncode == 0
        assert running.run("dock-agent", "doctor", "--home", home).returncode == 0
    finally:
        at_work.send_signal(signal.SIGTERM)
        assert at_work.wait(timeout=20) == 0
        assert at_work.stderr is not None
        at_work.stderr.close()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_person_who_stops_it_is_told_what_is_safe(home: Path, volume: Path, sign: signal.Signals) -> None:
    with (volume / "long.mp4").open("wb") as file:
        file.truncate(6 << 30)
    command = [str(BIN / "dock-agent"), "acquire", str(volume), "--home", str(home), "--json"]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    # The short file was read, so the agent is at the long one, which takes it seconds.
    assert json.loads(agent.stdout.readline())["state"] == "acquired"
    agent.send_signal(sign)
    output, errors = agent.communicate(timeout=60)
    assert agent.returncode == 1
    assert "stopped; what was sealed is sealed" in errors
    summary = json.loads(output.splitlines()[-1])["summary"]
    assert summary["found"] == 2
    assert summary["waiting"] == 2 - summary["sealed"] >= 1

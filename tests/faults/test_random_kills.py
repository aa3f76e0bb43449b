"""Server and agent are killed at every step and at random; nothing is lost, doubled or falsely called sealed.

Each kill is SIGKILL at a named step, so it hits a program at work; the step and the seed are printed. The long form:
``EVIDOCK_KILLS=1000``; the same run again: ``EVIDOCK_SEED=…``.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from agent.steps import CLEARING_STEPS
from agent.steps import STEPS as AGENT_STEPS
from ingest_server.steps import STEPS as SERVER_STEPS
from tests.support.whole_system import BIN, WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = int(os.environ.get("EVIDOCK_KILLS", "110"))
SEED = int(os.environ.get("EVIDOCK_SEED", random.SystemRandom().randrange(1 << 32)))
PART = 16 * 1024 * 1024
SIZES = (0, 1, 4_096, 300_000, PART, PART + 1)
WAIT_S = 60
KILLS_A_VOLUME = 6


class KillRun:
    """One system that is killed again and again while new files keep coming."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.system = WholeSystem(folder)
        self.volumes: list[Path] = []
        self.files: Counter[Path] = Counter()
        self.kills = 0
        self.hits: Counter[str] = Counter()

    @property
    def volume(self) -> Path:
        """The recorder that is docked now."""
        return self.volumes[-1]

    def add_files(self) -> None:
        """Two more files appear on the recorder; after a few kills another recorder is docked."""
        if self.kills % KILLS_A_VOLUME == 0:
            self.volumes.append(self.system.folder / f"recorder-{len(self.volumes)}")
            self.volume.mkdir()
        self.kills += 1
        for _ in range(2):
            self.files[self.volume] += 1
            data = self.random.randbytes(self.random.choice(SIZES))
            (self.volume / f"{self.files[self.volume]:05d}.mp4").write_bytes(data)

    def kill_agent(self, step: str, occurrence: int) -> bool:
        """Dock the volume with an agent that dies at a step; say whether it did."""
        plan = {"EVIDOCK_KILL_AT": f"{step}:{occurrence}"}
        return self.system.acquire(self.volume, env=plan).exit_code == -signal.SIGKILL

    def kill_server(self, step: str, occurrence: int) -> bool:
        """Dock the volume at a server that dies at a step and comes back; say whether it died."""
        self.system.stop_server()
        self.system.start_server(env={"EVIDOCK_KILL_AT": f"{step}:{occurrence}"})
        server = self.system.process
        assert server is not None
        agent = subprocess.Popen(
            [BIN / "dock-agent", "acquire", self.volume, "--home", self.system.home, "--json", "--wait", str(WAIT_S)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=lambda: (agent.wait(), server.terminate()), daemon=True).start()
        was_killed = server.wait() == -signal.SIGKILL
        self.system.stop_server()
        self.system.start_server()
        _, errors = agent.communicate(timeout=240)
        assert agent.returncode == 0 or not was_killed, errors.decode()
        return was_killed

    def finish(self, volume: Path) -> None:
        """Dock once more without a kill: everything found must end sealed."""
        acquired = self.system.acquire(volume)
        assert acquired.exit_code == 0, [
            line["path"] + ": " + line["error"] for line in acquired.lines if line.get("error")
        ] or acquired.errors
        summary = acquired.summary
        assert summary["sealed"] + summary["already_sealed"] == summary["found"] == self.files[volume]

    def kill_once(self, step: str, occurrence: int) -> bool:
        """Kill whoever knows the step, then finish."""
        self.add_files()
        kill = self.kill_agent if step in AGENT_STEPS else self.kill_server
        was_hit = kill(step, occurrence)
        print(f"kill {sum(self.hits.values()) + was_hit}: {step}:{occurrence} {'hit' if was_hit else 'not reached'}")
        self.hits[step] += was_hit
        self.finish(self.volume)
        return was_hit


@pytest.fixture
def kill_run(tmp_path: Path) -> Iterator[KillRun]:
    print(f"EVIDOCK_SEED={SEED}")
    run = KillRun(tmp_path, SEED)
    run.system.start_server()
    run.system.enrol()
    yield run
    run.system.stop_server()


@pytest.mark.faults
@pytest.mark.timeout(max(1800, KILLS * 20))
def test_random_kills_lose_nothing_and_double_nothing(kill_run: KillRun) -> None:
    steps = [step for step in (*AGENT_STEPS, *SERVER_STEPS) if step not in CLEARING_STEPS]
    for step in steps:
        kill_run.kill_once(step, 1)
    while sum(kill_run.hits.values()) < KILLS:
        kill_run.kill_once(kill_run.random.choice(steps), kill_run.random.choice((1, 1, 1, 2, 3)))

    for volume in kill_run.volumes:
        kill_run.finish(volume)
    missed = [step for step in steps if not kill_run.hits[step]]
    assert not missed, f"never hit: {missed}"
    received = [event for event in kill_run.system.events() if event["type"] == "recording.received"]
    assert len(received) == len({event["subject"] for event in received}) == kill_run.files.total()
    kill_run.system.server("catalogue", "check")
    kill_run.system.server("fixity")
    kill_run.system.run("custody", "fsck", kill_run.system.data, "--vkey", kill_run.system.vkey)

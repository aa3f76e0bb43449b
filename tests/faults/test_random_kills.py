"""Server and agent are killed at every step and at random; nothing is lost, doubled or falsely called sealed.

Each kill is SIGKILL at a named step, so it hits a program at work; the step and the seed are printed. The long form:
``EVIDOCK_KILLS=1000``; the same run again: ``EVIDOCK_SEED=…``.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import pytest

from agent.steps import CLEARING_STEPS
from agent.steps import STEPS as AGENT_STEPS
from chain_of_custody.identities import parse_shown_id
from ingest_server.steps import STEPS as SERVER_STEPS
from tests.support.whole_system import BIN, Acquired, WholeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KILLS = int(os.environ.get("EVIDOCK_KILLS", "110"))
SEED = int(os.environ.get("EVIDOCK_SEED", random.SystemRandom().randrange(1 << 32)))
PART = 16 * 1024 * 1024
SIZES = (0, 1, 4_096, 300_000, PART, PART + 1)
WAIT_S = 60
KILLS_A_VOLUME = 6


class KillRun:
    """One system that is killed again and again while new files keep coming."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None]) -> None:
        self.say = say
        self.random = random.Random(seed)
        self.system = WholeSystem(folder)
        self.volumes: list[Path] = []
        self.written: dict[Path, str] = {}
        self.claimed: set[str] = set()
        self.cleared = 0
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
            self.write_file(self.random.randbytes(self.random.choice(SIZES)))

    def write_file(self, data: bytes) -> Path:
        """One more file on the recorder, whose bytes are kept in mind."""
        path = self.volume / f"{len(self.written):05d}.mp4"
        path.write_bytes(data)
        self.written[path] = hashlib.sha256(data).hexdigest()
        return path

    def acquire(self, volume: Path, *arguments: str, env: dict[str, str] | None = None) -> Acquired:
        """Dock a volume, and hold every claim to have sealed something against what was written."""
        acquired = self.system.acquire(volume, *arguments, env=env)
        self.judge_claims(volume, acquired)
        return acquired

    def judge_claims(self, volume: Path, acquired: Acquired) -> None:
        """What is called sealed is what was written; that it was received is seen at the end."""
        for name, line in acquired.sealed.items():
            assert line["digests"]["sha2-256"] == self.written[volume / name], f"a false 'sealed': {line}"
            self.claimed.add(parse_shown_id(line["evidence_id"]))

    def kill_agent(self, step: str, occurrence: int) -> bool:
        """Dock the volume with an agent that dies at a step; say whether it did."""
        plan = {"EVIDOCK_KILL_AT": f"{step}:{occurrence}"}
        if step in CLEARING_STEPS or step == "file.kept":
            policy = "deny" if step == "file.kept" else "allow"
            self.system.server("policy", "set", "clearing.directory", policy, "--reason", "kills")
            return self.acquire(self.volume, "--clear", env=plan).exit_code == -signal.SIGKILL
        with self.growing() if step == "file.failed" else nullcontext():
            return self.acquire(self.volume, env=plan).exit_code == -signal.SIGKILL

    @contextmanager
    def growing(self) -> Iterator[None]:
        """A file of the recorder is still written to, so that its reading fails."""
        path, ended = self.write_file(b""), threading.Event()

        def grow() -> None:
            with path.open("ab", buffering=0) as file:
                while not ended.wait(0.0005):
                    file.write(b"grows")

        writer = threading.Thread(target=grow)
        writer.start()
        try:
            yield
        finally:
            ended.set()
            writer.join()
            self.written[path] = hashlib.sha256(path.read_bytes()).hexdigest()

    def kill_server(self, step: str, occurrence: int) -> bool:
        """Dock the volume at a server that dies at a step and comes back; say whether it died."""
        self.system.stop_server()
        self.system.start_server(env={"EVIDOCK_KILL_AT": f"{step}:{occurrence}"})
        server = self.system.process
        assert server is not None
        agent = subprocess.Popen(
            [BIN / "dock-agent", "acquire", self.volume, "--home", self.system.home, "--json", "--wait", str(WAIT_S)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=lambda: (agent.wait(), server.terminate()), daemon=True).start()
        was_killed = server.wait() == -signal.SIGKILL
        self.system.stop_server()
        self.system.start_server()
        output, errors = agent.communicate(timeout=240)
        self.judge_claims(self.volume, Acquired(agent.returncode, output, errors))
        assert agent.returncode == 0 or not was_killed, errors
        return was_killed

    def finish(self, volume: Path, *arguments: str) -> None:
        """Dock once more without a kill: everything found must end sealed."""
        on_card = len(list(volume.iterdir()))
        acquired = self.acquire(volume, *arguments)
        assert acquired.exit_code == 0, [
            line["path"] + ": " + line["error"] for line in acquired.lines if line.get("error")
        ] or acquired.errors
        summary = acquired.summary
        assert summary["sealed"] + summary["already_sealed"] == summary["found"] == on_card

    def finish_clearing(self, before: int) -> None:
        """Dock once more without a kill: what was on the recorder before is sealed and gone."""
        self.finish(self.volume, "--clear")
        assert not list(self.volume.iterdir())
        self.cleared += before

    def kill_once(self, step: str, occurrence: int) -> bool:
        """Kill whoever knows the step, then finish."""
        self.add_files()
        before = len(list(self.volume.iterdir()))
        kill = self.kill_agent if step in AGENT_STEPS else self.kill_server
        was_hit = kill(step, occurrence)
        self.say(f"kill {sum(self.hits.values()) + was_hit}: {step}:{occurrence} {'hit' if was_hit else 'not reached'}")
        self.hits[step] += was_hit
        if step in CLEARING_STEPS:
            self.finish_clearing(before)
        else:
            self.finish(self.volume)
        return was_hit


@pytest.fixture
def kill_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[KillRun]:
    def say(line: str) -> None:
        # Printed also where the run passes and pytest keeps everybody else's output to itself.
        with capsys.disabled():
            print(line, flush=True)

    say(f"\nEVIDOCK_SEED={SEED}")
    run = KillRun(tmp_path, SEED, say)
    run.system.start_server()
    run.system.enrol()
    yield run
    run.system.stop_server()


@pytest.mark.faults
@pytest.mark.timeout(max(1800, KILLS * 20))
def test_random_kills_lose_nothing_and_double_nothing(kill_run: KillRun) -> None:
    steps = (*AGENT_STEPS, *SERVER_STEPS)
    for step in steps:
        kill_run.kill_once(step, 1)
    while sum(kill_run.hits.values()) < KILLS:
        kill_run.kill_once(kill_run.random.choice(steps), kill_run.random.choice((1, 1, 1, 2, 3)))

    for volume in kill_run.volumes:
        kill_run.finish(volume)
    missed = [step for step in steps if not kill_run.hits[step]]
    assert not missed, f"never hit: {missed}"
    events = kill_run.system.events()
    received = [event["subject"] for event in events if event["type"] == "recording.received"]
    assert len(received) == len(set(received)) == len(kill_run.written)
    assert kill_run.claimed == set(received)
    cleared = [event["subject"] for event in events if event["type"] == "recording.cleared"]
    assert len(cleared) == len(set(cleared)) == kill_run.cleared
    kill_run.system.server("catalogue", "check")
    kill_run.system.server("fixity")
    kill_run.system.run("custody", "fsck", kill_run.system.data, "--vkey", kill_run.system.vkey)
    kill_run.system.run("dock-agent", "doctor", "--home", kill_run.system.home)

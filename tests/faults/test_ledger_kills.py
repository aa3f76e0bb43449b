"""Eight processes append to one ledger while whoever holds the sequencer lock is killed, again and again."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from chain_of_custody.fsck import check_ledger
from chain_of_custody.instants import utc_clock
from tests.support.ledgers import create_ledger, open_ledger

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 8
KILLS = int(os.environ.get("EVIDOCK_LEDGER_KILLS", "16"))
pytestmark = pytest.mark.faults


class Crew:
    """The appending processes; what each said is kept when it dies."""

    def __init__(self, folder, logs):
        self.folder = folder
        self.logs = logs
        self.running = []
        self.ended = []
        for _ in range(PROCESSES):
            self.start()

    def start(self):
        log = (self.logs / f"{len(self.running) + len(self.ended)}-{time.monotonic_ns()}").open("wb")
        self.running.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.ledger_worker", str(self.folder), "0", "2"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
            )
        )
        log.close()

    def find_holder(self):
        """The process that holds ``flock`` on the lock file, as the kernel says it."""
        inode = (self.folder / "ledger.lock").stat().st_ino
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            if found := re.search(rf"FLOCK\s+ADVISORY\s+WRITE (\d+) [0-9a-f:]+:{inode} ", line):
                return next((one for one in self.running if one.pid == int(found[1])), None)
        return None

    def kill_holder(self):
        holder = None
        deadline = time.monotonic() + 30
        while holder is None:
            assert time.monotonic() < deadline, "nobody holds the sequencer lock"
            holder = self.find_holder()
        holder.send_signal(signal.SIGKILL)
        assert holder.wait(30) == -signal.SIGKILL
        self.running.remove(holder)
        self.ended.append(holder)
        holder.stdin.close()
        self.start()

    def wait_for_acks(self, count):
        deadline = time.monotonic() + 60
        while len(self.read("ack")) < count:
            assert time.monotonic() < deadline, "nobody takes over"
            time.sleep(0.01)

    def finish(self):
        for process in self.running:
            process.stdin.close()
        assert [process.wait(60) for process in self.running] == [0] * PROCESSES

    def read(self, word):
        lines = [line for log in self.logs.iterdir() for line in log.read_text(encoding="utf-8").splitlines()]
        return [line.split() for line in lines if line.startswith(f"{word} ")]


def test_killed_holders_lose_and_double_nothing(tmp_path):
    """Every acknowledged act is in the ledger exactly once, every other at most once, and fsck is clean."""
    seed = int(os.environ.get("EVIDOCK_SEED", str(random.randrange(1 << 32))))
    print(f"EVIDOCK_SEED={seed}")
    chance = random.Random(seed)
    folder, logs = tmp_path / "data", tmp_path / "logs"
    logs.mkdir()
    create_ledger(folder, utc_clock).close()
    crew = Crew(folder, logs)
    for kill in range(KILLS):
        crew.wait_for_acks(5 * (kill + 1))
        time.sleep(chance.random() * 0.1)
        before = len(crew.read("ack"))
        crew.kill_holder()
        crew.wait_for_acks(before + 1)
    crew.finish()
    assert crew.read("refused") == []
    with closing(open_ledger(folder, utc_clock)) as ledger:
        entries = ledger.entries(1, ledger.checkpoint()[0].size)
        assert check_ledger(folder, ledger.vkey) == []
    acts = Counter(entry.leaf.act_id for entry in entries)
    found = Counter(entry.leaf.subject for entry in entries if entry.leaf.seq == 1)
    asked = {subject for _, subject in crew.read("ask")}
    acknowledged = {subject: int(index) for _, subject, index in crew.read("ack")}
    assert len(acknowledged) > KILLS
    assert set(found) <= asked
    assert set(found.values()) == {1}
    assert {
        entry.leaf.subject: entry.index
        for entry in entries
        if entry.leaf.seq == 1 and entry.leaf.subject in acknowledged
    } == acknowledged
    # fsck finds split acts; here, that none is shorter than asked: two leaves for every third act of a caller.
    assert set(acts.values()) == {1, 2}

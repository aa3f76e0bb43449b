"""``dock-agent run`` takes what appears under a watched folder, and again what appears later."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.support.whole_system import BIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.whole_system import WholeSystem


def test_volumes_that_appear_are_taken_until_it_is_stopped(running: WholeSystem, tmp_path: Path) -> None:
    watched, home = tmp_path / "slots", tmp_path / "dock"
    first = watched / "recorder-1"
    first.mkdir(parents=True)
    (first / "a.mp4").write_bytes(b"there before the agent")
    running.enrol(home, "watching-dock")
    agent = subprocess.Popen(
        [BIN / "dock-agent", "run", "--home", home, "--watch", watched, "--quiet", "1", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert agent.stdout is not None
    try:
        sealed = []
        for line in agent.stdout:
            value = json.loads(line)
            if value.get("state") == "sealed":
                sealed.append(value["path"])
            if "summary" in value and len(sealed) == 1:
                second = watched / "recorder-2"
                second.mkdir()
                (second / "b.mp4").write_bytes(b"docked later")
            if len(sealed) == 2:
                break
        assert sorted(sealed) == ["a.mp4", "b.mp4"]
        time.sleep(0.5)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=30) == 0
    finally:
        agent.kill()
        agent.wait()
        agent.stdout.close()

"""Real cards on real mounts: sealed whole, and pulled out in the middle without a false word."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.recorder_volumes import (
    MountedVolume,
    mount_exfat,
    mount_ext4,
    pull_out,
    remount_exfat,
    remount_ext4,
    require_mounting,
)
from tests.support.whole_system import BIN, Acquired, WholeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.mount
MIB = 1 << 20
SMALL = {"DCIM/100MEDIA/a.mp4": b"small", "DCIM/100MEDIA/b.mp4": b"", "Log/执法.log": b"log\n"}
LARGE_NAME = "DCIM/100MEDIA/large.mp4"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[WholeSystem]:
    require_mounting()
    whole = WholeSystem(tmp_path)
    whole.start_server()
    whole.enrol()
    yield whole
    whole.stop_server()


@pytest.mark.parametrize("mounting", [mount_exfat, mount_ext4])
def test_a_real_card_is_sealed_and_known_when_docked_again(
    system: WholeSystem, tmp_path: Path, mounting: Callable[..., object]
) -> None:
    with mounting(tmp_path / "card", SMALL) as mounted:  # type: ignore[attr-defined]
        acquired = system.acquire(mounted.root)
        assert acquired.exit_code == 0, acquired.errors
        assert set(acquired.sealed) == set(SMALL)
        again = system.acquire(mounted.root)
    assert again.exit_code == 0, again.errors
    assert again.summary["already_sealed"] == len(SMALL)


def test_a_read_only_card_is_not_cleared(system: WholeSystem, tmp_path: Path) -> None:
    system.server("policy", "set", "clearing.directory", "allow", "--reason", "test")
    with mount_ext4(tmp_path / "card", SMALL) as mounted:
        acquired = system.acquire(mounted.root, "--clear")
        assert acquired.exit_code == 0, acquired.errors
        assert acquired.summary["cleared"] == 0
        kept = [line for line in acquired.lines if line.get("state") == "kept"]
        assert len(kept) == len(SMALL)
        assert all("read-only" in line["error"] for line in kept)
        assert all((mounted.root / name).exists() for name in SMALL)


def test_a_card_put_in_while_the_agent_watches_is_sealed(system: WholeSystem, tmp_path: Path) -> None:
    agent = subprocess.Popen(
        [BIN / "dock-agent", "run", "--home", system.home, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert agent.stdout is not None
    try:
        with mount_exfat(tmp_path / "card", SMALL):
            sealed: set[str] = set()
            # Other tests on this machine may mount cards too; those are taken as well.
            while not set(SMALL) <= sealed:
                line = json.loads(agent.stdout.readline())
                if line.get("state") == "sealed":
                    sealed.add(line["path"])
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(timeout=30) == 0
    finally:
        agent.kill()
        agent.wait()
        agent.stdout.close()


def dock_until_first_part(system: WholeSystem, volume: Path) -> subprocess.Popen[str]:
    """Start docking with few buffers, so that reading cannot run far ahead, and wait until one part is sent."""
    config = system.home / "config.toml"
    config.write_text(config.read_text().replace("buffers = 8", "buffers = 2"))
    log = system.folder / "steps.log"
    agent = subprocess.Popen(
        [BIN / "dock-agent", "acquire", volume, "--home", system.home, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EVIDOCK_STEP_LOG": str(log)},
    )
    deadline = time.monotonic() + 60
    while not log.exists() or log.read_text().count("part.sent") < len(SMALL) + 1:
        assert agent.poll() is None, agent.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return agent


def end(agent: subprocess.Popen[str]) -> Acquired:
    output, errors = agent.communicate(timeout=120)
    return Acquired(agent.returncode, output, errors)


def assert_failed_honestly(acquired: Acquired) -> None:
    """The large file is failed for the volume's sake, and nothing says otherwise."""
    assert acquired.exit_code == 1
    assert "summary" in acquired.lines[-1], acquired.errors
    summary = acquired.summary
    assert summary["failed"] >= 1
    assert summary["found"] == sum(summary[name] for name in ("sealed", "already_sealed", "failed", "waiting"))
    assert LARGE_NAME not in acquired.sealed
    (failed,) = [line for line in acquired.lines if line.get("path") == LARGE_NAME and line["state"] == "failed"]
    assert "gone" in failed["error"] or "pulled out" in failed["error"]
    assert failed["evidence_id"] is None


def assert_sealed_once(system: WholeSystem, mounted: MountedVolume, files: int) -> None:
    acquired = system.acquire(mounted.root)
    assert acquired.exit_code == 0, json.dumps(acquired.lines) + acquired.errors
    assert acquired.summary["sealed"] + acquired.summary["already_sealed"] == files
    received = [event["subject"] for event in system.events() if event["type"] == "recording.received"]
    assert len(received) == len(set(received)) == files
    system.run("custody", "fsck", system.data, "--vkey", system.vkey)


def make_large() -> dict[str, bytes]:
    return {**SMALL, LARGE_NAME: os.urandom(MIB) * 96 + b"end"}


@pytest.mark.parametrize(("mounting", "remount"), [(mount_exfat, remount_exfat), (mount_ext4, remount_ext4)])
def test_a_card_pulled_in_the_middle_of_a_file_is_sealed_once_when_docked_again(
    system: WholeSystem, tmp_path: Path, mounting: Callable[..., object], remount: Callable[..., object]
) -> None:
    files = make_large()
    with mounting(tmp_path / "card", files, mib=160) as mounted:  # type: ignore[attr-defined]
        agent = dock_until_first_part(system, mounted.root)
        pull_out(mounted.root)
        assert_failed_honestly(end(agent))
        assert not list((system.home / "spool").iterdir())
        wait_until_free(mounted)
        with remount(mounted.root, mounted.device) as again:  # type: ignore[attr-defined]
            assert_sealed_once(system, again, len(files))


def wait_until_free(mounted: MountedVolume) -> None:
    """A card taken out lazily is written back only once its last reader and its FUSE program have ended."""
    deadline = time.monotonic() + 20
    while mounted.daemon is not None and time.monotonic() < deadline:
        try:
            os.kill(mounted.daemon, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def test_a_card_whose_driver_dies_in_the_middle_is_sealed_once_when_docked_again(
    system: WholeSystem, tmp_path: Path
) -> None:
    files = make_large()
    with mount_exfat(tmp_path / "card", files, mib=160) as mounted:
        assert mounted.daemon is not None
        agent = dock_until_first_part(system, mounted.root)
        os.kill(mounted.daemon, signal.SIGKILL)
        assert_failed_honestly(end(agent))
        pull_out(mounted.root)
        with remount_exfat(mounted.root, mounted.device) as again:
            assert_sealed_once(system, again, len(files))

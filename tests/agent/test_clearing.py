"""Clearing: only what is proven, only where it is allowed, and never half."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agent.acquisition import acquire_volume
from agent.clearing import clear_volume
from agent.journal import FileState
from agent.pending import finish_pending
from agent.sealing import locate_receipt
from agent.steps import CLEARING_STEPS
from agent.volumes import MountFacts, open_volume
from chain_of_custody.instants import format_instant, utc_clock
from tests.support.docks import client_of, copy_home, open_dock, reporter_of, row_of
from tests.support.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from agent.dock import Dock
    from tests.support.whole_system import WholeSystem

__all__ = ["running"]


@pytest.fixture(scope="module", autouse=True)
def allowed(running: WholeSystem) -> None:
    running.server("policy", "set", "clearing.directory", "allow", "--reason", "test")


@pytest.fixture
def dock(running: WholeSystem, tmp_path: Path) -> Iterator[Dock]:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        yield dock


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / f"volume-{os.urandom(4).hex()}"
    (folder / "DCIM").mkdir(parents=True)
    (folder / "DCIM/a.mp4").write_bytes(os.urandom(1000))
    return folder


PATH = b"DCIM/a.mp4"


def change_status(dock: Dock, **changes: Any) -> None:
    """Let the server's status say something else."""

    def after(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, **changes} if path == "/dock/v1/status" else answer

    client_of(dock).after_call = after  # type: ignore[method-assign]


def assert_kept(dock: Dock, volume: Path, why: str) -> None:
    summary = acquire_volume(dock, volume, is_clearing=True).summary
    assert (summary.sealed, summary.cleared) == (1, 0)
    assert summary.is_complete
    assert (volume / "DCIM/a.mp4").exists()
    assert row_of(dock, PATH).state is FileState.KEPT
    assert why in reporter_of(dock).errors_of(PATH)[0]


def test_a_cleared_file_is_gone_and_the_ledger_says_so(running: WholeSystem, dock: Dock, volume: Path) -> None:
    before = len(running.read_parts("recording.cleared", "clearing", "path_b64"))
    summary = acquire_volume(dock, volume, is_clearing=True).summary
    assert (summary.sealed, summary.cleared) == (1, 1)
    assert not (volume / "DCIM/a.mp4").exists()
    assert row_of(dock, PATH).state is FileState.CLEARED
    assert len(running.read_parts("recording.cleared", "clearing", "path_b64")) == before + 1


def test_nothing_is_cleared_unless_it_is_asked_for(dock: Dock, volume: Path) -> None:
    assert acquire_volume(dock, volume).summary.cleared == 0
    assert (volume / "DCIM/a.mp4").exists()


def test_a_file_is_kept_where_the_policy_does_not_allow_clearing(dock: Dock, volume: Path) -> None:
    change_status(dock, clearing={"store": "directory", "directory": "deny"})
    assert_kept(dock, volume, "policy")


@pytest.mark.parametrize("age", [None, timedelta(hours=25)])
def test_a_file_is_kept_where_the_store_has_not_lately_passed_its_canary(
    dock: Dock, volume: Path, age: timedelta | None
) -> None:
    at = format_instant(utc_clock() - age) if age else None
    change_status(dock, canary={"ok": at is not None, "at": at})
    assert_kept(dock, volume, "canary")


def test_a_file_on_s3_is_kept_unless_its_lock_is_a_compliance_lock(dock: Dock, volume: Path) -> None:
    change_status(dock, clearing={"store": "s3", "directory": "allow"})
    assert_kept(dock, volume, "lock")


def test_a_file_is_kept_while_the_docks_clock_is_wrong(running: WholeSystem, tmp_path: Path, volume: Path) -> None:
    home = copy_home(running, tmp_path / "late")
    with open_dock(home, clock=lambda: utc_clock() - timedelta(hours=1)) as dock:
        assert_kept(dock, volume, "clock")


def test_a_file_is_kept_on_a_volume_that_is_mounted_read_only(dock: Dock, volume: Path) -> None:
    run = acquire_volume(dock, volume)
    opened = open_volume(volume)
    with opened.hold() as identity:
        mount = MountFacts(1, "/dev/sdz1", "8:1", volume, "exfat", "ro,noexec")
        assert clear_volume(dock, replace(opened, mount=mount), identity, run.sealed) == 0
    assert (volume / "DCIM/a.mp4").exists()
    assert "read-only" in reporter_of(dock).errors_of(PATH)[0]


def test_a_file_that_changed_after_it_was_sealed_is_kept(dock: Dock, volume: Path) -> None:
    found = (volume / "DCIM/a.mp4").stat()

    def change(method: str, path: str, body: Mapping[str, Any] | None) -> None:
        if path == "/dock/v1/status" and row_of_or_none(dock) is FileState.SEALED:
            (volume / "DCIM/a.mp4").write_bytes(os.urandom(1000))
            os.utime(volume / "DCIM/a.mp4", ns=(found.st_atime_ns, found.st_mtime_ns))

    client_of(dock).before_call = change  # type: ignore[method-assign]
    assert_kept(dock, volume, "not what was sealed")


def row_of_or_none(dock: Dock) -> FileState | None:
    try:
        return row_of(dock, PATH).state
    except IndexError:
        return None


@pytest.mark.parametrize(("name", "value"), [("manifest_sha256", "0" * 64), ("version_id", "another")])
def test_a_file_is_kept_where_the_receipt_at_hand_does_not_prove_it(
    dock: Dock, volume: Path, name: str, value: str
) -> None:
    run = acquire_volume(dock, volume)
    path = locate_receipt(dock.home, str(row_of(dock, PATH).evidence_id))
    receipt = json.loads(path.read_text(encoding="utf-8"))
    (received,) = [opening for opening in receipt["openings"] if opening["label"] == "received"]
    assert received["value"][name] != value
    received["value"][name] = value
    path.write_text(json.dumps(receipt), encoding="utf-8")
    opened = open_volume(volume)
    with opened.hold() as identity:
        assert clear_volume(dock, opened, identity, run.sealed) == 0
    assert (volume / "DCIM/a.mp4").exists()


def test_a_cleared_file_docked_again_is_the_same_recording(dock: Dock, volume: Path) -> None:
    content = (volume / "DCIM/a.mp4").read_bytes()
    acquire_volume(dock, volume, is_clearing=True)
    first = row_of(dock, PATH).evidence_id
    (volume / "DCIM/a.mp4").write_bytes(content)
    assert acquire_volume(dock, volume).summary.already_sealed == 1
    assert row_of(dock, PATH).evidence_id == first


def test_a_clearing_that_could_not_be_told_is_told_later(running: WholeSystem, dock: Dock, volume: Path) -> None:
    from agent.errors import UnreachableError

    before = len(running.read_parts("recording.cleared", "clearing", "size"))

    def fail(method: str, path: str, body: Mapping[str, Any] | None) -> None:
        if path == "/dock/v1/clearings":
            raise UnreachableError("unplugged")

    client_of(dock).before_call = fail  # type: ignore[method-assign]
    assert acquire_volume(dock, volume, is_clearing=True).summary.cleared == 1
    assert len(running.read_parts("recording.cleared", "clearing", "size")) == before
    client_of(dock).before_call = lambda *_: None  # type: ignore[method-assign]
    finish_pending(dock)
    assert len(running.read_parts("recording.cleared", "clearing", "size")) == before + 1
    assert dock.journal.list_clearings() == []


@pytest.mark.parametrize("step", CLEARING_STEPS)
def test_a_kill_amid_clearing_ends_with_one_event_and_nothing_unproven_removed(
    running: WholeSystem, tmp_path: Path, volume: Path, step: str
) -> None:
    home = copy_home(running, tmp_path / "killed")
    before = len(running.read_parts("recording.cleared", "clearing", "size"))
    killed = running.acquire(volume, "--clear", home=home, env={"EVIDOCK_KILL_AT": step})
    assert killed.exit_code == -signal.SIGKILL
    finished = running.acquire(volume, "--clear", home=home)
    assert finished.exit_code == 0, finished.errors
    assert not (volume / "DCIM/a.mp4").exists()
    assert len(running.read_parts("recording.cleared", "clearing", "size")) == before + 1

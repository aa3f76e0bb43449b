"""The daemon takes what arrived, and never the empty folder that a pulled recorder leaves behind."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from agent.daemon import Daemon
from agent.errors import VolumeGoneError
from agent.progress import Reporter, Summary
from agent.rack.board import Board
from agent.rack.slots import SlotReporter
from agent.volumes import open_volume
from agent.watching import VolumeArrived

if TYPE_CHECKING:
    from pathlib import Path

    from agent.dock import Dock
    from agent.journal import FileRow

TELLER = SlotReporter(Reporter(as_json=True), Board(1), 1)


def test_a_mount_pulled_before_it_is_taken_is_gone_and_not_an_empty_recorder(tmp_path: Path) -> None:
    # It must be refused before the dock is touched at all, so there is none.
    daemon = Daemon(cast("Dock", None), [], quiet_s=1)
    with pytest.raises(VolumeGoneError, match="dock it again"):
        daemon._acquire(VolumeArrived(tmp_path, is_mount=True), TELLER)


def test_a_recorder_that_is_docked_and_the_backlog_never_work_on_one_file_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    daemon = Daemon(
        cast("Dock", SimpleNamespace(reporter=SimpleNamespace(finish=lambda _: None), telling=lambda _: None)),
        [],
        quiet_s=1,
    )
    row = cast("FileRow", SimpleNamespace(source=open_volume(tmp_path).source))
    other = cast("FileRow", SimpleNamespace(source="another"))
    claimed: list[bool] = []

    def acquire(*_: object) -> SimpleNamespace:
        for asked in (row, other):
            with daemon._claim(asked) as is_ours:
                claimed.append(is_ours)
        return SimpleNamespace(summary=Summary(), spooled=0, findings=())

    monkeypatch.setattr("agent.daemon.acquire_volume", acquire)
    daemon._acquire(VolumeArrived(tmp_path), TELLER)
    assert claimed == [False, True]

    with daemon._claim(row) as is_ours:
        assert is_ours
        docking = threading.Thread(target=daemon._acquire, args=(VolumeArrived(tmp_path), TELLER))
        docking.start()
        docking.join(timeout=0.2)
        assert docking.is_alive()
    docking.join(timeout=10)
    assert claimed == [False, True, False, True]

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import agent.sealing
from agent.acquisition import acquire_volume
from agent.errors import UnreachableError
from agent.journal import FileState
from agent.pending import finish_pending, sweep_leftovers
from tests.support.docks import client_of, copy_home, open_dock, reporter_of, row_of
from tests.support.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

    from agent.dock import Dock
    from agent.journal import FileRow
    from tests.support.whole_system import WholeSystem

__all__ = ["running"]


def spool_files(dock: Dock, tmp_path: Path, *names: str) -> None:
    """Take files while the server is away; the recorder is gone afterwards."""

    def fail(*_: object) -> None:
        raise UnreachableError("unplugged")

    volume = tmp_path / "volume"
    volume.mkdir()
    for name in names:
        (volume / name).write_bytes(os.urandom(100))
    client_of(dock).before_call = fail  # type: ignore[method-assign]
    acquire_volume(dock, volume)
    client_of(dock).before_call = lambda *_: None  # type: ignore[method-assign]
    shutil.rmtree(volume)


def test_everything_spooled_is_sealed_once(running: WholeSystem, tmp_path: Path) -> None:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        spool_files(dock, tmp_path, "a.mp4", "b.mp4")
        assert finish_pending(dock) == 2
        assert finish_pending(dock) == 0
        assert not any(line["state"] == "sealed" for line in reporter_of(dock).lines)


def test_a_file_that_somebody_takes_at_this_moment_is_left_alone(running: WholeSystem, tmp_path: Path) -> None:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        spool_files(dock, tmp_path, "a.mp4", "b.mp4")
        assert finish_pending(dock, lambda row: nullcontext(row.path != b"a.mp4")) == 1
        assert row_of(dock, b"a.mp4").state is FileState.ACQUIRED


def test_a_file_that_somebody_took_since_it_was_listed_is_not_touched(running: WholeSystem, tmp_path: Path) -> None:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        spool_files(dock, tmp_path, "a.mp4")

        @contextmanager
        def claim_late(_: FileRow) -> Iterator[bool]:
            # While this one waits for the file, its docking seals it.
            assert finish_pending(dock) == 1
            yield True

        assert finish_pending(dock, claim_late) == 0
        assert row_of(dock, b"a.mp4").state is FileState.SEALED


def test_a_full_disk_leaves_a_file_on_its_way_and_holds_up_no_other(
    running: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        spool_files(dock, tmp_path, "a.mp4", "b.mp4")
        write, failed = agent.sealing.write_file, []

        def fail_once(path: Path, data: bytes) -> None:
            if not failed:
                failed.append(path)
                raise OSError(errno.ENOSPC, "No space left on device")
            write(path, data)

        monkeypatch.setattr(agent.sealing, "write_file", fail_once)
        assert finish_pending(dock) == 1
        assert row_of(dock, b"a.mp4").state is FileState.UPLOADED
        assert any("No space left" in sentence for sentence in reporter_of(dock).sentences)
        assert finish_pending(dock) == 1


def test_the_server_going_away_ends_it_without_losing_anything(running: WholeSystem, tmp_path: Path) -> None:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        spool_files(dock, tmp_path, "a.mp4", "b.mp4")
        completed: list[str] = []

        def fail_second(method: str, path: str, body: Mapping[str, object] | None) -> None:
            if path.endswith("/complete"):
                completed.append(path)
                if len(completed) > 1:
                    raise UnreachableError("unplugged")

        client_of(dock).before_call = fail_second  # type: ignore[method-assign]
        assert finish_pending(dock) == 1
        assert row_of(dock, b"b.mp4").state is FileState.UPLOADED
        client_of(dock).before_call = lambda *_: None  # type: ignore[method-assign]
        assert finish_pending(dock) == 1


def test_a_damaged_spooled_file_is_never_sent_and_holds_up_no_other(running: WholeSystem, tmp_path: Path) -> None:
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        spool_files(dock, tmp_path, "a.mp4", "b.mp4")
        damaged = home / "spool" / str(row_of(dock, b"a.mp4").spool_name)
        damaged.write_bytes(os.urandom(100))
        assert finish_pending(dock) == 1
        assert row_of(dock, b"a.mp4").state is FileState.ACQUIRED
        assert any("spooled copy" in sentence for sentence in reporter_of(dock).sentences)


def test_leftovers_are_swept_and_what_is_needed_stays(running: WholeSystem, tmp_path: Path) -> None:
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        spool_files(dock, tmp_path, "a.mp4")
        (home / "spool" / "0123.part").write_bytes(b"half a file")
        sweep_leftovers(dock)
        assert [path.name for path in (home / "spool").iterdir()] == [row_of(dock, b"a.mp4").spool_name]


def test_an_inventory_and_report_that_could_not_be_told_are_told(running: WholeSystem, tmp_path: Path) -> None:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        spool_files(dock, tmp_path, "a.mp4")
        docking_id = row_of(dock, b"a.mp4").docking_id
        assert docking_id not in running.read_parts("recorder.docked", "docked", "docking_id")
        finish_pending(dock)
        assert docking_id in running.read_parts("recorder.docked", "docked", "docking_id")
        assert docking_id in running.read_parts("recorder.undocked", "undocked", "docking_id")

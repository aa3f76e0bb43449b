"""The walk of a docking against a real server: what it seals, what it goes on with, and what it never calls sealed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agent.acquisition import acquire_volume
from agent.errors import HomeError, RefusedError, UnreachableError
from agent.journal import FileState
from agent.opening import VolumeFile
from agent.pending import finish_pending
from agent.volumes import open_volume
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.instants import utc_clock
from tests.support.docks import client_of, copy_home, manifest_of, open_dock, reporter_of, row_of
from tests.support.recorder_volumes import fill_volume
from tests.support.running import running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from agent.dock import Dock
    from agent.progress import Summary
    from tests.support.whole_system import WholeSystem

__all__ = ["running"]
PART = 16 * 1024 * 1024


def make_volume(tmp_path: Path, **files: bytes) -> Path:
    volume = tmp_path / "volume"
    volume.mkdir(exist_ok=True)
    for name, data in files.items():
        (volume / f"{name}.mp4").write_bytes(data)
    return volume


def take(system: WholeSystem, tmp_path: Path, volume: Path, **settings: Any) -> tuple[Summary, list[dict[str, Any]]]:
    """Dock a volume with a fresh journal; how it ended and every line told."""
    with open_dock(copy_home(system, tmp_path / f"home-{os.urandom(3).hex()}", **settings)) as dock:
        summary = acquire_volume(dock, volume).summary
        return summary, reporter_of(dock).lines


def break_server(dock: Dock, when: Callable[[str, str], bool] = lambda *_: True) -> None:
    """Let calls that a test chooses fail as if the server were away."""

    def fail(method: str, path: str, body: Mapping[str, Any] | None) -> None:
        if when(method, path):
            raise UnreachableError("the server does not answer: unplugged")

    client_of(dock).before_call = fail  # type: ignore[method-assign]


def mend_server(dock: Dock) -> None:
    client_of(dock).before_call = lambda *_: None  # type: ignore[method-assign]


def codes_of(manifest: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in manifest["findings"]}


def count_received(system: WholeSystem, path: bytes) -> int:
    import base64

    wanted = base64.b64encode(path).decode()
    return system.read_parts("recording.received", "recording", "path_b64").count(wanted)


def test_every_readable_file_is_sealed_and_the_counts_add_up(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, a=b"a" * 70_000, empty=b"", big=os.urandom(PART + 1))
    summary, lines = take(running, tmp_path, volume)
    assert (summary.found, summary.sealed, summary.failed, summary.waiting) == (3, 3, 0, 0)
    assert [line["state"] for line in lines if line["path"] == b"big.mp4"] == ["acquired", "uploaded", "sealed"]


def test_a_file_sealed_before_is_hashed_and_not_sent(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, a=os.urandom(1000))
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        acquire_volume(dock, volume)
        client_of(dock).calls.clear()
        again = acquire_volume(dock, volume).summary
        assert (again.sealed, again.already_sealed) == (0, 1)
        assert "/dock/v1/intakes" not in client_of(dock).paths_called()
        assert reporter_of(dock).states_of(b"a.mp4") == ["acquired", "uploaded", "sealed", "sealed"]


def test_other_bytes_under_a_known_name_and_size_are_sent(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, same=os.urandom(1000))
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        acquire_volume(dock, volume)
        first = row_of(dock, b"same.mp4").evidence_id
        (volume / "same.mp4").write_bytes(os.urandom(1000))
        summary = acquire_volume(dock, volume).summary
        assert (summary.sealed, summary.already_sealed) == (1, 0)
        assert row_of(dock, b"same.mp4").evidence_id != first


def test_an_interrupted_upload_sends_only_what_the_store_lacks(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, long=os.urandom(4 * PART))
    home = copy_home(running, tmp_path / "home", spool="never")
    with open_dock(home, wait_s=0) as dock:

        def fail(request: Mapping[str, Any]) -> None:
            if request["number"] > 2:
                raise UnreachableError("the store does not answer: unplugged")

        client_of(dock).before_part = fail  # type: ignore[method-assign]
        summary = acquire_volume(dock, volume).summary
        assert (summary.sealed, summary.waiting) == (0, 1), reporter_of(dock).lines
        assert set(client_of(dock).parts) <= {1, 2}
        held = set(client_of(dock).parts)
    with open_dock(home) as dock:
        assert acquire_volume(dock, volume).summary.sealed == 1
        assert set(client_of(dock).parts) == {1, 2, 3, 4} - held


def test_a_file_that_changed_amid_its_upload_is_sent_anew_with_a_finding(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, changed=os.urandom(2 * PART))
    home = copy_home(running, tmp_path / "home", spool="never")
    with open_dock(home, wait_s=0) as dock:

        def fail(request: Mapping[str, Any]) -> None:
            if request["number"] > 1:
                raise UnreachableError("the store does not answer: unplugged")

        client_of(dock).before_part = fail  # type: ignore[method-assign]
        acquire_volume(dock, volume)
        assert client_of(dock).parts == [1]
    (volume / "changed.mp4").write_bytes(os.urandom(2 * PART))
    with open_dock(home) as dock:
        assert acquire_volume(dock, volume).summary.sealed == 1
        assert sorted(client_of(dock).parts) == [1, 2]
        assert count_received(running, b"changed.mp4") == 1


def test_a_file_is_spooled_while_the_server_is_away_and_sent_without_its_recorder(
    running: WholeSystem, tmp_path: Path
) -> None:
    volume = make_volume(tmp_path, spooled=os.urandom(PART + 5))
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        break_server(dock)
        summary = acquire_volume(dock, volume).summary
        assert (summary.sealed, summary.waiting) == (0, 1)
        assert row_of(dock, b"spooled.mp4").state is FileState.ACQUIRED
    shutil.rmtree(volume)
    with open_dock(home) as dock:
        assert finish_pending(dock) == 1
        assert row_of(dock, b"spooled.mp4").state is FileState.SEALED
        assert dock.journal.list_reports() == []
    assert list((home / "spool").iterdir()) == []


def test_what_was_spooled_is_not_thrown_away_for_other_bytes_under_its_name(
    running: WholeSystem, tmp_path: Path
) -> None:
    volume = make_volume(tmp_path, reused=b"1" * 500)
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        break_server(dock)
        acquire_volume(dock, volume)
    (volume / "reused.mp4").write_bytes(b"2" * 500)
    with open_dock(home) as dock:
        run = acquire_volume(dock, volume)
        assert run.summary.sealed == 1
        assert codes_of(manifest_of(row_of(dock, b"reused.mp4"))) >= {"CONTENT_REPLACED"}
        assert finish_pending(dock, lambda row: nullcontext(not run.has_taken(row))) == 1
    assert count_received(running, b"reused.mp4") == 2


def test_what_was_spooled_is_sent_where_its_recorder_reads_no_more(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, fading=b"1" * 500)
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        break_server(dock)
        acquire_volume(dock, volume)
    with open_dock(home) as dock:

        def grow(method: str, path: str, body: Mapping[str, Any] | None) -> None:
            if path == "/dock/v1/dockings":
                (volume / "fading.mp4").write_bytes(b"2" * 500)

        client_of(dock).before_call = grow  # type: ignore[method-assign]
        run = acquire_volume(dock, volume)
        assert (run.summary.sealed, run.summary.failed) == (0, 1)
        assert row_of(dock, b"fading.mp4").state is FileState.ACQUIRED
        assert finish_pending(dock, lambda row: nullcontext(not run.has_taken(row))) == 1
    assert count_received(running, b"fading.mp4") == 1


def test_an_upload_that_was_complete_is_sealed_where_its_recorder_reads_no_more(
    running: WholeSystem, tmp_path: Path
) -> None:
    volume = make_volume(tmp_path, worn=b"1" * 500)
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        break_server(dock, lambda _, path: path.endswith("/complete"))
        acquire_volume(dock, volume)
        assert row_of(dock, b"worn.mp4").state is FileState.UPLOADED
    with open_dock(home) as dock:

        def grow(method: str, path: str, body: Mapping[str, Any] | None) -> None:
            if path == "/dock/v1/intakes/known":
                (volume / "worn.mp4").write_bytes(b"2" * 500)

        client_of(dock).before_call = grow  # type: ignore[method-assign]
        run = acquire_volume(dock, volume)
        assert (run.summary.sealed, run.summary.failed) == (0, 1)
        assert finish_pending(dock, lambda row: nullcontext(not run.has_taken(row))) == 1
    assert count_received(running, b"worn.mp4") == 1


def test_a_missing_spooled_copy_is_read_anew_from_its_recorder(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, mislaid=os.urandom(500))
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        break_server(dock)
        acquire_volume(dock, volume)
        (home / "spool" / str(row_of(dock, b"mislaid.mp4").spool_name)).unlink()
    with open_dock(home) as dock:
        assert acquire_volume(dock, volume).summary.sealed == 1


def test_an_upload_begun_for_a_known_place_is_gone_on_with(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, replaced=os.urandom(3 * PART))
    home = copy_home(running, tmp_path / "home", spool="never")
    with open_dock(home) as dock:
        acquire_volume(dock, volume)
    (volume / "replaced.mp4").write_bytes(os.urandom(3 * PART))
    with open_dock(home, wait_s=0) as dock:

        def fail(request: Mapping[str, Any]) -> None:
            if request["number"] > 2:
                raise UnreachableError("the store does not answer: unplugged")

        client_of(dock).before_part = fail  # type: ignore[method-assign]
        assert acquire_volume(dock, volume).summary.waiting == 1
        held = set(client_of(dock).parts)
    with open_dock(home) as dock:
        assert acquire_volume(dock, volume).summary.sealed == 1
        assert set(client_of(dock).parts) == {1, 2, 3} - held


def test_a_server_that_comes_back_within_the_patience_gets_everything(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, patient=os.urandom(100))
    with open_dock(copy_home(running, tmp_path / "home"), wait_s=10) as dock:
        asked: list[str] = []

        def is_down(method: str, path: str) -> bool:
            asked.append(path)
            return len(asked) <= 3

        break_server(dock, is_down)
        assert acquire_volume(dock, volume).summary.sealed == 1


def test_without_a_spool_the_recorder_keeps_what_cannot_be_sent(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, unsent=b"x", other=b"y")
    home = copy_home(running, tmp_path / "home", spool="never")
    with open_dock(home) as dock:
        break_server(dock)
        summary = acquire_volume(dock, volume).summary
        assert (summary.found, summary.waiting) == (2, 2)
        assert row_of(dock, b"unsent.mp4").state is FileState.INVENTORIED
    assert list((home / "spool").iterdir()) == []


def test_a_full_spool_leaves_the_file_on_the_recorder_and_says_why(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, nospace=b"x" * 100)
    with open_dock(copy_home(running, tmp_path / "home", spool_reserve_mib=1 << 40)) as dock:
        break_server(dock)
        summary = acquire_volume(dock, volume).summary
        assert summary.waiting == 1
        assert any("no room" in error for error in reporter_of(dock).errors_of(b"nospace.mp4"))


def test_a_full_spool_does_not_hold_up_what_can_be_sent(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, unspooled=os.urandom(100))
    with open_dock(copy_home(running, tmp_path / "home", spool="always", spool_reserve_mib=1 << 40)) as dock:
        assert acquire_volume(dock, volume).summary.sealed == 1
        assert "NOT_SPOOLED" in codes_of(manifest_of(row_of(dock, b"unspooled.mp4")))


def dock_until_full(dock: Dock, volume: Path) -> None:
    """Free pages of the journal take a few dockings to fill."""
    for number in range(50):
        (volume / f"more{number}.mp4").write_bytes(os.urandom(100))
        acquire_volume(dock, volume)


def test_a_journal_without_room_ends_the_run_and_the_next_one_seals_everything_once(
    running: WholeSystem, tmp_path: Path
) -> None:
    volume = make_volume(tmp_path, **{f"full{number}": os.urandom(100) for number in range(3)})
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:

        def fill_disk(method: str, path: str, body: Mapping[str, Any] | None) -> None:
            if path.endswith("/complete"):
                (pages,) = next(iter(dock.journal.tables.execute("pragma page_count")))
                dock.journal.tables.execute(f"pragma max_page_count={pages}")

        client_of(dock).before_call = fill_disk  # type: ignore[method-assign]
        with pytest.raises(HomeError, match="full"):
            dock_until_full(dock, volume)
    with open_dock(home) as dock:
        run = acquire_volume(dock, volume)
        files = len(list(volume.iterdir()))
        assert run.summary.sealed + run.summary.already_sealed == run.summary.found == files
        finish_pending(dock)
    for path in volume.iterdir():
        assert count_received(running, os.fsencode(path.name)) == 1, path


def test_a_file_is_in_the_spool_before_it_is_acquired_where_that_is_always_asked(
    running: WholeSystem, tmp_path: Path
) -> None:
    volume = make_volume(tmp_path, always=os.urandom(PART + 1))
    home = copy_home(running, tmp_path / "home", spool="always")
    with open_dock(home, wait_s=0) as dock:

        def fail(request: Mapping[str, Any]) -> None:
            raise UnreachableError("the store does not answer: unplugged")

        client_of(dock).before_part = fail  # type: ignore[method-assign]
        acquire_volume(dock, volume)
        row = row_of(dock, b"always.mp4")
    spooled = list((home / "spool").iterdir())
    assert [path.name for path in spooled] == [row.spool_name]
    assert spooled[0].read_bytes() == (volume / "always.mp4").read_bytes()


def test_an_upload_that_the_server_threw_away_is_begun_again(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, aborted=os.urandom(1000))
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        thrown: list[str] = []

        def abort(method: str, path: str, body: Mapping[str, Any] | None) -> None:
            if path.endswith("/complete") and not thrown:
                thrown.append(path)
                client_of(dock).call("POST", path.replace("complete", "abort"), {})

        client_of(dock).before_call = abort  # type: ignore[method-assign]
        assert acquire_volume(dock, volume).summary.sealed == 1
        assert thrown
    assert count_received(running, b"aborted.mp4") == 1


def test_an_expired_part_request_is_signed_anew(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, expired=os.urandom(1000))
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        refused: list[int] = []

        def expire(request: Mapping[str, Any]) -> None:
            if not refused:
                refused.append(request["number"])
                raise RefusedError(403, "part_refused", "the request has expired")

        client_of(dock).before_part = expire  # type: ignore[method-assign]
        assert acquire_volume(dock, volume).summary.sealed == 1
        assert refused == [1]


def test_a_file_that_cannot_be_read_holds_up_no_other(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, growing=b"x" * 100, whole=os.urandom(50))
    with open_dock(copy_home(running, tmp_path / "home")) as dock:

        def grow(method: str, path: str, body: Mapping[str, Any] | None) -> None:
            if path == "/dock/v1/dockings":
                with (volume / "growing.mp4").open("ab") as file:
                    file.write(b"more")

        client_of(dock).before_call = grow  # type: ignore[method-assign]
        summary = acquire_volume(dock, volume).summary
        assert (summary.sealed, summary.failed) == (1, 1)
        assert "still growing" in reporter_of(dock).errors_of(b"growing.mp4")[0]
        assert row_of(dock, b"growing.mp4").state is FileState.FAILED
    assert take(running, tmp_path, volume)[0].sealed == 1


def test_a_folder_that_cannot_be_opened_is_failed_told_and_known_not_to_be_safe(
    running: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = make_volume(tmp_path, whole=os.urandom(50))
    (volume / "DCIM").mkdir()
    real_open = os.open

    def fail(path: Any, *arguments: Any, **keywords: Any) -> int:
        if path == b"DCIM":
            raise OSError(errno.EIO, "Input/output error")
        return real_open(path, *arguments, **keywords)

    monkeypatch.setattr("agent.scanning.os.open", fail)
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        summary = acquire_volume(dock, volume).summary
        assert (summary.found, summary.sealed, summary.failed) == (2, 1, 1)
        assert not summary.is_complete
        assert any("cannot be opened" in sentence for sentence in reporter_of(dock).sentences)
        assert [(row.path, row.state) for row in dock.journal.list_unsafe()] == [(b"DCIM", FileState.FAILED)]
        assert dock.journal.list_reports() == []


def test_a_volume_pulled_amid_reading_seals_nothing_that_was_not_read(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, p1=os.urandom(100), p2=os.urandom(200), p3=os.urandom(300))
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:

        def pull(method: str, path: str, body: Mapping[str, Any] | None) -> None:
            if path == "/dock/v1/intakes" and body and body["size"] == 200:
                volume.rename(tmp_path / "pulled")

        client_of(dock).before_call = pull  # type: ignore[method-assign]
        summary = acquire_volume(dock, volume).summary
        assert (summary.sealed, summary.failed, summary.waiting) == (1, 2, 0)
    (tmp_path / "pulled").rename(volume)
    with open_dock(home) as dock:
        summary = acquire_volume(dock, volume).summary
        assert (summary.sealed, summary.already_sealed) == (2, 1)


def plug_in(monkeypatch: pytest.MonkeyPatch, serial: str) -> None:
    """Let every volume hang on a USB device of this serial."""
    monkeypatch.setattr(
        "agent.acquisition.open_volume", lambda path: replace(open_volume(path), hardware_serial=serial)
    )


@pytest.mark.parametrize("is_same", [True, False], ids=["one-device", "two-devices"])
def test_two_docks_merge_a_recorder_on_its_hardware_serial_alone(
    running: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_same: bool
) -> None:
    name = f"merged{is_same}"
    volume = make_volume(tmp_path, **{name: os.urandom(500)})
    plug_in(monkeypatch, f"USB-{name}")
    assert take(running, tmp_path, volume)[0].sealed == 1
    running.enrol(tmp_path / "other-dock", f"other-dock-{is_same}")
    plug_in(monkeypatch, f"USB-{name}" if is_same else f"USB-{name}-2")
    with open_dock(tmp_path / "other-dock") as dock:
        summary = acquire_volume(dock, volume).summary
    assert (summary.sealed, summary.already_sealed) == ((0, 1) if is_same else (1, 0))
    assert count_received(running, f"{name}.mp4".encode()) == (1 if is_same else 2)


def test_a_wrong_dock_clock_is_a_finding_and_holds_up_nothing(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, late=os.urandom(100))
    home = copy_home(running, tmp_path / "home")
    with open_dock(home, clock=lambda: utc_clock() - timedelta(hours=3)) as dock:
        assert acquire_volume(dock, volume).summary.sealed == 1
        manifest = manifest_of(row_of(dock, b"late.mp4"))
    assert "DOCK_CLOCK_WRONG" in codes_of(manifest)
    assert abs((utc_clock() - parse(manifest["time"])).total_seconds()) < 60


def parse(instant: str) -> Any:
    from chain_of_custody.instants import parse_instant

    return parse_instant(instant)


def test_a_stopped_run_says_so_and_the_next_one_finishes(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, s1=os.urandom(100), s2=os.urandom(200))
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:

        def stop(method: str, path: str, body: Mapping[str, Any] | None) -> None:
            if path == "/dock/v1/intakes" and body and body["size"] == 200:
                raise KeyboardInterrupt

        client_of(dock).before_call = stop  # type: ignore[method-assign]
        summary = acquire_volume(dock, volume).summary
        assert summary.found == summary.sealed + summary.waiting == 2
        assert summary.waiting >= 1
        assert any("stopped" in sentence for sentence in reporter_of(dock).sentences)
    with open_dock(home) as dock:
        summary = acquire_volume(dock, volume).summary
        assert summary.sealed + summary.already_sealed == 2
    assert count_received(running, b"s1.mp4") == count_received(running, b"s2.mp4") == 1


def test_a_revoked_dock_is_told_so_in_words(tmp_path: Path, running: WholeSystem) -> None:
    running.enrol(tmp_path / "revoked", "revoked-dock")
    running.server("dock", "revoke", "revoked-dock", "--reason", "lost")
    with open_dock(tmp_path / "revoked") as dock:
        summary = acquire_volume(dock, make_volume(tmp_path, r=b"r")).summary
        assert (summary.sealed, summary.failed) == (0, 1)
        assert "revoked" in reporter_of(dock).errors_of(b"r.mp4")[0]


def test_the_server_learns_how_a_docking_ended(running: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path, report=os.urandom(10))
    before = len(running.read_parts("recorder.undocked", "undocked", "sealed"))
    take(running, tmp_path, volume)
    assert running.read_parts("recorder.undocked", "undocked", "sealed")[before:] == [1]


def test_an_inventory_is_signed_before_anything_is_read(
    running: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = make_volume(tmp_path, inventory=b"i")
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        break_server(dock)
        signed: list[int] = []
        read = VolumeFile.readinto

        def look_first(source: VolumeFile, buffer: memoryview) -> int:
            signed.append(dock.journal.tables["dockings"].count)
            return read(source, buffer)

        monkeypatch.setattr(VolumeFile, "readinto", look_first)
        acquire_volume(dock, volume)
        assert signed
        assert set(signed) == {1}
        row = row_of(dock, b"inventory.mp4")
        assert manifest_of(row)["inventory_sha256"] == dock.journal.read_inventory_digest(row.docking_id)


def test_what_an_officer_marked_goes_first(running: WholeSystem, tmp_path: Path) -> None:
    plain, marked = "3100457_01420720261123140320_0001.mp4", "3100457_01420720261123150320_0002IMP.mp4"
    volume = fill_volume(tmp_path / "volume", {plain: os.urandom(100), marked: os.urandom(100)})
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        assert acquire_volume(dock, volume).summary.sealed == 2
        taken = [line["path"] for line in reporter_of(dock).lines if line["state"] == "uploaded"]
        assert taken == [marked.encode(), plain.encode()]


def test_numbers_missing_since_the_last_docking_stand_in_the_inventory(running: WholeSystem, tmp_path: Path) -> None:
    name = "3100457_014207202611231403{:02}_{:04}.mp4"
    volume = fill_volume(tmp_path / "volume", {name.format(1, 1): os.urandom(100)})
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        acquire_volume(dock, volume)
        fill_volume(volume, {name.format(9, 4): os.urandom(100)})
        docking_id = acquire_volume(dock, volume).docking_id
        inventory = json.loads(parse_envelope(dock.journal.read_inventory(docking_id)).payload)
        gaps = [finding["message"] for finding in inventory["findings"] if finding["code"] == "SEQUENCE_GAP"]
        assert gaps == [f"2 missing before this file: number 0002 to 0003, after {name.format(1, 1)}"]

"""Server down, recorder gone or cleared, ledger rolled back: nothing is lost and nothing falsely called sealed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.recorder_volumes import fill_volume
from tests.support.whole_system import Acquired, WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {"DCIM/a.mp4": os.urandom(100_000), "DCIM/b.mp4": b"", "DCIM/c.mp4": os.urandom(17 << 20)}
WAIT = ("--wait", "1")


@pytest.fixture
def system(tmp_path: Path) -> Iterator[WholeSystem]:
    whole = WholeSystem(tmp_path)
    whole.start_server()
    whole.enrol()
    yield whole
    if whole.process is not None:
        whole.stop_server()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return fill_volume(tmp_path / "volume", FILES)


def count_events(system: WholeSystem, name: str) -> int:
    return sum(event["type"] == name for event in system.events())


def spooled(system: WholeSystem) -> list[Path]:
    return list((system.home / "spool").iterdir())


def set_spool(system: WholeSystem, policy: str) -> None:
    config = system.home / "config.toml"
    config.write_text(config.read_text().replace('spool = "offline"', f'spool = "{policy}"'))


def count_receipts(system: WholeSystem) -> int:
    return len(list((system.home / "receipts").rglob("*.json")))


def assert_counts_add_up(acquired: Acquired) -> None:
    summary = acquired.summary
    assert summary["found"] == sum(summary[n] for n in ("sealed", "already_sealed", "failed", "waiting"))


def test_files_of_a_recorder_that_left_during_an_outage_are_sealed_from_the_spool(
    system: WholeSystem, volume: Path, tmp_path: Path
) -> None:
    system.stop_server()
    acquired = system.acquire(volume, *WAIT)
    assert acquired.exit_code == 1
    assert acquired.summary["waiting"] == len(FILES)
    assert not acquired.sealed
    assert_counts_add_up(acquired)
    assert sorted(path.stat().st_size for path in spooled(system)) == sorted(map(len, FILES.values()))

    shutil.rmtree(volume)
    system.start_server()
    empty = system.acquire(fill_volume(tmp_path / "empty", {}))
    assert empty.exit_code == 0, empty.errors
    assert count_events(system, "recording.received") == len(FILES)
    assert not spooled(system)
    assert count_receipts(system) == len(FILES)
    system.run("custody", "fsck", system.data, "--vkey", system.vkey)
    system.server("fixity")


def test_an_outage_with_the_recorder_still_there_ends_with_each_file_sealed_once(
    system: WholeSystem, volume: Path
) -> None:
    system.stop_server()
    for _ in range(2):
        assert system.acquire(volume, *WAIT).summary["waiting"] == len(FILES)
    assert len(spooled(system)) == len(FILES)
    system.start_server()
    again = system.acquire(volume)
    assert again.exit_code == 0, f"{again.lines}{again.errors}"
    assert again.summary["sealed"] + again.summary["already_sealed"] == len(FILES)
    assert count_events(system, "recording.received") == len(FILES)
    assert not spooled(system)


def test_without_a_spool_the_recorder_keeps_its_files_through_an_outage(system: WholeSystem, volume: Path) -> None:
    set_spool(system, "never")
    system.stop_server()
    acquired = system.acquire(volume, *WAIT)
    assert acquired.exit_code == 1
    assert acquired.summary["waiting"] == len(FILES)
    assert not spooled(system)
    system.start_server()
    assert system.acquire(volume).exit_code == 0
    assert count_events(system, "recording.received") == len(FILES)


def test_a_flipped_byte_in_the_spool_is_never_sealed(system: WholeSystem, volume: Path, tmp_path: Path) -> None:
    system.stop_server()
    system.acquire(volume, *WAIT)
    (large,) = [path for path in spooled(system) if path.stat().st_size == len(FILES["DCIM/c.mp4"])]
    with large.open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)[0]
        file.seek(1000)
        file.write(bytes([byte ^ 1]))
    system.start_server()
    acquired = system.acquire(fill_volume(tmp_path / "empty", {}))
    assert count_events(system, "recording.received") == len(FILES) - 1
    assert "DCIM/c.mp4" in acquired.errors
    # Docked again, the recorder's own bytes are sealed.
    again = system.acquire(volume)
    assert again.exit_code == 0, f"{again.lines}{again.errors}"
    assert count_events(system, "recording.received") == len(FILES)


def test_a_recorder_is_cleared_only_once_the_policy_allows_it(system: WholeSystem, volume: Path) -> None:
    refused = system.acquire(volume, "--clear")
    assert refused.exit_code == 0, refused.errors
    assert refused.summary["cleared"] == 0
    assert all((volume / name).exists() for name in FILES)
    assert count_events(system, "recording.cleared") == 0

    system.server("policy", "set", "clearing.directory", "allow", "--reason", "small office, agreed")
    cleared = system.acquire(volume, "--clear")
    assert cleared.exit_code == 0, cleared.errors
    assert cleared.summary["cleared"] == len(FILES)
    assert not [path for path in volume.rglob("*") if path.is_file()]
    assert count_events(system, "recording.cleared") == len(FILES)

    again = system.acquire(volume, "--clear")
    assert again.exit_code == 0
    assert again.summary["found"] == again.summary["cleared"] == 0
    assert count_events(system, "recording.received") == len(FILES)
    system.server("fixity")


def test_a_file_docked_again_after_clearing_is_no_second_recording(system: WholeSystem, volume: Path) -> None:
    system.server("policy", "set", "clearing.directory", "allow", "--reason", "small office, agreed")
    assert system.acquire(volume, "--clear").summary["cleared"] == len(FILES)
    fill_volume(volume, FILES)
    again = system.acquire(volume)
    assert again.exit_code == 0, f"{again.lines}{again.errors}"
    assert again.summary["already_sealed"] == len(FILES)
    assert count_events(system, "recording.received") == len(FILES)


def test_only_what_is_sealed_is_cleared(system: WholeSystem, volume: Path) -> None:
    system.server("policy", "set", "clearing.directory", "allow", "--reason", "small office, agreed")
    system.stop_server()
    acquired = system.acquire(volume, "--clear", *WAIT)
    assert acquired.summary["cleared"] == 0
    assert {name: (volume / name).read_bytes() for name in FILES} == FILES


LEDGER_FILES = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "lock.db", "lock.db-wal", "lock.db-shm")


def copy_ledger(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name in LEDGER_FILES:
        (target / name).unlink(missing_ok=True)
        if (source / name).exists():
            shutil.copy2(source / name, target / name)


@pytest.mark.parametrize("is_catalogue_rebuilt", [False, True])
def test_a_rolled_back_ledger_seals_and_clears_nothing_more(
    system: WholeSystem, volume: Path, tmp_path: Path, is_catalogue_rebuilt: bool
) -> None:
    system.server("policy", "set", "clearing.directory", "allow", "--reason", "small office, agreed")
    system.stop_server()
    copy_ledger(system.data, tmp_path / "older")
    system.start_server()
    assert system.acquire(volume).exit_code == 0
    receipts = count_receipts(system)
    system.stop_server()
    copy_ledger(tmp_path / "older", system.data)
    if is_catalogue_rebuilt:
        for path in system.data.glob("catalogue.db*"):
            path.unlink()

    other = fill_volume(tmp_path / "other", {"DCIM/new.mp4": b"after the roll-back"})
    system.start_server()
    acquired = system.acquire(other, "--clear", *WAIT)
    assert acquired.exit_code == 1
    assert not acquired.sealed
    assert acquired.summary["cleared"] == 0
    assert (other / "DCIM/new.mp4").exists()
    assert count_receipts(system) == receipts
    assert_counts_add_up(acquired)
    if is_catalogue_rebuilt:
        told = " ".join(str(line.get("error")) for line in acquired.lines)
        assert "rolled back" in told or "smaller" in told, told

"""A medium that fails in the middle of a file: that file is failed with the byte named, the rest is sealed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.fault_fs import mount_faulty
from tests.support.recorder_volumes import fill_volume
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.mount
BAD_BYTE = 3_000_000
FILES = {"DCIM/a.mp4": b"first", "DCIM/bad.mp4": os.urandom(BAD_BYTE + 2_000_000), "DCIM/c.mp4": b"last"}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[WholeSystem]:
    whole = WholeSystem(tmp_path)
    whole.start_server()
    whole.enrol()
    yield whole
    whole.stop_server()


def test_a_read_error_fails_that_file_at_its_byte_and_the_rest_is_sealed(system: WholeSystem, tmp_path: Path) -> None:
    source = fill_volume(tmp_path / "source", FILES)
    with mount_faulty(source, tmp_path / "card") as mounted:
        mounted.command(f"eio_after {BAD_BYTE}")
        acquired = system.acquire(mounted.root)
        assert acquired.exit_code == 1
        assert set(acquired.sealed) == {"DCIM/a.mp4", "DCIM/c.mp4"}
        (failed,) = [line for line in acquired.lines if line.get("state") == "failed"]
        assert failed["path"] == "DCIM/bad.mp4"
        assert f"byte {BAD_BYTE}" in failed["error"]
        assert acquired.summary["failed"] == 1

        mounted.command("none")
        again = system.acquire(mounted.root)
    assert again.exit_code == 0, again.errors
    assert again.summary["sealed"] == 1
    assert again.summary["already_sealed"] == 2
    assert sum(event["type"] == "recording.received" for event in system.events()) == len(FILES)


def test_a_device_that_is_no_more_ends_the_docking_and_seals_nothing_falsely(
    system: WholeSystem, tmp_path: Path
) -> None:
    source = fill_volume(tmp_path / "source", FILES)
    with mount_faulty(source, tmp_path / "card") as mounted:
        mounted.command("gone")
        acquired = system.acquire(mounted.root)
    assert acquired.exit_code != 0
    assert not acquired.sealed
    assert not [event for event in system.events() if event["type"] == "recording.received"]

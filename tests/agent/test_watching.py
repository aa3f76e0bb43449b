"""Volumes are seen when they come: mounts at once, watched folders when they are quiet."""

from __future__ import annotations

import queue
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agent.watching import VolumeWatch
from tests.support.recorder_volumes import (
    fill_volume,
    mount_exfat,
    mount_ext4,
    pull_out,
    remount_ext4,
    require_mounting,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

QUIET_S = 0.6
PATIENCE_S = 20.0


@contextmanager
def watching(folders: Sequence[Path] = ()) -> Iterator[VolumeWatch]:
    watch = VolumeWatch(folders, quiet_s=QUIET_S)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def wait_for(watch: VolumeWatch, root: Path) -> None:
    """Wait until a volume arrives; volumes of other tests on this machine are passed over."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if watch.arrivals.get(timeout=0.2).root == root:
                return
        except queue.Empty:
            continue
    pytest.fail(f"{root} was not seen")


def has_arrived(watch: VolumeWatch, root: Path, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while (left := deadline - time.monotonic()) > 0:
        try:
            if watch.arrivals.get(timeout=left).root == root:
                return True
        except queue.Empty:
            return False
    return False


def test_a_subfolder_that_is_there_already_is_taken(tmp_path: Path) -> None:
    card = fill_volume(tmp_path / "watched/card", {"a.mp4": b"1"})
    with watching([tmp_path / "watched"]) as watch:
        wait_for(watch, card)


def test_a_subfolder_is_not_taken_while_it_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    with watching([tmp_path / "watched"]) as watch:
        card = fill_volume(tmp_path / "watched/card", {"a.mp4": b"1"})
        with (card / "growing.mp4").open("wb", buffering=0) as growing:
            ended = time.monotonic() + 4 * QUIET_S
            while time.monotonic() < ended:
                growing.write(b"more")
                assert not has_arrived(watch, card, within_s=QUIET_S / 6)
        wait_for(watch, card)
        assert not has_arrived(watch, card, within_s=2 * QUIET_S)


def test_a_change_deep_below_restarts_the_quiet_time(tmp_path: Path) -> None:
    card = fill_volume(tmp_path / "watched/card", {"DCIM/100MEDIA/a.mp4": b"1"})
    with watching([tmp_path / "watched"]) as watch:
        wait_for(watch, card)
        fill_volume(card, {"DCIM/100MEDIA/b.mp4": b"2"})
        wait_for(watch, card)


def test_reading_a_subfolder_does_not_bring_it_again(tmp_path: Path) -> None:
    card = fill_volume(tmp_path / "watched/card", {"a.mp4": b"1"})
    with watching([tmp_path / "watched"]) as watch:
        wait_for(watch, card)
        assert (card / "a.mp4").read_bytes() == b"1"
        assert list(card.iterdir())
        assert not has_arrived(watch, card, within_s=3 * QUIET_S)


def test_files_and_links_directly_in_a_watched_folder_are_no_volumes(tmp_path: Path) -> None:
    other = fill_volume(tmp_path / "other", {"a.mp4": b"1"})
    with watching([fill_volume(tmp_path / "watched", {"file.mp4": b"1"})]) as watch:
        (tmp_path / "watched/link").symlink_to(other)
        for path in (tmp_path / "watched/file.mp4", tmp_path / "watched/link", other, tmp_path / "watched"):
            assert not has_arrived(watch, path, within_s=QUIET_S)


@pytest.mark.mount
@pytest.mark.parametrize("mounting", [mount_exfat, mount_ext4])
def test_a_real_mount_is_seen(tmp_path: Path, mounting: object) -> None:
    require_mounting()
    with watching() as watch, mounting(tmp_path / "card", {"a.mp4": b"1"}) as mounted:  # type: ignore[operator]
        wait_for(watch, mounted.root)


@pytest.mark.mount
def test_a_card_that_is_pulled_and_put_in_again_is_seen_again(tmp_path: Path) -> None:
    require_mounting()
    with mount_ext4(tmp_path / "card", {"a.mp4": b"1"}) as mounted, watching() as watch:
        wait_for(watch, mounted.root)
        pull_out(mounted.root)
        time.sleep(1)
        with remount_ext4(mounted.root, mounted.device):
            wait_for(watch, mounted.root)

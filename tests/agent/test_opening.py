"""Nothing else is ever read in a file's place: not a link, not another file, not another volume."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from agent.errors import FileChangedError, UnreadableError, VolumeGoneError
from agent.opening import VolumeFile
from agent.scanning import scan_volume
from agent.volumes import open_volume
from tests.support.recorder_volumes import fill_volume, mount_ext4, pull_out, remount_ext4, require_mounting

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"0123456789" * 1000


def prepare(root: Path, name: bytes = b"DCIM/a.mp4") -> VolumeFile:
    """One file of a volume as a scan saw it."""
    volume = open_volume(root)
    identity = volume.identify()
    (file,) = [file for file in scan_volume(volume).found if file.path == name]
    return VolumeFile(volume, identity, file)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill_volume(tmp_path / "volume", {"DCIM/a.mp4": CONTENT})


def read_all(file: VolumeFile) -> bytes:
    read, buffer = bytearray(), memoryview(bytearray(4096))
    while count := file.readinto(buffer):
        read += buffer[:count]
    file.finish()
    return bytes(read)


def test_an_unchanged_file_is_read_to_its_end(root: Path) -> None:
    with prepare(root) as file:
        assert read_all(file) == CONTENT


def test_a_link_swapped_in_after_the_scan_is_not_followed(root: Path) -> None:
    file = prepare(root)
    (root / "DCIM/a.mp4").unlink()
    (root / "DCIM/a.mp4").symlink_to("/etc/passwd")
    with pytest.raises(UnreadableError, match=os.strerror(errno.ELOOP)), file:
        pass


def test_a_folder_swapped_for_a_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    file = prepare(root)
    fill_volume(tmp_path / "secret", {"a.mp4": CONTENT})
    (root / "DCIM").rename(tmp_path / "moved")
    (root / "DCIM").symlink_to(tmp_path / "secret")
    with pytest.raises(UnreadableError), file:
        pass


def test_a_pipe_swapped_in_does_not_hang_the_dock(root: Path) -> None:
    file = prepare(root)
    (root / "DCIM/a.mp4").unlink()
    os.mkfifo(root / "DCIM/a.mp4")
    with pytest.raises(FileChangedError), file:
        pass


def test_a_file_that_grew_or_shrank_since_the_scan_is_not_read(root: Path) -> None:
    for content in (CONTENT + b"more", CONTENT[:-1], b""):
        file = prepare(root)
        (root / "DCIM/a.mp4").write_bytes(content)
        with pytest.raises(FileChangedError, match="before it was read"), file:
            pass
        (root / "DCIM/a.mp4").write_bytes(CONTENT)


def test_a_file_that_grows_while_it_is_read_does_not_count(root: Path) -> None:
    with prepare(root) as file:
        file.readinto(memoryview(bytearray(100)))
        with (root / "DCIM/a.mp4").open("ab") as growing:
            growing.write(b"more")
        with pytest.raises(FileChangedError):
            read_all(file)


def test_a_file_that_shrinks_while_it_is_read_does_not_count(root: Path) -> None:
    with prepare(root) as file:
        file.readinto(memoryview(bytearray(100)))
        os.truncate(root / "DCIM/a.mp4", 200)
        with pytest.raises(FileChangedError):
            read_all(file)


def test_a_file_written_in_place_while_it_is_read_does_not_count(root: Path) -> None:
    with prepare(root) as file:
        file.readinto(memoryview(bytearray(100)))
        with (root / "DCIM/a.mp4").open("r+b") as written:
            written.write(b"X")
        with pytest.raises(FileChangedError, match="while it was read"):
            read_all(file)


def test_a_file_replaced_by_one_of_the_same_size_and_another_time_is_not_read(root: Path) -> None:
    file = prepare(root)
    (root / "DCIM/a.mp4").unlink()
    (root / "DCIM/a.mp4").write_bytes(CONTENT[::-1])
    with pytest.raises(FileChangedError), file:
        pass


def test_a_file_that_is_gone_is_unreadable(root: Path) -> None:
    file = prepare(root)
    (root / "DCIM/a.mp4").unlink()
    with pytest.raises(UnreadableError), file:
        pass


def test_another_folder_in_the_volumes_place_is_not_read(root: Path) -> None:
    file = prepare(root)
    root.rename(root.with_name("pulled"))
    fill_volume(root, {"DCIM/a.mp4": CONTENT})
    with pytest.raises(VolumeGoneError), file:
        pass


@pytest.mark.mount
def test_a_mount_pulled_while_a_file_is_read_makes_the_bytes_not_count(tmp_path: Path) -> None:
    require_mounting()
    with mount_ext4(tmp_path / "ext4", {"DCIM/a.mp4": CONTENT}) as mounted, prepare(mounted.root) as file:
        pull_out(mounted.root)
        with pytest.raises(VolumeGoneError):
            read_all(file)


@pytest.mark.mount
def test_the_same_card_plugged_again_is_another_docking(tmp_path: Path) -> None:
    require_mounting()
    # The kernel would give the same mount id again if the docking did not hold the volume.
    with mount_ext4(tmp_path / "ext4", {"DCIM/a.mp4": CONTENT}) as mounted, open_volume(mounted.root).hold():
        file = prepare(mounted.root)
        pull_out(mounted.root)
        with remount_ext4(mounted.root, mounted.device), pytest.raises(VolumeGoneError), file:
            pass


@pytest.mark.mount
def test_a_mount_over_the_volume_is_another_volume(tmp_path: Path) -> None:
    require_mounting()
    root = fill_volume(tmp_path / "ext4", {"card/DCIM/a.mp4": CONTENT}) / "card"
    file = prepare(root)
    with (
        mount_ext4(tmp_path / "other", {"DCIM/a.mp4": CONTENT}) as mounted,
        remount_ext4(root, mounted.device),
        pytest.raises(VolumeGoneError),
        file,
    ):
        pass

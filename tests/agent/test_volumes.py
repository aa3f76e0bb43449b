"""The kernel's mount table is read as it is written, whatever stands in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import VolumeGoneError
from agent.volumes import MountFacts, find_mount, is_recorder_candidate, list_mounts, open_volume, parse_mountinfo
from tests.support.hostile import mutate, quick
from tests.support.recorder_volumes import mount_exfat, mount_ext4, require_mounting

LINE = rb"42 27 7:0 / /media/card\040one\011\134 ro,nosuid,relatime shared:1 - fuseblk /dev/sdb1 ro,blksize=4096"


def parse_one(line: bytes) -> MountFacts:
    (mount,) = parse_mountinfo(line + b"\n")
    return mount


def test_a_line_of_the_mount_table_is_read_with_its_escapes() -> None:
    mount = parse_one(LINE)
    assert mount.mount_id == 42
    assert mount.device == "/dev/sdb1"
    assert mount.major_minor == "7:0"
    assert mount.root == Path("/media/card one\t\\")
    assert mount.fs_type == "fuseblk"
    assert mount.is_read_only


@quick
@given(st.binary(max_size=400) | mutate(LINE) | st.lists(mutate(LINE), max_size=4).map(b"\n".join))
def test_no_mount_table_breaks_the_parser(data: bytes) -> None:
    for mount in parse_mountinfo(data):
        assert mount.mount_id >= 0
        assert isinstance(is_recorder_candidate(mount), bool)


@quick
@given(st.binary(min_size=1, max_size=60).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_any_name_that_the_kernel_escapes_comes_back_as_it_was(name: bytes) -> None:
    escaped = b"".join(b"\\%03o" % c if c in b" \t\n\\" else bytes([c]) for c in name)
    mount = parse_one(LINE.replace(rb"card\040one\011\134", escaped))
    assert os.fsencode(mount.root) == os.fsencode(Path(os.fsdecode(b"/media/" + name)))


def test_a_number_that_no_kernel_writes_is_passed_over() -> None:
    assert list(parse_mountinfo(LINE.replace(b"42", b"9" * 5000, 1))) == []


def test_read_only_of_the_mount_and_of_the_file_system_both_count() -> None:
    assert parse_one(LINE.replace(b"ro,nosuid", b"rw,nosuid")).is_read_only
    writable = parse_one(LINE.replace(b"ro,nosuid", b"rw,nosuid").replace(b"ro,blksize", b"rw,blksize"))
    assert not writable.is_read_only


@pytest.mark.parametrize(
    ("device", "root", "fs_type", "is_candidate"),
    [
        ("/dev/sdb1", "/media/card", "vfat", True),
        ("/dev/sdb1", "/run/media/duty/BWC01", "exfat", True),
        ("/dev/loop3", "/mnt/card", "fuseblk", True),
        ("/dev/sda2", "/", "ext4", False),
        ("/dev/sda1", "/boot/efi", "vfat", False),
        ("/dev/sda3", "/home", "ext4", False),
        ("tmpfs", "/mnt/card", "tmpfs", False),
        ("server:/share", "/mnt/card", "nfs4", False),
        ("overlay", "/mnt/card", "overlay", False),
    ],
)
def test_only_a_recorders_file_system_outside_the_system_is_a_candidate(
    device: str, root: str, fs_type: str, is_candidate: bool
) -> None:
    assert is_recorder_candidate(MountFacts(1, device, "8:1", Path(root), fs_type, "ro")) is is_candidate


def test_this_machines_own_mount_table_is_read() -> None:
    assert Path("/proc") in {mount.root for mount in list_mounts()}
    found = find_mount(Path("/proc/self"))
    assert found is not None
    assert found.fs_type == "proc"


def test_a_plain_folder_is_a_volume_without_a_mount(tmp_path: Path) -> None:
    volume = open_volume(tmp_path)
    assert volume.mount is None
    with volume.hold() as identity:
        volume.require_same(identity)


def test_a_file_is_no_volume(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("file", "nothing"):
        with pytest.raises(VolumeGoneError):
            open_volume(tmp_path / name)


@pytest.mark.mount
@pytest.mark.parametrize(("mounting", "fs_types"), [(mount_exfat, {"fuseblk"}), (mount_ext4, {"ext4"})])
def test_a_real_card_is_described(tmp_path: Path, mounting: object, fs_types: set[str]) -> None:
    require_mounting()
    with mounting(tmp_path / "with space", {"DCIM/a.mp4": b"1"}) as mounted:  # type: ignore[operator]
        volume = open_volume(mounted.root)
        assert volume.mount is not None
        assert volume.mount.root == mounted.root
        assert volume.mount.device == mounted.device
        assert volume.mount.fs_type in fs_types
        assert volume.mount.is_read_only
        assert volume.fs_uuid
        with volume.hold() as identity:
            assert identity.mount_id == volume.mount.mount_id
            assert (mounted.root / "DCIM/a.mp4").read_bytes() == b"1"

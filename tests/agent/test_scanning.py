"""A scan sees every readable regular file, follows nothing, and never calls a vanished volume an empty one."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest

from agent.errors import VolumeGoneError
from agent.scanning import Scan, ScanLimits, scan_volume
from agent.volumes import open_volume
from tests.support.recorder_volumes import fill_volume, make_hostile, mount_ext4, pull_out, require_mounting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def codes(scan: Scan) -> set[str]:
    return {finding.code for finding in scan.findings}


def test_every_readable_file_of_a_hostile_volume_is_found(tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path / "volume")
    scan = scan_volume(open_volume(hostile.root))
    assert {file.path: file.size for file in scan.found} == {name: len(data) for name, data in hostile.files.items()}


def test_links_pipes_and_sockets_are_findings_and_not_found(tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path / "volume")
    scan = scan_volume(open_volume(hostile.root))
    noted = {file.path: file.kind for file in scan.files if file.state == "finding" and file.kind != "directory"}
    assert set(noted) == hostile.findings
    assert noted[b"passwd.mp4"] == "symlink"
    assert noted[b"pipe.mp4"] == noted[b"socket.mp4"] == "other"
    assert {"NOT_A_FILE", "TOO_DEEP", "CASE_COLLISION"} <= codes(scan)


def test_folders_beyond_the_limit_are_findings_and_those_within_are_walked(tmp_path: Path) -> None:
    volume = fill_volume(tmp_path / "volume", {"a/b/kept.mp4": b"1", "a/b/c/left.mp4": b"2"})
    scan = scan_volume(open_volume(volume), ScanLimits(depth=2))
    assert [file.path for file in scan.found] == [b"a/b/kept.mp4"]
    assert [file.path for file in scan.files if file.state == "finding"] == [b"a/b/c"]
    assert codes(scan) == {"TOO_DEEP"}


def test_too_many_entries_are_told_and_end_the_scan(tmp_path: Path) -> None:
    volume = fill_volume(tmp_path / "volume", {f"{n}.mp4": b"" for n in range(5)})
    scan = scan_volume(open_volume(volume), ScanLimits(entries=3))
    assert len(scan.files) == 3
    assert codes(scan) == {"TOO_MANY_ENTRIES"}


def test_a_folder_that_is_a_link_is_not_walked(tmp_path: Path) -> None:
    fill_volume(tmp_path / "secret", {"secret.mp4": b"no recording"})
    volume = fill_volume(tmp_path / "volume", {"a.mp4": b"1"})
    (volume / "DCIM").symlink_to(tmp_path / "secret")
    assert [file.path for file in scan_volume(open_volume(volume)).found] == [b"a.mp4"]


def as_nobody(work: Callable[[], None]) -> None:
    """Run in a thread that has given up root for files; other threads keep it."""
    import ctypes

    failures: list[BaseException] = []

    def run() -> None:
        # setfsuid is per thread in the kernel; file access then is that of nobody.
        libc = ctypes.CDLL(None)
        libc.setfsuid(65534)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)
        finally:
            libc.setfsuid(0)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def test_what_this_user_may_not_read_is_failed_and_holds_up_nothing(tmp_path: Path) -> None:
    volume = fill_volume(tmp_path / "volume", {"a.mp4": b"1", "b.mp4": b"2", "closed/c.mp4": b"3"})
    (volume / "a.mp4").chmod(0)
    (volume / "closed").chmod(0)
    for folder in (volume, tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    opened = open_volume(volume)

    def scan_as_nobody() -> None:
        scan = scan_volume(opened)
        states = {file.path: (file.state, file.reason) for file in scan.files}
        assert states[b"a.mp4"] == ("failed", "cannot be opened: Permission denied")
        assert states[b"b.mp4"] == ("found", None)
        assert states[b"closed"] == ("failed", "the folder cannot be opened: Permission denied")
        assert codes(scan) == {"FOLDER_UNREADABLE"}

    if os.geteuid() == 0:
        as_nobody(scan_as_nobody)
    else:
        scan_as_nobody()


def break_listing(monkeypatch: pytest.MonkeyPatch, broken: Path) -> None:
    """Let the medium fail where the entries of one folder stand."""
    listdir, inode = os.listdir, broken.stat().st_ino

    def fail(folder: int) -> list[str]:
        if os.fstat(folder).st_ino == inode:
            raise OSError(errno.EIO, "Input/output error")
        return listdir(folder)

    monkeypatch.setattr("agent.scanning.os.listdir", fail)


def test_a_folder_that_cannot_be_listed_is_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = fill_volume(tmp_path / "volume", {"DCIM/a.mp4": b"1", "LOG/b.log": b"2"})
    break_listing(monkeypatch, volume / "DCIM")
    scan = scan_volume(open_volume(volume))
    assert [(file.path, file.state) for file in scan.files] == [(b"DCIM", "failed"), (b"LOG/b.log", "found")]
    assert codes(scan) == {"FOLDER_UNREADABLE"}


def test_a_volume_that_cannot_be_listed_is_no_empty_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = fill_volume(tmp_path / "volume", {"a.mp4": b"1"})
    break_listing(monkeypatch, volume)
    with pytest.raises(VolumeGoneError, match="cannot be listed"):
        scan_volume(open_volume(volume))


def test_a_folder_that_is_gone_is_a_volume_that_is_gone(tmp_path: Path) -> None:
    volume = open_volume(fill_volume(tmp_path / "volume", {}))
    volume.root.rmdir()
    with pytest.raises(VolumeGoneError):
        scan_volume(volume)


def test_a_folder_replaced_before_the_scan_gives_no_listing(tmp_path: Path) -> None:
    volume = open_volume(fill_volume(tmp_path / "volume", {"a.mp4": b"1"}))
    identity = volume.identify()
    volume.root.rename(tmp_path / "pulled")
    (tmp_path / "volume").mkdir()
    with pytest.raises(VolumeGoneError):
        scan_volume(volume, identity=identity)


def test_a_volume_replaced_while_it_is_listed_gives_no_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = open_volume(fill_volume(tmp_path / "volume", {"a.mp4": b"1", "b/c.mp4": b"2"}))
    real_open = os.open

    def open_and_swap(path: object, *arguments: object, **keywords: object) -> int:
        if path == b"b":
            volume.root.rename(tmp_path / "pulled")
            fill_volume(tmp_path / "volume", {"other.mp4": b"of another recorder"})
        return real_open(path, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr("agent.scanning.os.open", open_and_swap)
    with pytest.raises(VolumeGoneError):
        scan_volume(volume)


@pytest.mark.mount
def test_a_pulled_mount_is_gone_and_never_an_empty_volume(tmp_path: Path) -> None:
    require_mounting()
    with mount_ext4(tmp_path / "ext4", {"DCIM/a.mp4": b"1"}) as mounted:
        volume = open_volume(mounted.root)
        assert [file.path for file in scan_volume(volume).found] == [b"DCIM/a.mp4"]
        identity = volume.identify()
        pull_out(mounted.root)
        assert not list(mounted.root.iterdir())
        with pytest.raises(VolumeGoneError):
            volume.require_same(identity)
        with pytest.raises(VolumeGoneError):
            scan_volume(volume)


@pytest.mark.mount
def test_a_mount_pulled_while_it_is_listed_gives_no_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_mounting()
    with mount_ext4(tmp_path / "ext4", {"DCIM/a.mp4": b"1", "EMPTY/b.mp4": b"2"}) as mounted:
        volume = open_volume(mounted.root)
        real_open = os.open

        def open_and_pull(path: object, *arguments: object, **keywords: object) -> int:
            if path == b"DCIM":
                pull_out(mounted.root)
            return real_open(path, *arguments, **keywords)  # type: ignore[arg-type]

        monkeypatch.setattr("agent.scanning.os.open", open_and_pull)
        with pytest.raises(VolumeGoneError):
            scan_volume(volume)


@pytest.mark.mount
def test_a_read_only_mount_has_no_finding_and_a_plain_folder_neither(tmp_path: Path) -> None:
    require_mounting()
    with mount_ext4(tmp_path / "ext4", {"DCIM/a.mp4": b"1"}) as mounted:
        volume = open_volume(mounted.root)
        assert volume.mount is not None
        assert volume.mount.is_read_only
        assert volume.fs_uuid is not None
        assert "WRITABLE_MOUNT" not in codes(scan_volume(volume))

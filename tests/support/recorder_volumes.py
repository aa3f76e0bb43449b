"""Recorder volumes as tests need them: layouts, hostile entries, and real mounts where mounting is permitted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ZFY_NAME = "3100457_01420720261123140320_0001.MP4"
ZFY_OTHER = "3100457_01420720261123141000_0002IMP.MP4"
HOSTILE_NAMES = (
    b"bell\x07 newline\nescape\x1b[31m.mp4",
    b"\xff\xfe\x80 not utf-8.mp4",
    "执法记录.mp4".encode("gb18030"),
    "执法\u202egpj.记录.mp4".encode(),
    b"n" * 251 + b".mp4",
    b"CASE.mp4",
    b"case.MP4",
    b"..\\..\\etc\\passwd",
    b"-rf",
    b"%2e%2e%2fpasswd",
    b"$(reboot);`id`.mp4",
    b"name with 'quotes\" and <b>.mp4",
    b" ",
    b"...",
)
_MOUNT_TOOLS = ("losetup", "mkfs.exfat", "mount.exfat-fuse", "mkfs.ext4", "mount", "umount")


@dataclass(frozen=True, slots=True)
class HostileVolume:
    """What was put on a volume: readable regular files by raw path, and entries that are only findings."""

    root: Path
    files: Mapping[bytes, bytes]
    findings: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class MountedVolume:
    """A real mount; ``daemon`` is the FUSE program's process id where there is one."""

    root: Path
    device: str
    daemon: int | None


def fill_volume(root: Path, files: Mapping[str | bytes, bytes]) -> Path:
    """Write files by path below a root, making folders."""
    for name, data in files.items():
        path = os.path.join(os.fsencode(root), os.fsencode(name))  # noqa: PTH118 - raw names are no Path
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - the same
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with open(fd, "wb") as file:  # noqa: PTH123 - the same
            file.write(data)
    root.mkdir(exist_ok=True)
    return root


def make_zfy(root: Path) -> Path:
    """A recorder whose names follow the ZFY pattern, with a log and a sidecar."""
    return fill_volume(
        root,
        {
            f"20261123/{ZFY_NAME}": b"first recording",
            f"20261123/{ZFY_OTHER}": b"second recording",
            f"20261123/{ZFY_NAME}.md5": b"0" * 32,
            "LOG/20261123.log": b"power on\n",
        },
    )


def make_dcim(root: Path) -> Path:
    """A camera's layout."""
    return fill_volume(root, {"DCIM/100MEDIA/MOVI0001.MP4": b"moving", "DCIM/100MEDIA/MOVI0001.THM": b"thumbnail"})


def make_unknown(root: Path) -> Path:
    """Media in no known layout."""
    return fill_volume(root, {"stuff/clip.mp4": b"clip", "readme.txt": b"text"})


def make_hostile(root: Path, *, depth: int = 40) -> HostileVolume:
    """Everything that a hostile recorder can hold, at once; one folder chain is deeper than any limit."""
    files = {name: b"content of " + name for name in HOSTILE_NAMES}
    files |= {
        b"empty.mp4": b"",
        b"locked.mp4": b"nobody may read this but root",
        b"recording.mp4": b"real",
        b"recording.mp4.sha256": b"a sidecar that claims a digest",
        b"deep/" + b"/".join([b"d"] * 20) + b"/kept.mp4": b"deep, within the limit",
        b"text.mp4": b"no media at all",
    }
    fill_volume(root, files)
    (root / "locked.mp4").chmod(0)
    too_deep = root / "abyss" / "/".join("x" * depth)
    too_deep.mkdir(parents=True)
    (too_deep / "unreached.mp4").write_bytes(b"too deep")
    findings = _add_other_entries(root)
    if os.geteuid() != 0:
        del files[b"locked.mp4"]
    return HostileVolume(root, files, findings)


def _add_other_entries(root: Path) -> frozenset[bytes]:
    (root / "passwd.mp4").symlink_to("/etc/passwd")
    (root / "dangling.mp4").symlink_to("nowhere.mp4")
    (root / "loop").symlink_to(".")
    (root / "DCIM-link").symlink_to("/etc")
    os.mkfifo(root / "pipe.mp4")
    current = Path.cwd()
    with socket.socket(socket.AF_UNIX) as listening:
        # A socket's address is short, so it is bound by a relative name.
        os.chdir(root)
        try:
            listening.bind("socket.mp4")
        finally:
            os.chdir(current)
    return frozenset({b"passwd.mp4", b"dangling.mp4", b"loop", b"DCIM-link", b"pipe.mp4", b"socket.mp4"})


def require_mounting() -> None:
    """Skip with the reason where mounting is not permitted; in CI as root with the devices there, fail instead."""
    missing = [tool for tool in _MOUNT_TOOLS if _find_tool(tool) is None]
    has_devices = Path("/dev/loop-control").exists() and Path("/dev/fuse").exists()
    reason = None
    if os.geteuid() != 0:
        reason = "mounting needs root"
    elif not has_devices:
        reason = "there is no /dev/loop-control or no /dev/fuse"
    elif missing:
        reason = f"not installed: {', '.join(missing)}"
    else:
        reason = _try_loop_device()
    if reason is None:
        return
    if os.environ.get("CI") == "true" and os.geteuid() == 0 and has_devices:
        pytest.fail(f"CI must mount real volumes: {reason}")
    pytest.skip(reason)


def _find_tool(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _try_loop_device() -> str | None:
    finished = _call("losetup", "--find", check=False)
    return None if finished.returncode == 0 else f"no loop device: {finished.stderr.strip()}"


def _call(name: str, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    program = _find_tool(name)
    assert program is not None, name
    finished = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert not check or finished.returncode == 0, f"{name}: {finished.returncode} {finished.stdout}{finished.stderr}"
    return finished


@contextmanager
def loop_device(image: Path, mib: int) -> Iterator[str]:
    """A loop device over a fresh image file."""
    with image.open("wb") as file:
        file.truncate(mib << 20)
    device = _call("losetup", "--find", "--show", image).stdout.strip()
    try:
        yield device
    finally:
        _call("losetup", "--detach", device, check=False)


@contextmanager
def mount_exfat(folder: Path, files: Mapping[str | bytes, bytes], *, mib: int = 64) -> Iterator[MountedVolume]:
    """An exFAT card, filled and then mounted read-only through exfat-fuse on a loop device."""
    folder.mkdir()
    root = folder / "card"
    root.mkdir()
    with loop_device(folder / "card.img", mib) as device:
        _call("mkfs.exfat", device)
        with _mounted(root, "mount.exfat-fuse", device, root):
            fill_volume(root, files)
        with remount_exfat(root, device) as volume:
            yield volume


@contextmanager
def remount_exfat(root: Path, device: str) -> Iterator[MountedVolume]:
    """Mount an exFAT device read-only; the FUSE program's process id is told so that a test can end exactly it."""
    with _mounted(root, "mount.exfat-fuse", "-o", "ro", device, root):
        yield MountedVolume(root, device, _find_daemon(device))


@contextmanager
def mount_ext4(folder: Path, files: Mapping[str | bytes, bytes], *, mib: int = 64) -> Iterator[MountedVolume]:
    """An ext4 card, filled and then mounted read-only."""
    folder.mkdir()
    root = folder / "card"
    root.mkdir()
    with loop_device(folder / "card.img", mib) as device:
        _call("mkfs.ext4", "-q", "-F", device)
        with _mounted(root, "mount", "-t", "ext4", device, root):
            fill_volume(root, files)
        with remount_ext4(root, device) as volume:
            yield volume


@contextmanager
def remount_ext4(root: Path, device: str) -> Iterator[MountedVolume]:
    """Mount an ext4 device as a dock should: read-only, without replaying its journal."""
    with _mounted(root, "mount", "-t", "ext4", "-o", "ro,noload,noexec,nosuid,nodev", device, root):
        yield MountedVolume(root, device, None)


@contextmanager
def _mounted(root: Path, *command: object) -> Iterator[None]:
    _call(str(command[0]), *command[1:])
    try:
        yield
    finally:
        unmount(root)


def unmount(root: Path) -> None:
    """Unmount, waiting a moment for readers to let go; what a test pulled out already is fine."""
    for _ in range(50):
        if _call("umount", root, check=False).returncode == 0 or not _is_mounted(root):
            return
        time.sleep(0.1)
    pull_out(root)


def pull_out(root: Path) -> None:
    """Take the volume away while it is in use, as a pulled plug does: open files still read, the folder is empty."""
    _call("umount", "--lazy", root, check=False)


def _is_mounted(root: Path) -> bool:
    return any(line.split(" ")[4] == str(root) for line in Path("/proc/self/mountinfo").read_text().splitlines())


def _find_daemon(device: str) -> int | None:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"mount.exfat-fuse") and device.encode() in words:
                    return int(folder.name)
    return None

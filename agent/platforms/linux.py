"""What Linux tells of a block device: the USB device's serial (sysfs) and the file system's identifiers (blkid)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/dev/block")
_BLKID_S = 10


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What is known of a device; each may be unknown."""

    fs_uuid: str | None = None
    label: str | None = None
    hardware_serial: str | None = None
    usb: tuple[str, str] | None = None


def read_device_facts(device: str, major_minor: str) -> DeviceFacts:
    """Ask sysfs and blkid; what they do not tell stays unknown."""
    values = _ask_blkid(device)
    serial, usb = _read_usb(major_minor)
    return DeviceFacts(values.get("UUID"), values.get("LABEL"), serial, usb)


def _ask_blkid(device: str) -> dict[str, str]:
    program = shutil.which("blkid")
    if program is None or not device.startswith("/dev/"):
        return {}
    try:
        # Low-level probing reads the device itself and no cache that another plug may have left.
        finished = subprocess.run(  # noqa: S603 - a fixed program, the device comes from the kernel
            [program, "-p", "-o", "export", "--", device], capture_output=True, timeout=_BLKID_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition("=") for line in finished.stdout.decode("utf-8", "replace").splitlines())
    return {name: value for name, separator, value in pairs if separator}


def _read_usb(major_minor: str) -> tuple[str | None, tuple[str, str] | None]:
    """Walk up from the block device to the USB device it hangs on."""
    place = (SYSFS / major_minor).resolve()
    for folder in (place, *place.parents):
        vendor, product = _read(folder / "idVendor"), _read(folder / "idProduct")
        if vendor and product:
            return _read(folder / "serial"), (vendor, product)
    return None, None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None

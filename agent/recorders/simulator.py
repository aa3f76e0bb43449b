"""Simulated recorders: folders laid out as a family's recorders lay out their storage, with faults where asked for.

The same seed makes the same volumes. What a volume must give when it is taken in is told with it, so that a test or a
person can compare. The content is a well-formed container around noise unless real clips are given.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agent.recorders.profile import load_profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agent.recorders.profile import Profile, Simulation

CHUNK = 1 << 20
# Each fault with what it makes; the last column of `dock-agent simulate --help` is made of it.
FAULTS = {
    "gap": "one number of the series is missing",
    "clock-reset": "the clock fell back to its first day in the middle",
    "clock-ahead": "the clock is two days ahead",
    "unset": "serial and officer are all zeros",
    "same-serial": "it claims the serial of the first recorder",
    "overlap": "two recordings claim the same time",
    "strange-names": "names that are no text, and signs that steer a terminal",
    "link": "a link that leads out of the volume",
    "unfinished": "the last file is empty",
    "nothing": "nothing is on it",
}
_RESET = datetime(2000, 1, 1, 0, 0, 12)  # noqa: DTZ001 - a recorder's clock has no zone
_STRANGE = (b"bell\x07\x1b[31m.mp4", b"\xff\xfe\x80.mp4", "执法\u202e4pm.记录.mp4".encode())


@dataclass(slots=True)
class SimulatedRecorder:
    """One recorder as it was made.

    Attributes:
        root: Its volume.
        family: The profile it follows.
        serial: As its names claim it.
        officer: As its names claim it.
        fault: What is wrong with it; None where nothing is.
        files: How many regular files it holds.
        size: Their bytes.
        marked: How many of them an officer marked.
    """

    root: Path
    family: str
    serial: str
    officer: str
    fault: str | None = None
    files: int = 0
    size: int = 0
    marked: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """What the simulated recorders recorded.

    Attributes:
        ended: When the shift ended, by the recorders' clocks.
        recordings: How many each holds.
        file_size: Bytes of a recording, more or less.
        footage: Real clips to take the content from, in turn; noise where there are none.
        seed: Makes it repeatable.
    """

    ended: datetime
    recordings: int = 4
    file_size: int = 4 << 20
    footage: tuple[Path, ...] = ()
    seed: int = 1


@dataclass(slots=True)
class _Writer:
    """Writes one recorder's files and counts them."""

    recorder: SimulatedRecorder
    shift: Shift
    chance: random.Random
    on_bytes: Callable[[int], None]
    clips: Iterator[Path] | None = field(init=False)

    def __post_init__(self) -> None:
        self.clips = itertools.cycle(self.shift.footage) if self.shift.footage else None

    def write(self, path: bytes, size: int, ended: datetime) -> None:
        """Write a file below the root; its time by the file system is when the recording ended."""
        place = os.path.join(os.fsencode(self.recorder.root), path)  # noqa: PTH118 - raw names are no Path
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - the same
        with open(place, "xb") as file:  # noqa: PTH123 - the same
            if self.clips is not None and size:
                with next(self.clips).open("rb") as clip:
                    shutil.copyfileobj(clip, file, CHUNK)
            else:
                for piece in _make_content(self.chance, size):
                    file.write(piece)
                    self.on_bytes(len(piece))
            written = file.tell()
        stamp = ended.timestamp()
        os.utime(place, (stamp, stamp))
        self.recorder.files += 1
        self.recorder.size += written


def list_families() -> list[str]:
    """Families that can be simulated."""
    return [profile.name for profile in load_profiles() if profile.simulate is not None]


def simulate(
    folder: Path,
    shift: Shift,
    families: Sequence[str],
    faults: Sequence[str | None],
    on_bytes: Callable[[int], None] = lambda _: None,
) -> list[SimulatedRecorder]:
    """Make one recorder for each entry of ``faults``, in folders below ``folder`` that must not be there yet.

    Args:
        folder: Where the volumes are made.
        shift: What they recorded.
        families: Profiles to follow, in turn.
        faults: A name of ``FAULTS`` or None for each recorder.
        on_bytes: Told how many bytes were made.

    Raises:
        FileExistsError: A volume is there already; nothing is ever written over.
        KeyError: A family or fault that nobody knows.
    """
    profiles = {profile.name: profile for profile in load_profiles() if profile.simulate is not None}
    made = []
    for number, fault in enumerate(faults):
        profile = profiles[families[number % len(families)]]
        if fault is not None and fault not in FAULTS:
            raise KeyError(fault)
        made.append(_make_recorder(folder, number, profile, fault, shift, on_bytes))
    return made


def _make_recorder(
    folder: Path, number: int, profile: Profile, fault: str | None, shift: Shift, on_bytes: Callable[[int], None]
) -> SimulatedRecorder:
    serial = {"unset": "0000000", "same-serial": "3100400"}.get(fault or "", f"{3100400 + number:07}")
    officer = "000000" if fault == "unset" else f"{14200 + number:06}"
    root = folder / f"BWC{number + 1:02}"
    root.mkdir(parents=True)
    recorder = SimulatedRecorder(root, profile.name, serial, officer, fault)
    if fault == "nothing":
        return recorder
    assert profile.simulate is not None
    writer = _Writer(recorder, shift, random.Random(shift.seed * 1000 + number), on_bytes)  # noqa: S311 - made footage
    _write_recordings(writer, profile.simulate)
    if fault == "strange-names":
        for name in _STRANGE:
            writer.write(name, 1024, shift.ended)
    if fault == "link":
        (root / "passwd.mp4").symlink_to("/etc/passwd")
    return recorder


def _write_recordings(writer: _Writer, forms: Simulation) -> None:
    recorder, shift = writer.recorder, writer.shift
    has_sidecar = False
    for started, length, sequence, is_last in _plan(writer):
        values = {"serial": recorder.serial, "officer": recorder.officer, "started": started, "sequence": sequence}
        is_marked = forms.marked is not None and sequence % 4 == 2
        form = forms.marked if is_marked and forms.marked else forms.recording
        size = 0 if recorder.fault == "unfinished" and is_last else writer.chance.randint(*_spread(shift.file_size))
        writer.write(form.format(**values).encode(), size, started + length)
        recorder.marked += is_marked
        # One list may stand for all files; its name then has no fields.
        if forms.sidecar and (not has_sidecar or "{" in forms.sidecar):
            writer.write(forms.sidecar.format(**values).encode(), 512, started + length)
            has_sidecar = True
    if forms.log:
        values = {"serial": recorder.serial, "officer": recorder.officer, "started": shift.ended, "sequence": 0}
        writer.write(forms.log.format(**values).encode(), 2048, shift.ended)


def _plan(writer: _Writer) -> Iterator[tuple[datetime, timedelta, int, bool]]:
    """Start, length, number of each recording, and whether it is the last."""
    fault, count = writer.recorder.fault, writer.shift.recordings
    started = writer.shift.ended - timedelta(minutes=20 * count)
    if fault == "clock-ahead":
        started += timedelta(days=2)
    sequence = writer.chance.randint(1, 200)
    for place in range(count):
        if fault == "clock-reset" and place == count // 2:
            started = _RESET
        if fault == "gap" and place == count - 1:
            sequence += 1
        length = timedelta(minutes=writer.chance.randint(3, 12))
        yield started, length, sequence, place == count - 1
        step = timedelta(minutes=1) if fault == "overlap" and place == 0 else timedelta(minutes=20)
        started, sequence = started + step, sequence + 1


def _spread(size: int) -> tuple[int, int]:
    return max(64, size * 3 // 4), max(64, size * 5 // 4)


def _make_content(chance: random.Random, size: int) -> Iterator[bytes]:
    """A container's first box and a body of noise."""
    head = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + (max(8, size - 24)).to_bytes(4, "big") + b"mdat"
    yield head[:size]
    left = size - len(head[:size])
    while left > 0:
        piece = chance.randbytes(min(CHUNK, left))
        yield piece
        left -= len(piece)

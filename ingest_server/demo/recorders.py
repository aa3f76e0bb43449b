"""The demonstration's recorder volumes: plain folders laid out as small recorders lay out their storage."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ingest_server.demo.footage import FRAMES_PER_SECOND, Clip, write_clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console


@dataclass(frozen=True, slots=True)
class DemoRecorder:
    """One made recorder: the numbers its files carry and the lengths of its clips in seconds."""

    serial: str
    officer: str
    clip_seconds: tuple[int, ...]


RECORDERS = (
    DemoRecorder("3100457", "014207", (8, 6, 7)),
    DemoRecorder("3100462", "014311", (9, 5)),
    DemoRecorder("3100518", "015026", (7, 8)),
)


def build_volumes(folder: Path, now: datetime, console: Console) -> list[Path]:
    """Make the recorder volumes that are not there yet and return all of them.

    Args:
        folder: Holds one folder a recorder.
        now: Local time; the footage is dated on the day before.
        console: Where the progress bar is drawn.

    Returns:
        The volume roots, in order.
    """
    clips = list(_plan_clips(folder, now))
    missing = [(path, clip) for path, clip in clips if not path.exists()]
    if missing:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            frames = sum(clip.duration_s for _, clip in missing) * FRAMES_PER_SECOND
            task = progress.add_task("filming · 拍摄", total=frames)
            for path, clip in missing:
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = path.with_suffix(".part")
                write_clip(unfinished, clip, lambda: progress.advance(task))
                stamp = (clip.started + timedelta(seconds=clip.duration_s)).timestamp()
                os.utime(unfinished, (stamp, stamp))
                unfinished.rename(path)
    return [folder / recorder.serial for recorder in RECORDERS]


def _plan_clips(folder: Path, now: datetime) -> Iterator[tuple[Path, Clip]]:
    """Give each clip's path and content; clips already made keep their names whatever the day is."""
    shift = (now - timedelta(days=1)).replace(hour=14, minute=3, second=20, microsecond=0, tzinfo=None)
    for number, recorder in enumerate(RECORDERS):
        media = folder / recorder.serial / "DCIM" / "100MEDIA"
        made = sorted(media.glob("*.MP4"))
        started = shift + timedelta(minutes=4 * number)
        for sequence, seconds in enumerate(recorder.clip_seconds, start=1):
            name = f"{recorder.serial}_{recorder.officer}{started:%Y%m%d%H%M%S}_{sequence:04d}.MP4"
            there = [path for path in made if path.stem.endswith(f"_{sequence:04d}")]
            clip = Clip(recorder.serial, recorder.officer, started, seconds, seed=10 * number + sequence)
            yield (there[0] if there else media / name), clip
            started += timedelta(seconds=seconds)


def copy_footage(folder: Path, footage: Path, console: Console) -> list[Path]:
    """Put a person's own files onto one volume each for the folder itself and each subfolder that holds files.

    Files already copied (same size) are left; links are not followed.

    Args:
        folder: Holds the volumes.
        footage: The person's folder; it is only read.
        console: Where the progress bar is drawn.

    Returns:
        The volume roots that hold at least one file.
    """
    pairs: list[tuple[Path, Path]] = []
    volumes: dict[Path, None] = {}
    for source in sorted(path for path in footage.rglob("*") if path.is_file() and not path.is_symlink()):
        inside = source.relative_to(footage)
        volume = folder / (f"own-{inside.parts[0]}" if len(inside.parts) > 1 else "own-footage")
        rest = inside.parts[1:] if len(inside.parts) > 1 else inside.parts
        volumes[volume] = None
        pairs.append((source, volume.joinpath("DCIM", *rest)))
    missing = [(a, b) for a, b in pairs if not b.exists() or b.stat().st_size != a.stat().st_size]
    with Progress(console=console, disable=not missing) as progress:
        task = progress.add_task("copying · 复制", total=sum(a.stat().st_size for a, _ in missing))
        for source, target in missing:
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_name(target.name + ".part")
            shutil.copy2(source, unfinished)
            unfinished.rename(target)
            progress.advance(task, source.stat().st_size)
    return list(volumes)

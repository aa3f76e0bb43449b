"""``dock-agent simulate``: which recorders to make, with progress, and what was made in words."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from agent.errors import AgentError
from agent.names import display_path
from agent.recorders.simulator import FAULTS, Shift, SimulatedRecorder, list_families, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def make_recorders(
    folder: Path,
    recorders: int,
    recordings: int,
    size: int,
    footage: Path | None,
    asked: Sequence[str],
    seed: int,
    *,
    as_json: bool,
) -> Iterator[str]:
    """Make them and give one line each.

    Args:
        folder: Where their volumes are made.
        recorders: How many.
        recordings: How many recordings on each.
        size: Bytes of a recording, more or less.
        footage: Folder of real clips; None for noise.
        asked: Faults, ``NAME`` or ``NUMBER=NAME``.
        seed: Makes it repeatable.
        as_json: Whether a line is a JSON object.

    Raises:
        AgentError: A fault nobody knows, no clips, or a volume that is there already.
    """
    faults = choose_faults(asked, recorders)
    clips = tuple(sorted(path for path in footage.iterdir() if path.is_file())) if footage else ()
    if footage and not clips:
        raise AgentError(f"{footage} holds no clips")
    shift = Shift(datetime.now(), recordings, size, clips, seed)  # noqa: DTZ005 - a recorder's clock has no zone
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("recording · 模拟录制", total=None if clips else recorders * recordings * size)
        try:
            made = simulate(folder, shift, list_families(), faults, lambda count: progress.advance(task, count))
        except FileExistsError as error:
            raise AgentError(f"{error.filename} is there already; name another folder or remove it") from error
    for recorder in made:
        yield json.dumps(_describe(recorder)) if as_json else _say(recorder)


def choose_faults(asked: Sequence[str], recorders: int) -> list[str | None]:
    """Which recorder has which fault: ``NUMBER=NAME`` that one, ``NAME`` the last that has none yet."""
    faults: list[str | None] = [None] * recorders
    for text in asked:
        number, _, name = text.rpartition("=")
        if name not in FAULTS:
            known = ", ".join(f"{fault} ({words})" for fault, words in FAULTS.items())
            raise AgentError(f"there is no fault {name!r}; there are: {known}")
        free = [place for place, fault in enumerate(faults) if fault is None]
        place = int(number) - 1 if number.isascii() and number.isdecimal() else free[-1] if free and not number else -1
        if not 0 <= place < recorders:
            raise AgentError(f"{text!r}: there are recorders 1 to {recorders}, one fault each")
        faults[place] = name
    return faults


def _describe(recorder: SimulatedRecorder) -> dict[str, object]:
    return {
        "root": str(recorder.root),
        "family": recorder.family,
        "serial": recorder.serial,
        "fault": recorder.fault,
        "files": recorder.files,
        "bytes": recorder.size,
        "marked": recorder.marked,
    }


def _say(recorder: SimulatedRecorder) -> str:
    fault = f"; {FAULTS[recorder.fault]}" if recorder.fault else ""
    size = f"{recorder.size / 2**20:.1f} MiB"
    return f"{display_path(bytes(recorder.root))}: {recorder.family}, {recorder.files} files, {size}{fault}"

"""What a run tells: JSON lines for programs on standard output, bars and sentences for people on standard error."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from agent.names import display_path, encode_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from rich.console import RenderableType

    from chain_of_custody.canonical import JsonValue


@dataclass(slots=True)
class Summary:
    """How a run ended; ``sealed`` counts this run, found = sealed + already_sealed + failed + waiting."""

    found: int = 0
    sealed: int = 0
    already_sealed: int = 0
    failed: int = 0
    waiting: int = 0
    cleared: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether everything found is sealed."""
        return self.failed == 0 and self.waiting == 0


class Telling(Protocol):
    """Who is told what happens; any thread may call anything."""

    def begin(self, docking_id: str, title: str, total_bytes: int, total_files: int) -> None:
        """A volume was listed."""

    def note_bytes(self, docking_id: str | None, count: int) -> None:
        """Bytes of a docking were read."""

    def end(self, docking_id: str) -> None:
        """A docking's files are all read or given up."""

    def say(self, sentence: str) -> None:
        """One sentence for the person."""

    def show_state(
        self,
        path: bytes,
        state: str,
        *,
        size: int | None,
        digests: dict[str, JsonValue] | None = None,
        evidence_id: str | None = None,
        error: str | None = None,
        is_already: bool = False,
    ) -> None:
        """A file reached a state."""

    def finish(self, summary: Summary) -> None:
        """How a run ended."""


class Reporter:
    """Tells one run; any thread may call anything. A context manager around the progress bar."""

    def __init__(self, *, as_json: bool) -> None:
        """Print JSON lines on standard output, or text."""
        self._as_json = as_json
        self._console = Console(stderr=True)
        self._guard = threading.Lock()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        # Standard output is for results alone: bars must not draw it into their own stream.
        self._progress = Progress(*columns, console=self._console, redirect_stdout=False, redirect_stderr=False)
        self._tasks: dict[str, TaskID] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def show_instead(self, render: Callable[[], RenderableType]) -> None:
        """Show a picture of one's own in place of the bars, renewed all the time, where there is a terminal."""
        if self._console.is_terminal:
            self._progress.stop()
            self._live = Live(
                console=self._console, get_renderable=render, redirect_stdout=False, redirect_stderr=False
            )
            self._live.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._progress.stop()
        if self._live is not None:
            self._live.stop()

    def begin(self, docking_id: str, title: str, total_bytes: int, total_files: int) -> None:  # noqa: ARG002 - for others
        """Say what is docked and how much there is to read."""
        self._tasks[docking_id] = self._progress.add_task(escape(display_path(os.fsencode(title))), total=total_bytes)

    def note_bytes(self, docking_id: str | None, count: int) -> None:
        """Bytes of a docking were read."""
        task = self._tasks.get(docking_id or "")
        if task is not None:
            self._progress.advance(task, count)

    def end(self, docking_id: str) -> None:
        """Take a docking's bar away."""
        task = self._tasks.pop(docking_id, None)
        if task is not None:
            self._progress.remove_task(task)

    def say(self, sentence: str) -> None:
        """Tell the person one sentence."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def show_state(
        self,
        path: bytes,
        state: str,
        *,
        size: int | None,
        digests: dict[str, JsonValue] | None = None,
        evidence_id: str | None = None,
        error: str | None = None,
        is_already: bool = False,
    ) -> None:
        """Tell that a file reached a state."""
        line: dict[str, Any] = {
            "path": display_path(path),
            "path_b64": encode_path(path),
            "state": state,
            "size": size,
            "digests": digests,
            "evidence_id": evidence_id,
            "error": error,
        }
        if is_already:
            line["already"] = True
        if self._as_json:
            self._print(json.dumps(line, ensure_ascii=False))
        elif error:
            self.say(f"{line['path']}: {error}")
        elif state == "sealed":
            self.say(
                f"{'sealed before · 此前已固证' if is_already else 'sealed · 已固证'}  {evidence_id}  {line['path']}"
            )

    def finish(self, summary: Summary) -> None:
        """Tell how the run ended."""
        if self._as_json:
            self._print(json.dumps({"summary": asdict(summary)}))
            return
        total = summary.sealed + summary.already_sealed
        self._print(
            f"{total} of {summary.found} files sealed ({summary.sealed} now), {summary.failed} failed,"
            f" {summary.waiting} waiting, {summary.cleared} cleared · 已固证 {total}/{summary.found}"
        )
        if summary.found == 0:
            self._print(
                "Nothing was found there: look whether this is the recorder. · 未发现任何文件，请确认是否为该记录仪。"
            )
        elif summary.is_complete:
            self._print("Everything found is sealed. You may take the recorder. · 全部已固证，可取走记录仪。")
        else:
            self._print("Keep the recorder as it is and dock it again. · 请保留记录仪内容，稍后重新接入。")

    def _print(self, line: str) -> None:
        with self._guard:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

"""A dock opened in the test's own process, with a client that a test can meddle with and a reporter that keeps all."""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import agent.dock
from agent.client import ServerClient
from agent.config import load_config, prepare_home, save_config
from agent.dock import Dock
from agent.journal import Journal
from agent.progress import Reporter
from agent.retrying import Patience
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.instants import utc_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from agent.journal import FileRow
    from chain_of_custody.instants import Clock
    from tests.support.whole_system import WholeSystem


class KeepingReporter(Reporter):
    """Keeps every line and sentence instead of printing it."""

    def __init__(self) -> None:
        super().__init__(as_json=True)
        self.lines: list[dict[str, Any]] = []
        self.sentences: list[str] = []

    def show_state(self, path: bytes, state: str, **values: Any) -> None:
        self.lines.append({"path": path, "state": str(state), **values})

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def states_of(self, path: bytes) -> list[str]:
        return [line["state"] for line in self.lines if line["path"] == path]

    def errors_of(self, path: bytes) -> list[str]:
        return [line["error"] for line in self.lines if line["path"] == path and line.get("error")]


class MeddlingClient(ServerClient):
    """The real client; a test may look at calls, stop them or change their answers on the way."""

    before_call: Callable[[str, str, Mapping[str, Any] | None], None] = staticmethod(lambda *_: None)  # type: ignore[assignment]
    after_call: Callable[[str, dict[str, Any]], dict[str, Any]] = staticmethod(lambda _, answer: answer)  # type: ignore[assignment]
    before_part: Callable[[Mapping[str, Any]], None] = staticmethod(lambda _: None)  # type: ignore[assignment]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.calls: list[tuple[str, str]] = []
        self.parts: list[int] = []

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        self.calls.append((method, path))
        self.before_call(method, path, body)
        status, answer = super().call(method, path, body)
        return status, self.after_call(path, answer)

    def put_part(self, request: Mapping[str, Any], body: memoryview) -> str:
        self.before_part(request)
        etag = super().put_part(request, body)
        self.parts.append(request["number"])
        return etag

    def paths_called(self) -> list[str]:
        return [path for _, path in self.calls]


def copy_home(system: WholeSystem, target: Path, **settings: Any) -> Path:
    """A fresh journal for the system's enrolled dock, with its key; counters begin where no other copy has been."""
    prepare_home(target)
    for name in ("config.toml", "key"):
        shutil.copy2(system.home / name, target / name)
    if settings:
        save_config(target, replace(load_config(target), **settings))
    journal = Journal.open(target, utc_clock)
    journal.tables["counters"].insert({"name": "statements", "value": secrets.randbelow(1 << 50)})
    journal.close()
    return target


@contextmanager
def open_dock(home: Path, *, wait_s: float = 0.2, clock: Clock = utc_clock) -> Iterator[Dock]:
    """Open a dock home with a meddling client and a keeping reporter."""
    original = agent.dock.ServerClient
    agent.dock.ServerClient = MeddlingClient  # type: ignore[misc]
    try:
        reporter = KeepingReporter()
        dock = Dock.open(home, Patience(wait_s, reporter.say), reporter, clock)
    finally:
        agent.dock.ServerClient = original  # type: ignore[misc]
    try:
        yield dock
    finally:
        dock.close()


def client_of(dock: Dock) -> MeddlingClient:
    """The dock's client, as a test meddles with it."""
    assert isinstance(dock.client, MeddlingClient)
    return dock.client


def reporter_of(dock: Dock) -> KeepingReporter:
    """The dock's reporter, as a test reads it."""
    assert isinstance(dock.reporter, KeepingReporter)
    return dock.reporter


def row_of(dock: Dock, path: bytes) -> FileRow:
    """The newest row of a path."""
    rows = list(dock.journal.tables.query("select file_id from files where path = ? order by file_id desc", [path]))
    return dock.journal.read_file(rows[0]["file_id"])


def manifest_of(row: FileRow) -> dict[str, Any]:
    """The payload of a row's signed manifest."""
    import json

    return dict(json.loads(parse_envelope(row.manifest).payload))

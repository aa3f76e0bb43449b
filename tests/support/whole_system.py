"""The three real programs on one data folder, run as a person runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from chain_of_custody.leaves import parse_leaf

BIN = Path(sys.executable).parent


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WholeSystem:
    """A server's data folder, a running server, and one dock home."""

    def __init__(self, folder: Path, *, store: list[str] | None = None, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "server"
        self.home = folder / "dock"
        self.env = {**os.environ, **(env or {})}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.run("ingest-server", "init", "--data", self.data, "--origin", "evidence.example/unit", *(store or []))

    def run(
        self,
        program: str,
        *arguments: object,
        check: bool = True,
        env: dict[str, str] | None = None,
        timeout: float = 240,
    ) -> subprocess.CompletedProcess[str]:
        """Run one program to its end; with ``check`` it must end with 0."""
        finished = subprocess.run(
            [str(BIN / program), *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**self.env, **(env or {})},
            timeout=timeout,
            check=False,
        )
        if check:
            assert finished.returncode == 0, (
                f"{program} {arguments[0]}: {finished.returncode}\n{finished.stdout}\n{finished.stderr}"
            )
        return finished

    def server(self, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one ``ingest-server`` command on this data folder."""
        return self.run("ingest-server", *arguments, "--data", self.data, check=check)

    def start_server(self, *arguments: str, env: dict[str, str] | None = None, worker: bool = False) -> None:
        """Start ``serve`` and wait for its line; with ``worker`` it does background work too."""
        if not worker:
            arguments = (*arguments, "--no-worker")
        log = (self.folder / "server.log").open("a")
        self.process = subprocess.Popen(
            [str(BIN / "ingest-server"), "serve", "--data", str(self.data), "--port", str(self.port), *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**self.env, **(env or {})},
        )
        log.close()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line and self.process.wait() == -signal.SIGKILL:
            # A kill planned for a step of start-up: the caller starts it again.
            return
        assert re.search(r"https?://", line), f"serve did not start: {(self.folder / 'server.log').read_text()[-2000:]}"

    def stop_server(self, sign: int = signal.SIGTERM) -> int:
        """Stop the server with a signal and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(sign)
        code = self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def enrol(self, home: Path | None = None, name: str = "front-desk", *arguments: str) -> None:
        """Enrol a dock."""
        code = self.server("dock", "add", name).stdout.strip().splitlines()[-1]
        self.run("dock-agent", "enrol", "--server", self.url, "--code", code, "--home", home or self.home, *arguments)

    def acquire(
        self, volume: Path, *arguments: object, home: Path | None = None, env: dict[str, str] | None = None
    ) -> Acquired:
        """Dock one volume and return what the agent said and its exit code."""
        finished = self.run(
            "dock-agent", "acquire", volume, "--home", home or self.home, "--json", *arguments, check=False, env=env
        )
        return Acquired(finished.returncode, finished.stdout, finished.stderr)

    @property
    def vkey(self) -> str:
        """The log's verifier key."""
        return self.server("ledger-key").stdout.strip().splitlines()[-1]

    def events(self) -> list[dict[str, Any]]:
        """Every leaf's payload, read from the ledger itself."""
        with closing(sqlite3.connect(f"file:{self.data / 'ledger.db'}?mode=ro", uri=True)) as db:
            rows = db.execute('select leaf from leaves order by "index"').fetchall()
        return [
            {"type": leaf.type, "subject": leaf.subject, "index": n}
            for n, leaf in enumerate(parse_leaf(r[0]) for r in rows)
        ]

    def read_parts(self, event_type: str, label: str, field: str) -> list[Any]:
        """One field of a part of every event of a type, from the ledger's records."""
        found = []
        with closing(sqlite3.connect(f"file:{self.data / 'ledger.db'}?mode=ro", uri=True)) as db:
            rows = db.execute(
                'select l.leaf, r.record from leaves l join records r using ("index") order by l."index"'
            ).fetchall()
        for leaf, record in rows:
            if parse_leaf(leaf).type == event_type:
                found.append(json.loads(record)[label]["value"][field])
        return found


class Acquired:
    """What ``acquire --json`` printed."""

    def __init__(self, exit_code: int, output: str, errors: str) -> None:
        self.exit_code = exit_code
        self.errors = errors
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines() if line.strip()]

    @property
    def summary(self) -> dict[str, Any]:
        """The last line's counts."""
        return self.lines[-1]["summary"]  # type: ignore[no-any-return]

    @property
    def sealed(self) -> dict[str, dict[str, Any]]:
        """The sealed lines by path."""
        return {line["path"]: line for line in self.lines if line.get("state") == "sealed"}

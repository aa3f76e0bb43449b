"""Running the three programs as a person would: in their own processes, judged by their exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class ProgramFailedError(Exception):
    """One of the programs refused or failed; the text is its own reason."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended: its exit code and what it wrote to standard output."""

    exit_code: int
    output: str

    @property
    def last_line(self) -> str:
        """The last line of the output, where the programs print keys, codes and tokens."""
        lines = self.output.strip().splitlines()
        return lines[-1] if lines else ""

    def json_lines(self) -> list[dict[str, Any]]:
        """Each line of the output as the JSON object it holds."""
        return [json.loads(line) for line in self.output.splitlines() if line.strip()]


def program_path(name: str) -> str:
    """Give the path of one of our programs, installed beside the running interpreter."""
    return str(Path(sys.executable).parent / name)


def run_program(
    name: str, *arguments: str, accept: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None
) -> Finished:
    """Run one program to its end; its progress goes to our standard error.

    Args:
        name: ``ingest-server``, ``dock-agent`` or ``custody``.
        arguments: Its arguments.
        accept: Exit codes that are answers and not failures.
        env: Variables added to the environment, such as store credentials.

    Returns:
        Its exit code and output.

    Raises:
        ProgramFailedError: It ended with another exit code.
    """
    finished = subprocess.run(  # noqa: S603 (a fixed program with arguments we make)
        [program_path(name), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    if finished.returncode not in accept:
        raise ProgramFailedError(f"{name} {arguments[0]} ended with exit code {finished.returncode}")
    return Finished(finished.returncode, finished.stdout)


class RunningProgram:
    """A program that stays up until it is stopped, ready once it has printed its first line."""

    def __init__(self, command: list[str], *, log: Path, env: Mapping[str, str] | None = None) -> None:
        """Start the program; what it says goes to ``log``."""
        self._log = log
        self._name = Path(command[0]).name
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 (a fixed program with arguments we make)
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **(env or {})},
                # Ctrl-C belongs to the demonstration, which then stops its programs in order.
                start_new_session=True,
            )

    def wait_first_line(self) -> str:
        """Return the line the program prints when it accepts requests.

        Raises:
            ProgramFailedError: It ended before.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            self._process.wait()
            raise ProgramFailedError(f"{self._name} did not start; see {self._log}")
        return line

    def wait(self) -> int:
        """Wait until the program ends by itself and return its exit code."""
        return self._process.wait()

    @property
    def is_running(self) -> bool:
        """Whether the program is still up."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask the program to end and wait for it; kill it after 15 seconds."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def find_port(wanted: int) -> int:
    """Return ``wanted`` if it is free on the loopback address, else any free port (0 asks for any)."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ProgramFailedError("no free port on 127.0.0.1")

"""Timing of whole processes and of functions, medians and ratios, and the line about the machine."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run: wall seconds, CPU seconds of the process and its children, peak memory in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def run_process(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Run:
    """Run a command to its end and take the operating system's own accounting of it.

    Args:
        command: Program and arguments.
        env: Added to the environment.
        on_line: Called with each line of standard output as it comes.

    Raises:
        RuntimeError: It did not end with exit code 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE if on_line else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(env or {})},
    )
    if on_line and process.stdout:
        for line in process.stdout:
            on_line(line)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout:
        process.stdout.close()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with exit code {process.returncode}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def time_call(function: Callable[[], object]) -> Run:
    """Run a function of this process and take wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return Run(time.perf_counter() - wall, time.process_time() - cpu, 0.0)


def read_cpu_s(pid: int) -> float:
    """Return the CPU seconds a running process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_peak_mib(pid: int) -> float:
    """Return the peak resident memory of a running process in MiB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def median(values: Sequence[float]) -> float:
    """The median, the figure every benchmark here quotes."""
    return statistics.median(values)


def show_spread(values: Sequence[float], digits: int = 1) -> str:
    """Median with minimum and maximum, since shared machines are noisy."""
    return f"{median(values):.{digits}f} [{min(values):.{digits}f}–{max(values):.{digits}f}]"


def describe_machine() -> str:
    """One line about the machine: processor, cores, memory, system, Python."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, load {load:.1f} at the start"
    )

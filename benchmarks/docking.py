"""A rack of recorders on one dock: all at once beside one alone, the listing of many files, and the agent's memory.

    python -m benchmarks.docking [--gib 4] [--recorders 16] [--files 100000] [--markdown FILE]

The store is a real MinIO on the same cores. One recorder with everything on it is docked alone, then the same amount on
many recorders at once, in turn. Targets that are missed are printed as missed. What one recorder costs beside rclone is
measured by ``benchmarks.dock_path``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agent.scanning import scan_volume
from agent.volumes import open_volume
from benchmarks.dock_path import fresh_minio, set_spool
from benchmarks.measuring import GIB, MIB, describe_machine, median, read_peak_mib, show_spread
from tests.support.whole_system import BIN, WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_MIB = 64
SLOTS = 24
QUIET_S = 0.5


@dataclass(slots=True)
class Rack:
    """One run of the agent over a rack.

    Attributes:
        finished_s: When each recorder was done, in seconds from the start.
        read_bytes: Bytes that the agent read by system calls, its own files included.
        peak_mib: Its peak resident memory.
    """

    finished_s: list[float] = field(default_factory=list)
    read_bytes: int = 0
    peak_mib: float = 0.0


def fill_rack(rack: Path, recorders: int, total: int) -> int:
    """Write ``total`` random bytes spread over so many recorders; returns the bytes written."""
    written = 0
    each = total // recorders
    for number in range(recorders):
        folder = rack / f"KD{40000 + number}" / "DCIM" / "100MEDIA"
        folder.mkdir(parents=True)
        left, place = each, 0
        while left > 0:
            size = min(left, FILE_MIB * MIB)
            (folder / f"KD{40000 + number}_{place:04}.MP4").write_bytes(os.urandom(size))
            left, place, written = left - size, place + 1, written + size
    return written


def run_rack(rack: Path, recorders: int, scratch: Path) -> Rack:
    """``dock-agent run`` on a fresh installation until every recorder is done and sealed."""
    seen = Rack()
    with fresh_minio(scratch) as minio, tempfile.TemporaryDirectory(prefix="evidock-bench-", dir=scratch) as folder:
        store = ["--store", "s3", "--s3-endpoint", minio.endpoint, "--s3-bucket", "evidence"]
        system = WholeSystem(Path(folder), store=store, env=minio.environment())
        system.start_server()
        try:
            system.enrol()
            set_spool(system.home, "never")
            for summary, at, process in _follow(system, rack, recorders):
                assert summary["sealed"] == summary["found"] > 0, summary
                seen.finished_s.append(at)
                seen.read_bytes = _read_counter(process.pid)
                seen.peak_mib = read_peak_mib(process.pid)
        finally:
            system.stop_server()
    return seen


def _follow(
    system: WholeSystem, rack: Path, recorders: int
) -> Iterator[tuple[dict[str, int], float, subprocess.Popen[str]]]:
    command = [str(BIN / "dock-agent"), "run", "--home", str(system.home), "--watch", str(rack), "--json"]
    process = subprocess.Popen(
        [*command, "--quiet", str(QUIET_S), "--slots", str(SLOTS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **system.env},
    )
    started = time.perf_counter() + QUIET_S
    assert process.stdout is not None
    try:
        for line in process.stdout:
            told = json.loads(line)
            if "summary" in told:
                recorders -= 1
                yield told["summary"], time.perf_counter() - started, process
            if recorders == 0:
                return
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _read_counter(pid: int) -> int:
    text = Path(f"/proc/{pid}/io").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("rchar")))


def measure_listing(folder: Path, files: int) -> tuple[float, float]:
    """Files a second that a warm listing sees, and the memory in MiB that listing them added."""
    for number in range(files):
        if number % 1000 == 0:
            place = folder / f"{number // 1000:03}MEDIA"
            place.mkdir(parents=True)
        (place / f"KD40000_{number:06}.MP4").touch()
    volume = open_volume(folder)
    identity = volume.identify()
    assert len(scan_volume(volume, identity=identity).found) == files
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    scan_volume(volume, identity=identity)
    return files / (time.perf_counter() - started), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Run the rounds and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=4.0, help="size of the source in GiB")
    parser.add_argument("--recorders", type=int, default=16, help="recorders at once")
    parser.add_argument("--files", type=int, default=100_000, help="files of the volume that is listed")
    parser.add_argument("--runs", type=int, default=3, help="rounds")
    parser.add_argument("--markdown", type=Path, help="also write the report to this file")
    options = parser.parse_args()
    one: list[Rack] = []
    many: list[Rack] = []
    with tempfile.TemporaryDirectory(prefix="evidock-bench-") as name:
        scratch = Path(name)
        size = fill_rack(scratch / "one", 1, int(options.gib * GIB))
        size_many = fill_rack(scratch / "many", options.recorders, int(options.gib * GIB))
        for number in range(options.runs):
            print(f"round {number + 1} of {options.runs}", file=sys.stderr, flush=True)
            one.append(run_rack(scratch / "one", 1, scratch))
            many.append(run_rack(scratch / "many", options.recorders, scratch))
        rate, grown = measure_listing(scratch / "listing", options.files)
    report = make_report(options, one, many, (size, size_many), (rate, grown))
    print(report)
    if options.markdown:
        options.markdown.write_text(report, encoding="utf-8")


def make_report(
    options: argparse.Namespace,
    one: list[Rack],
    many: list[Rack],
    sizes: tuple[int, int],
    listing: tuple[float, float],
) -> str:
    """The table and the judged targets, as Markdown."""
    alone = [sizes[0] / MIB / max(run.finished_s) for run in one]
    together = [sizes[1] / MIB / max(run.finished_s) for run in many]
    ratio = median(together) / median(alone)
    spread = median([max(run.finished_s) / min(run.finished_s) for run in many])
    read_once = max(run.read_bytes / sizes[1] for run in many)
    peak = max(run.peak_mib for run in many)
    rate, grown = listing
    targets = [
        (f"{options.recorders} recorders ÷ one, MiB/s to sealed", "≥ 0.9", ratio, ratio >= 0.9),
        ("slowest ÷ fastest recorder's finish", "≤ 1.3", spread, spread <= 1.3),
        ("bytes read ÷ bytes on the recorders", "≤ 1.1", read_once, read_once <= 1.1),
        (f"listing {options.files:,} files warm, files a second", "≥ 20,000", rate, rate >= 20_000),
        ("memory that a second listing adds, MiB", "≤ 5", grown, grown <= 5),
        (f"agent's peak memory at {options.recorders} recorders, MiB", "≤ 250", peak, peak <= 250),
    ]
    told = (
        f"{sizes[0] / GIB:.1f} GiB on one recorder and on {options.recorders}, to sealed on MinIO, spool never;"
        f" {options.runs} rounds, median [min–max]. {describe_machine()}."
    )
    rates = f"One recorder {show_spread(alone, 0)} MiB/s; {options.recorders} at once {show_spread(together, 0)} MiB/s."
    lines = [
        told,
        "",
        rates,
        "",
        "| target | wanted | measured | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {what} | {wanted} | {value:,.2f} | {'met' if good else '**missed**'} |"
        for what, wanted, value, good in targets
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

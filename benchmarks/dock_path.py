"""From a folder to *sealed*, beside cp, openssl, and ``rclone copy`` to the same MinIO, in one run.

    python -m benchmarks.dock_path [--gib 4] [--runs 5] [--markdown FILE]

Every figure is a whole-process figure; commands take turns, and what is quoted is the median and the ratio of medians.
Targets that are missed are printed as missed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import (
    GIB,
    MIB,
    Run,
    describe_machine,
    median,
    read_cpu_s,
    read_peak_mib,
    run_process,
    show_spread,
    time_call,
)
from benchmarks.sink import Sink
from tests.support.minio_server import MinioServer
from tests.support.whole_system import BIN, WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_SIZES_MIB = (256, 384, 512, 448, 320, 512, 256, 512, 384, 512)


@dataclass(slots=True)
class Series:
    """All runs of one row: wall and CPU seconds, and what else was seen."""

    name: str
    runs: list[Run] = field(default_factory=list)
    stored_s: list[float] = field(default_factory=list)
    server_cpu_s: list[float] = field(default_factory=list)
    server_peak_mib: list[float] = field(default_factory=list)

    def speeds(self, size: int, *, stored: bool = False) -> list[float]:
        """MiB/s of each run, to the end or to the last byte stored."""
        seconds = self.stored_s if stored else [run.wall_s for run in self.runs]
        return [size / MIB / s for s in seconds]

    def cpu_a_gib(self, size: int) -> list[float]:
        """CPU seconds of the process itself for each GiB."""
        return [run.cpu_s / (size / GIB) for run in self.runs]


def make_source(folder: Path, total: int) -> int:
    """Write files of 256 to 512 MiB of random bytes until ``total`` is reached; return the bytes written."""
    folder.mkdir(parents=True)
    written = number = 0
    while written < total:
        size = min(FILE_SIZES_MIB[number % len(FILE_SIZES_MIB)] * MIB, total - written)
        with (folder / f"{number:03d}.mp4").open("wb") as out:
            for start in range(0, size, 16 * MIB):
                out.write(os.urandom(min(16 * MIB, size - start)))
        written += size
        number += 1
    return written


def hash_files(source: Path) -> None:
    """The bound: SHA-256 of every file, one thread, into a buffer made once."""
    buffer = memoryview(bytearray(MIB))
    for path in sorted(source.iterdir()):
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])


@contextmanager
def fresh_minio(scratch: Path) -> Iterator[MinioServer]:
    """A MinIO on an empty folder, which is gone afterwards: locked versions could not be deleted."""
    with tempfile.TemporaryDirectory(prefix="minio-", dir=scratch) as folder:
        minio = MinioServer(Path(folder))
        minio.start()
        try:
            yield minio
        finally:
            minio.stop()


def run_rclone(source: Path, minio: MinioServer) -> Run:
    """``rclone copy`` with its defaults to a bucket without locks; it records no SHA-256."""
    keys = f"access_key_id={minio.access_key},secret_access_key={minio.secret_key}"
    remote = f":s3,provider=Minio,endpoint='{minio.endpoint}',{keys}:rclone/copy"
    return run_process([str(BIN / "rclone"), "copy", str(source), remote, "--config", "/dev/null"])


def run_rclone_to_sink(source: Path, endpoint: str) -> Run:
    """``rclone copy`` into the sink; checks that need a real store are off, to its advantage."""
    keys = "access_key_id=k,secret_access_key=s,no_check_bucket=true,no_head=true"
    remote = f":s3,provider=Other,endpoint='{endpoint}',{keys}:b/copy"
    command = [str(BIN / "rclone"), "copy", str(source), remote, "--config", "/dev/null", "--ignore-checksum"]
    return run_process(
        [*command, "--s3-use-multipart-etag=false", "--ignore-size", "--no-check-dest", "--multi-thread-streams=0"]
    )


def run_dock(source: Path, store: list[str], env: dict[str, str], spool: str, series: Series) -> None:
    """One acquisition from the folder to sealed on a fresh installation."""
    with tempfile.TemporaryDirectory(prefix="evidock-bench-", dir=source.parent) as folder:
        system = WholeSystem(Path(folder), store=store, env=env)
        system.start_server()
        assert system.process is not None
        try:
            system.enrol()
            set_spool(system.home, spool)
            server_cpu = read_cpu_s(system.process.pid)
            started = time.perf_counter()
            stored: list[float] = []

            def note_stored(line: str) -> None:
                if json.loads(line).get("state") == "uploaded":
                    stored.append(time.perf_counter() - started)

            command = [str(BIN / "dock-agent"), "acquire", str(source), "--home", str(system.home), "--json"]
            series.runs.append(run_process(command, env=system.env, on_line=note_stored))
            series.stored_s.append(max(stored))
            series.server_cpu_s.append(read_cpu_s(system.process.pid) - server_cpu)
            series.server_peak_mib.append(read_peak_mib(system.process.pid))
        finally:
            system.stop_server()


def set_spool(home: Path, policy: str) -> None:
    """Set the dock's spool policy in its configuration file."""
    import tomllib

    import tomli_w

    path = home / "config.toml"
    config = tomllib.loads(path.read_text(encoding="utf-8"))
    config["spool"] = policy
    path.write_text(tomli_w.dumps(config), encoding="utf-8")


def run_round(source: Path, rows: dict[str, Series], scratch: Path) -> None:
    """Every row once, in turn, each on a fresh store."""
    say = lambda text: print(f"  {text}", file=sys.stderr, flush=True)  # noqa: E731
    say("cp")
    rows["cp"].runs.append(run_process(["cp", "-r", str(source), str(scratch / "cp")]))
    shutil.rmtree(scratch / "cp")
    say("openssl")
    files = [str(path) for path in sorted(source.iterdir())]
    rows["openssl"].runs.append(run_process(["openssl", "dgst", "-sha256", *files]))
    say("bare hash")
    rows["hash"].runs.append(time_call(lambda: hash_files(source)))
    with fresh_minio(scratch) as minio:
        say("rclone to MinIO")
        rows["rclone"].runs.append(run_rclone(source, minio))
    for spool in ("never", "always"):
        with fresh_minio(scratch) as minio:
            say(f"dock to MinIO, spool {spool}")
            store = ["--store", "s3", "--s3-endpoint", minio.endpoint, "--s3-bucket", "evidence"]
            run_dock(source, store, minio.environment(), spool, rows[f"minio-{spool}"])
    say("dock to directory")
    run_dock(source, [], {}, "never", rows["directory"])
    with Sink() as sink:
        say("rclone to sink")
        rows["rclone-sink"].runs.append(run_rclone_to_sink(source, sink.endpoint))
    with Sink() as sink:
        say("dock to sink")
        command = [sys.executable, "-m", "benchmarks.upload_to_sink", str(source), sink.endpoint]
        rows["sink"].runs.append(run_process(command))


def make_report(rows: dict[str, Series], size: int, runs: int) -> str:
    """The table and the judged targets, as Markdown."""
    lines = [
        f"{size / GIB:.1f} GiB in files of 256–512 MiB; {runs} rounds, median [min–max]. {describe_machine()}.",
        "",
        "| row | MiB/s | client CPU s/GiB | client peak MiB | server CPU s/GiB | server peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows.values():
        server = f"{median(row.server_cpu_s) / (size / GIB):.2f}" if row.server_cpu_s else ""
        peak = f"{max(row.server_peak_mib):.0f}" if row.server_peak_mib else ""
        client_peak = f"{max(run.peak_mib for run in row.runs):.0f}" if row.runs[0].peak_mib else ""
        speed = show_spread(row.speeds(size), 0)
        if row.stored_s:
            speed = f"sealed {speed}; stored {show_spread(row.speeds(size, stored=True), 0)}"
        lines.append(
            f"| {row.name} | {speed} | {show_spread(row.cpu_a_gib(size), 2)} | {client_peak} | {server} | {peak} |"
        )
    lines += ["", "| target | wanted | measured | |", "|---|---|---|---|"]
    lines += [
        f"| {what} | {wanted} | {value:.2f} | {'met' if good else '**missed**'} |"
        for what, wanted, value, good in judge(rows, size)
    ]
    return "\n".join(lines) + "\n"


def judge(rows: dict[str, Series], size: int) -> list[tuple[str, str, float, bool]]:
    """Each target with its measured ratio of medians."""
    speed = {name: median(row.speeds(size)) for name, row in rows.items()}
    cpu = {name: median(row.cpu_a_gib(size)) for name, row in rows.items()}
    stored = median(rows["minio-never"].speeds(size, stored=True)) / speed["rclone"]
    sealed = speed["minio-never"] / speed["rclone"]
    client = cpu["minio-never"] / cpu["rclone"]
    sink_rclone = speed["sink"] / speed["rclone-sink"]
    sink_hash = speed["sink"] / speed["hash"]
    agent_peak = max(run.peak_mib for name in ("minio-never", "minio-always", "directory") for run in rows[name].runs)
    server_peak = max(max(rows[name].server_peak_mib) for name in ("minio-never", "minio-always", "directory"))
    return [
        ("stored on MinIO ÷ rclone to MinIO", "≥ 1.15", stored, stored >= 1.15),
        ("sealed on MinIO ÷ rclone to MinIO", "≥ 0.95", sealed, sealed >= 0.95),
        ("agent CPU a GiB ÷ rclone's", "≤ 0.45", client, client <= 0.45),
        ("into the sink ÷ rclone into the sink", "≥ 2.5", sink_rclone, sink_rclone >= 2.5),
        ("into the sink ÷ bare hash", "≥ 0.65", sink_hash, sink_hash >= 0.65),
        ("agent's peak memory, MiB", "≤ 250", agent_peak, agent_peak <= 250),
        ("server's peak memory, MiB", "≤ 250", server_peak, server_peak <= 250),
    ]


def main() -> None:
    """Run the rounds and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=4.0, help="size of the source in GiB")
    parser.add_argument("--runs", type=int, default=5, help="rounds")
    parser.add_argument("--markdown", type=Path, help="also write the report to this file")
    options = parser.parse_args()
    names = {
        "cp": "cp -r",
        "openssl": "openssl dgst -sha256",
        "hash": "bare SHA-256, one thread",
        "rclone": "rclone copy to MinIO",
        "minio-never": "dock to MinIO, spool never",
        "minio-always": "dock to MinIO, spool always",
        "directory": "dock to directory, spool never",
        "rclone-sink": "rclone copy into the sink",
        "sink": "dock's upload path into the sink",
    }
    rows = {key: Series(name) for key, name in names.items()}
    with tempfile.TemporaryDirectory(prefix="evidock-bench-") as folder:
        source = Path(folder) / "source"
        size = make_source(source, int(options.gib * GIB))
        for number in range(options.runs):
            print(f"round {number + 1} of {options.runs}", file=sys.stderr, flush=True)
            run_round(source, rows, Path(folder))
    report = make_report(rows, size, options.runs)
    print(report)
    if options.markdown:
        options.markdown.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()

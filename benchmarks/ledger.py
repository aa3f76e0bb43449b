"""Durable, published appends a second with 64 concurrent callers, beside bare SQLite in the same run.

python -m benchmarks.ledger [--entries 6000] [--runs 5]
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.measuring import describe_machine, median, show_spread
from chain_of_custody.identities import new_id
from chain_of_custody.instants import utc_clock
from chain_of_custody.ledger import EventDraft, Ledger
from chain_of_custody.signing import SigningKey

CALLERS = 64


def make_draft(actor: str) -> EventDraft:
    """A reception as the server records it: four parts, a claim, a new subject."""
    parts = {
        "received": {"manifest_sha256": os.urandom(32).hex(), "digests": {"sha2-256": os.urandom(32).hex()}, "size": 1},
        "manifest": {"payload": "x" * 900, "payloadType": "t", "signatures": [{"keyid": "k", "sig": "s"}]},
        "recording": {"recorder_id": new_id(), "path": "DCIM/100MEDIA/3100457_01420720261123140320_0001.MP4"},
        "actor": {"kind": "dock", "name": "front-desk"},
    }
    return EventDraft(
        "recording.received", new_id(), "recording", actor, parts, claims=(f"recording:{os.urandom(16).hex()}",)
    )


def run_ledger(entries: int) -> tuple[float, list[float]]:
    """Append from 64 threads; return appends a second and each append's latency in seconds."""
    with tempfile.TemporaryDirectory(prefix="evidock-bench-") as folder:
        actor = new_id()
        ledger = Ledger.create(
            Path(folder),
            origin="bench.example/unit/2026",
            log_key=SigningKey.generate(),
            event_key=SigningKey.generate(),
            clock=utc_clock,
            actor=actor,
            actor_part={"kind": "program", "name": "benchmark"},
        )
        latencies: list[float] = []

        def call(count: int) -> None:
            for _ in range(count):
                started = time.perf_counter()
                ledger.append([make_draft(actor)])
                latencies.append(time.perf_counter() - started)

        threads = [threading.Thread(target=call, args=(entries // CALLERS,)) for _ in range(CALLERS)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        assert ledger.checkpoint()[0].size == 1 + entries // CALLERS * CALLERS
        ledger.close()
    return len(latencies) / seconds, latencies


def run_bare_sqlite(entries: int, batch: int) -> float:
    """Insert rows of a leaf's and record's size with synchronous=FULL, ``batch`` rows a commit; rows a second."""
    with tempfile.TemporaryDirectory(prefix="evidock-bench-") as folder:
        database = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")
        database.execute("create table rows (id integer primary key, leaf blob, record text)")
        rows = [(os.urandom(1300), "r" * 1800) for _ in range(batch)]
        started = time.perf_counter()
        for _ in range(entries // batch):
            database.execute("begin immediate")
            database.executemany("insert into rows (leaf, record) values (?, ?)", rows)
            database.execute("commit")
        seconds = time.perf_counter() - started
        database.close()
    return entries // batch * batch / seconds


def main() -> None:
    """Run the rounds in turn and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=6400, help="appends a round")
    parser.add_argument("--runs", type=int, default=5, help="rounds")
    options = parser.parse_args()
    ours: list[float] = []
    single: list[float] = []
    batched: list[float] = []
    latencies: list[float] = []
    for _ in range(options.runs):
        rate, waits = run_ledger(options.entries)
        ours.append(rate)
        latencies += waits
        single.append(run_bare_sqlite(options.entries // 4, 1))
        batched.append(run_bare_sqlite(options.entries, CALLERS))
    latencies.sort()
    print(f"{options.entries} appends a round, {CALLERS} callers, {options.runs} rounds. {describe_machine()}.\n")
    print("| row | a second, median [min–max] |\n|---|---|")
    print(f"| ledger: durable, signed and published appends | {show_spread(ours, 0)} |")
    print(f"| bare SQLite, synchronous=FULL, one row a commit | {show_spread(single, 0)} |")
    print(f"| bare SQLite, synchronous=FULL, {CALLERS} rows a commit | {show_spread(batched, 0)} |\n")
    p50, p99 = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
    print(f"Latency of an append: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms.")
    print(f"Ledger ÷ bare single-row commits: {median(ours) / median(single):.2f}.")
    print(f"Target ≥ 2,000 a second: {'met' if median(ours) >= 2000 else '**missed**'}.")


if __name__ == "__main__":
    main()

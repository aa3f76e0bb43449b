"""``jobs.db``: the state of background work, beside the queue of the job library in the same file.

A row is one job, known by the ledger entry it follows from and its kind; the queue's messages are only nudges towards
rows. Losing the file loses no work: the cursor begins again, and what the ledger already tells of is not done again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chain_of_custody.identities import new_id
from ingest_server.private.guarded import GuardedDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

JOBS_NAME = "jobs.db"
WAITING, RUNNING, DONE, FAILED, CANCELLED = STATES = ("waiting", "running", "done", "failed", "cancelled")
_SCHEMA = """
create table if not exists jobs (
    job_id integer primary key, origin text not null, "index" integer not null, kind text not null,
    evidence_id text not null, base text not null, priority integer not null, state text not null,
    is_queued integer not null default 0, not_before text not null, attempts integer not null default 0,
    failed_runs integer not null default 0,
    worker text, done integer not null default 0, total integer not null default 0, reason text,
    made_at text not null, started_at text, ended_at text, unique (origin, "index", kind)
);
create index if not exists jobs_state on jobs (state, priority desc, job_id);
create index if not exists jobs_evidence on jobs (evidence_id);
create index if not exists jobs_ended on jobs (ended_at);
create table if not exists feed (origin text primary key, next_index integer not null);
create table if not exists workers (worker text primary key, pid integer not null, started_at text not null);
create table if not exists flags (name text primary key, value text not null);
"""


class JobsDatabase(GuardedDatabase):
    """The rows; usable from several threads and processes, each change durable on return."""

    def __init__(self, data: Path) -> None:
        """Open the file in a data folder; make its tables where it is new.

        Raises:
            UnavailableError: It is damaged.
        """
        self._data = data
        super().__init__(data / JOBS_NAME, _SCHEMA)

    # What the worker does with rows.

    def read_cursor(self, origin: str) -> int:
        """The first ledger entry of this ledger that no job was made for yet."""
        row = self.fetch_one("select next_index from feed where origin = ?", origin)
        return int(row["next_index"]) if row else 0

    def add_jobs(self, origin: str, wanted: Sequence[tuple[int, str, str, int]], next_index: int, now: str) -> int:
        """Make rows and move the cursor in one transaction; a row that is there already is left alone.

        Args:
            origin: The ledger.
            wanted: Index of the entry, kind of work, evidence id, priority.
            next_index: Where the cursor stands afterwards.
            now: The instant.
        """
        added = 0
        with self.transaction():
            for index, kind, evidence_id, priority in wanted:
                added += self.execute(
                    'insert or ignore into jobs (origin, "index", kind, evidence_id, base, priority, state, not_before,'
                    " made_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    *(origin, index, kind, evidence_id, new_id(), priority, WAITING, now, now),
                )
            self.execute("insert or replace into feed (origin, next_index) values (?, ?)", origin, next_index)
        return added

    def claim(self, job_id: int, worker: str, now: str) -> dict[str, Any] | None:
        """Take a waiting job for a worker; None where somebody else has it, or work is paused."""
        with self.transaction():
            if self.is_paused():
                self.execute("update jobs set is_queued = 0 where job_id = ? and state = ?", job_id, WAITING)
                return None
            taken = self.execute(
                "update jobs set state = ?, worker = ?, started_at = ?, attempts = attempts + 1, is_queued = 0,"
                " done = 0, total = 0, ended_at = null where job_id = ? and state = ?",
                *(RUNNING, worker, now, job_id, WAITING),
            )
            row = self.fetch_one("select * from jobs where job_id = ?", job_id) if taken else None
            return None if row is None else dict(row)

    def put_back(
        self,
        job_id: int,
        worker: str,
        not_before: str,
        reason: str | None,
        *,
        is_counted: bool = True,
        is_failed_run: bool = False,
    ) -> None:
        """Let a job of this worker wait again.

        Args:
            job_id: The job.
            worker: Who had it.
            not_before: When it is due.
            reason: Why, for people.
            is_counted: False for an attempt that was merely broken off.
            is_failed_run: Whether the decoders failed, and not a store or a ledger.
        """
        self.execute(
            "update jobs set state = ?, worker = null, not_before = ?, reason = ?, attempts = attempts - ?,"
            " failed_runs = failed_runs + ? where job_id = ? and worker = ? and state = ?",
            *(WAITING, not_before, reason, int(not is_counted), int(is_failed_run), job_id, worker, RUNNING),
        )

    def end(self, job_id: int, worker: str, state: str, reason: str | None, now: str) -> None:
        """End a job of this worker; one that was cancelled meanwhile stays cancelled."""
        self.execute(
            "update jobs set state = ?, reason = ?, ended_at = ?, worker = null, done = total"
            " where job_id = ? and worker = ? and state = ?",
            *(state, reason, now, job_id, worker, RUNNING),
        )

    def note_progress(self, job_id: int, worker: str, done: int, total: int) -> None:
        """How far a job is, in bytes of the recording."""
        self.execute("update jobs set done = ?, total = ? where job_id = ? and worker = ?", done, total, job_id, worker)

    def is_held(self, job_id: int, worker: str) -> bool:
        """Whether this worker still has the job: it was not cancelled."""
        held = "select 1 from jobs where job_id = ? and worker = ? and state = ?"
        return self.fetch_one(held, job_id, worker, RUNNING) is not None

    def take_waiting(self, limit: int, now: str) -> list[dict[str, Any]]:
        """Mark waiting jobs that are due as queued and give them, most urgent first."""
        with self.transaction():
            if self.is_paused():
                return []
            rows = self.fetch(
                "select job_id, priority from jobs where state = ? and is_queued = 0 and not_before <= ?"
                " order by priority desc, job_id limit ?",
                *(WAITING, now, limit),
            )
            for row in rows:
                self.execute("update jobs set is_queued = 1 where job_id = ?", row["job_id"])
        return [dict(row) for row in rows]

    def forget_queued(self) -> None:
        """The queue is empty: whatever still counts as queued lost its message with a worker that died."""
        self.execute("update jobs set is_queued = 0 where state = ? and is_queued = 1", WAITING)

    def is_paused(self) -> bool:
        """Whether no new job is to be begun."""
        return self.fetch_one("select 1 from flags where name = 'paused'") is not None

    def set_paused(self, *, is_paused: bool, by: str, now: str) -> None:
        """Pause or go on."""
        if is_paused:
            self.execute("insert or replace into flags (name, value) values ('paused', ?)", f"{now} {by}")
        else:
            self.execute("delete from flags where name = 'paused'")

    # Who is at work.

    @contextmanager
    def at_work(self, now: str) -> Iterator[str]:
        """Be a worker, known to others as long as this process lives; gives the worker's name.

        A lock on a file of its own says that it lives: the kernel lets go of it however the process ends.
        """
        worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        path = self._lock_path(worker)
        with path.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.execute("insert into workers (worker, pid, started_at) values (?, ?, ?)", worker, os.getpid(), now)
            try:
                yield worker
            finally:
                self.release_worker(worker)

    def list_workers(self) -> list[dict[str, Any]]:
        """The workers that live."""
        rows = self.fetch("select * from workers order by started_at")
        return [dict(row) for row in rows if self._lives(row["worker"])]

    def release_dead(self) -> int:
        """Let the jobs of workers that died wait again; gives how many workers those were."""
        dead = [row["worker"] for row in self.fetch("select worker from workers") if not self._lives(row["worker"])]
        for worker in dead:
            self.release_worker(worker)
        return len(dead)

    def release_worker(self, worker: str) -> None:
        """Let a worker's jobs wait again and forget it."""
        with self.transaction():
            self.execute(
                "update jobs set state = ?, worker = null, is_queued = 0 where worker = ? and state = ?",
                *(WAITING, worker, RUNNING),
            )
            self.execute("delete from workers where worker = ?", worker)
        self._lock_path(worker).unlink(missing_ok=True)

    def _lock_path(self, worker: str) -> Path:
        return self._data / f"worker-{worker}.lock"

    def _lives(self, worker: str) -> bool:
        try:
            with self._lock_path(worker).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

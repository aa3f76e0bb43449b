"""The worker process: feeds itself from the ledger, and does jobs one after the other, each in a sandbox.

The job library (huey, on its SQLite back end in ``jobs.db``) keeps the queue, its priorities and the threads that do
the work; what a job is and how far it came stands in the rows beside it (``database``).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from huey import SqliteHuey
from huey.consumer import Consumer

from chain_of_custody.errors import CustodyError
from chain_of_custody.instants import format_instant
from ingest_server.errors import ServerError, UnavailableError
from ingest_server.jobs.database import DONE, FAILED, JOBS_NAME, JobsDatabase
from ingest_server.jobs.feeding import feed_jobs, queue_jobs
from ingest_server.media.sandbox import StoppedError, try_sandbox
from ingest_server.media.tasks import FailedRunError, SandboxBrokenError, Work, do_media_job
from ingest_server.steps import reached
from ingest_server.store.errors import StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_server.installation import Installation

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 6
_LOOK_EVERY_S = 1.0
_GRACE_S = 5.0
_LONGEST_WAIT = timedelta(minutes=10)


def open_queue(data: Path) -> SqliteHuey:
    """The queue in a data folder; whoever can write that folder is trusted with its keys as well."""
    return SqliteHuey(
        "media", filename=str(data / JOBS_NAME), results=False, utc=True, fsync=True, strict_fifo=True, timeout=60
    )


class Worker:
    """One worker on one installation."""

    def __init__(self, installation: Installation, jobs: JobsDatabase, *, threads: int) -> None:
        """Prepare; nothing is begun."""
        self._installation = installation
        self._jobs = jobs
        self._threads = threads
        self._queue = open_queue(installation.data)
        self._task = self._queue.task(name="do_job")(self._do_job)
        self._name = ""
        self._ended = threading.Event()
        self._ended_at = float("inf")

    def stop(self) -> None:
        """End after the step under way; a run of the decoders that does not end within seconds is broken off."""
        self._ended_at = min(self._ended_at, time.monotonic())
        self._ended.set()

    def run(self, *, until_idle: bool = False) -> None:
        """Work until stopped, or until nothing is left to do now.

        A failure to feed is logged and tried again; it is mostly a ledger or store that does not answer.
        """
        jobs = self._jobs
        tell_confinement()
        with jobs.at_work(format_instant(self._installation.clock())) as self._name:
            consumer = Consumer(
                self._queue, workers=self._threads, periodic=False, max_delay=_LOOK_EVERY_S, check_worker_health=False
            )
            handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
            consumer.start()
            # The library ends threads by its own rules at a signal; ours know when a step is under way.
            for number, handler in handlers.items():
                signal.signal(number, handler)
            try:
                while not self._ended.is_set():
                    self._look_around()
                    if until_idle and not self._has_work():
                        break
                    self._ended.wait(_LOOK_EVERY_S)
            finally:
                self.stop()
                consumer.stop(graceful=True)

    def _look_around(self) -> None:
        try:
            if self._jobs.release_dead():
                log.warning("a worker had died; its jobs are done again")
            feed_jobs(self._installation, self._jobs)
            waiting = self._queue.pending_count()
            queue_jobs(self._installation, self._jobs, waiting, self._send)
        except (ServerError, StoreError, CustodyError):
            log.exception("looking for work failed; it is tried again")

    def _send(self, job_id: int, priority: int) -> None:
        self._queue.enqueue(self._task.s(job_id, priority=priority))

    def _has_work(self) -> bool:
        now = format_instant(self._installation.clock())
        busy = "select 1 from jobs where state = 'running' or (state = 'waiting' and not_before <= ?) limit 1"
        return self._jobs.fetch_one(busy, now) is not None and not self._jobs.is_paused()

    def _do_job(self, job_id: int) -> None:
        """Do one job of the queue; every way it can end is written into its row."""
        if self._ended.is_set():
            return
        installation, jobs = self._installation, self._jobs
        job = jobs.claim(job_id, self._name, format_instant(installation.clock()))
        if job is None:
            return
        reached("work.claimed")
        try:
            outcome = do_media_job(self._make_work(job))
        except StoppedError:
            jobs.put_back(job_id, self._name, format_instant(installation.clock()), None, is_counted=False)
        except (FailedRunError, SandboxBrokenError, StoreUnavailableError, UnavailableError) as error:
            # A store or ledger that does not answer, or a broken machine, is waited for; it says nothing about the job.
            self._try_later(job, error, is_patient=not isinstance(error, FailedRunError))
        except Exception as error:
            log.exception("job %s of kind %s failed", job_id, job["kind"])
            self._try_later(job, error, is_patient=False)
        else:
            jobs.end(job_id, self._name, DONE, outcome, format_instant(installation.clock()))
        reached("work.ended")

    def _make_work(self, job: dict[str, Any]) -> Work:
        jobs, job_id = self._jobs, job["job_id"]

        def is_stopped() -> bool:
            is_late = self._ended.is_set() and time.monotonic() > self._ended_at + _GRACE_S
            return is_late or not jobs.is_held(job_id, self._name)

        def note(done: int, total: int) -> None:
            jobs.note_progress(job_id, self._name, done, total)

        return Work(self._installation, job, is_stopped, note)

    def _try_later(self, job: dict[str, Any], error: Exception, *, is_patient: bool) -> None:
        now, attempts = self._installation.clock(), int(job["attempts"])
        # What we raise ourselves is a sentence; of anything else the class says the most.
        is_ours = isinstance(error, (FailedRunError, SandboxBrokenError, ServerError, StoreError, CustodyError))
        reason = " ".join((str(error) if is_ours else f"{type(error).__name__}: {error}").split())[:300]
        if attempts >= MAX_ATTEMPTS and not is_patient:
            self._jobs.end(job["job_id"], self._name, FAILED, reason, format_instant(now))
            return
        # The exponent is bounded because patience is not.
        pause = min(timedelta(seconds=2 ** min(attempts, 12)), _LONGEST_WAIT)
        self._jobs.put_back(
            job["job_id"],
            self._name,
            format_instant(now + pause),
            reason,
            is_failed_run=isinstance(error, FailedRunError),
        )


def tell_confinement() -> None:
    """Try the sandbox on nothing, and tell operators what of it holds on this machine."""
    outcome = try_sandbox()
    if outcome.ending != "done":
        log.error("the sandbox does not work on this machine: %s %s", outcome.ending, outcome.detail)
    elif "seccomp" not in outcome.holds:
        log.warning("decoders are confined by %s only: they could open files of this user", " ".join(outcome.holds))
    else:
        log.info("decoders are confined by %s", " ".join(outcome.holds))


def run_worker(installation: Installation, *, threads: int, until_idle: bool, is_child: bool) -> None:
    """Run a worker until SIGTERM or Ctrl-C, until idle, or until the parent's end of standard input closes.

    Args:
        installation: The data folder.
        threads: Jobs done at once.
        until_idle: End when nothing is left to do now.
        is_child: End when standard input ends: the server that started this has died.
    """
    with closing(JobsDatabase(installation.data)) as jobs:
        worker = Worker(installation, jobs, threads=threads)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: worker.stop())
        if is_child:
            threading.Thread(target=_follow_parent, args=(worker,), daemon=True).start()
        worker.run(until_idle=until_idle)


def _follow_parent(worker: Worker) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    worker.stop()

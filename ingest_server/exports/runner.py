"""Runs exports one after the other in a thread of the server, so that no page waits for them.

What is under way when the server ends is ``interrupted``: at its next start, or at once where it ends in order. The
package of an interrupted or cancelled job was never given to anybody; its ``export.prepared`` stays in the ledger, and
``export.cancelled`` says that nothing came of it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from chain_of_custody.errors import CustodyError
from chain_of_custody.instants import format_instant
from chain_of_custody.policy import Policy, TrustPolicy
from chain_of_custody.report import render_report
from chain_of_custody.verifier import verify_package
from ingest_server.custody.actors import server_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import ForbiddenError, ServerError
from ingest_server.exports.commands import export_casefile
from ingest_server.exports.jobs import job_actor, package_path, read_job
from ingest_server.exports.reaching import require_still_allowed
from ingest_server.store.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from chain_of_custody.canonical import JsonValue
    from ingest_server.exports.jobs import ExportJob
    from ingest_server.installation import Installation

log = logging.getLogger(__name__)
POLL_S = 0.5
_NOTE_S = 0.3


class StoppedError(Exception):
    """The export was cancelled, or the server ends."""

    def __init__(self, state: str) -> None:
        """Name the state that the job is in from now on."""
        super().__init__(state)
        self.state = state


class ExportRunner:
    """Takes up what was asked for in this process, first asked first."""

    def __init__(self, installation: Installation) -> None:
        """Run exports of one installation."""
        self._installation = installation
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exports", daemon=True)

    def start(self) -> None:
        """Name what an earlier process left unfinished, and begin."""
        mark_interrupted(self._installation)
        self._thread.start()

    def stop(self) -> None:
        """Interrupt what is being written and end."""
        self._ended.set()
        self._thread.join(timeout=20)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                is_idle = not self.take_next()
            except Exception:  # the loop of this thread: whatever happened, the next export must find it alive
                log.exception("an export failed in a way that nobody foresaw")
                is_idle = True
            if is_idle:
                self._ended.wait(POLL_S)
        self._installation.private.execute(
            "update export_jobs set state = 'interrupted', ended_at = ? where state = 'waiting' and process = ?",
            format_instant(self._installation.clock()),
            os.getpid(),
        )

    def take_next(self) -> bool:
        """Bring the job that waits longest to its end; says whether there was one."""
        row = self._installation.private.fetch_one(
            "select * from export_jobs where state = 'waiting' and process = ? order by asked_at limit 1", os.getpid()
        )
        if row is not None:
            self._take(read_job(row))
        return row is not None

    def _take(self, job: ExportJob) -> None:
        is_ours = self._installation.private.execute(
            "update export_jobs set state = 'writing' where job_id = ? and state = 'waiting'", job.job_id
        )
        if not is_ours:
            return
        try:
            run_job(self._installation, job, self._ended)
        except Exception:
            _set(self._installation, job, "failed", code="internal")
            raise


def run_job(installation: Installation, job: ExportJob, ended: threading.Event) -> None:
    """Bring one job to its end, whatever that is; raises nothing that a package can be the reason of."""
    out = package_path(installation, job.job_id)
    progress = _Progress(installation, job, ended)
    try:
        export = export_casefile(
            installation,
            job_actor(job),
            job.number,
            out,
            job.reason,
            progress,
            progress.keep_identity,
            lambda ids: require_still_allowed(installation, job.account_id, ids),
        )
        _set(installation, job, "verifying", done_bytes=progress.total)
        facts: dict[str, str | int | None] = {
            "export_id": export.export_id,
            "sha256": export.sha256,
            "size": export.size,
        }
        verdict = json.dumps(_verify(installation, out, job.file_name))
        _set(installation, job, "done", **facts, recordings=export.recordings, verdict=verdict)
    except StoppedError as stopped:
        _record_cancelled(installation, job, progress.export_id)
        _set(installation, job, stopped.state)
    except ForbiddenError as error:
        _record_refused(installation, job, error)
        _set(installation, job, "failed", code=error.code, detail=error.detail)
    except ServerError as error:
        _set(installation, job, "failed", code=error.code, detail=error.detail)
    except (StoreError, CustodyError, OSError) as error:
        log.exception("the export %s failed", job.job_id)
        code = "store_unavailable" if isinstance(error, StoreError) else "export_failed"
        _set(installation, job, "failed", code=code, detail=str(error))


def mark_interrupted(installation: Installation) -> int:
    """Name jobs whose process is gone, or was this one before it began; returns how many."""
    rows = installation.private.fetch(
        "select job_id, process from export_jobs where state in ('waiting', 'writing', 'verifying')"
    )
    gone = [row["job_id"] for row in rows if row["process"] == os.getpid() or not _is_running(row["process"])]
    for job_id in gone:
        installation.private.execute(
            "update export_jobs set state = 'interrupted', ended_at = ? where job_id = ?",
            format_instant(installation.clock()),
            job_id,
        )
        package_path(installation, job_id).unlink(missing_ok=True)
    return len(gone)


class _Progress:
    """Told the bytes written; keeps them where pages read them, and stops the export that was cancelled."""

    def __init__(self, installation: Installation, job: ExportJob, ended: threading.Event) -> None:
        self.total = job.total_bytes
        self._installation = installation
        self._job = job
        self._ended = ended
        self._noted = 0.0
        self.export_id: str | None = None

    def keep_identity(self, export_id: str) -> None:
        """Keep which export this is, for the event that nothing came of it."""
        self.export_id = export_id

    def __call__(self, done: int, total: int) -> None:
        self.total = total
        if self._ended.is_set():
            raise StoppedError("interrupted")
        now = time.monotonic()
        if now - self._noted < _NOTE_S and done < total:
            return
        self._noted = now
        private, job_id = self._installation.private, self._job.job_id
        private.execute("update export_jobs set done_bytes = ?, total_bytes = ? where job_id = ?", done, total, job_id)
        row = private.fetch_one("select is_cancelled from export_jobs where job_id = ?", job_id)
        if row is not None and row["is_cancelled"]:
            raise StoppedError("cancelled")


def _verify(installation: Installation, path: Path, name: str) -> dict[str, object]:
    """What ``custody verify`` says of the file, under this ledger's own key and the name it is downloaded by."""
    trust = TrustPolicy((Policy.from_vkey(installation.ledger.vkey),))
    report = replace(verify_package(path, trust), file=name)
    return {
        "exit_code": report.exit_code,
        "verdict": report.verdict.value,
        "en": render_report(report, "en"),
        "zh": render_report(report, "zh"),
    }


def _record_cancelled(installation: Installation, job: ExportJob, export_id: str | None) -> None:
    """Say of an ``export.prepared`` that nothing came of it."""
    if export_id is not None:
        event = Event("export.cancelled", "export", export_id, {"export": {"casefile": job.casefile_id}})
        installation.custody.record(job_actor(job), event)


def _record_refused(installation: Installation, job: ExportJob, error: ForbiddenError) -> None:
    """What was allowed when it was asked for is not any more: a refusal like one at a page."""
    refusal: JsonValue = {"code": error.code, "route": "export", "count": 1}
    event = Event("request.refused", "account", job.account_id, {"refusal": refusal})
    installation.custody.record(server_actor(), event)


def _set(installation: Installation, job: ExportJob, state: str, **values: str | int | None) -> None:
    if state not in {"writing", "verifying"}:
        values["ended_at"] = format_instant(installation.clock())
    names = ["state", *values]
    assignments = ", ".join(f"{name} = ?" for name in names)
    installation.private.execute(
        f"update export_jobs set {assignments} where job_id = ?",  # noqa: S608 - our own column names
        state,
        *values.values(),
        job.job_id,
    )


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

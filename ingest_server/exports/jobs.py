"""Exports asked for at the pages: one row each in ``private.db``, from the asking to the package that verifies.

States: ``waiting``, ``writing``, ``verifying``, then ``done``, ``failed``, ``cancelled`` or ``interrupted`` (the server
ended meanwhile). An ended job never goes on; asked for again it is another job.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chain_of_custody.durable import make_dir
from chain_of_custody.identities import new_id, show_id
from chain_of_custody.instants import format_instant
from ingest_server.cases.queries import get_casefile
from ingest_server.checking import check_text
from ingest_server.custody.actors import Actor
from ingest_server.custody.recording import Event
from ingest_server.errors import ConflictedError, ForbiddenError, GoneError, NotFoundError
from ingest_server.exports.preview import preview_package
from ingest_server.exports.reaching import list_packaged, require_export_reach
from ingest_server.policy.values import read_count

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

UNFINISHED = ("waiting", "writing", "verifying")


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One export that somebody asked for.

    Attributes:
        state: As in the module.
        done_bytes: Bytes of originals written so far.
        total_bytes: Bytes of originals there are.
        code: Of the refusal, where it failed.
        detail: What exactly, in English.
        export_id: Of the ``export.prepared`` leaf, once there is a package.
        verdict: What the offline verifier says of the package, once it ran: ``exit_code``, ``en``, ``zh``.
        removed_at: When the file was removed since its time was over.
    """

    job_id: str
    casefile_id: str
    number: str
    reason: str
    account_id: str
    account_name: str
    state: str
    done_bytes: int
    total_bytes: int
    code: str
    detail: str
    asked_at: str
    ended_at: str | None
    export_id: str | None
    sha256: str | None
    size: int | None
    recordings: int | None
    verdict: dict[str, Any] | None
    removed_at: str | None

    @property
    def file_name(self) -> str:
        """What the package is called when it is downloaded, and in what the verifier says of it."""
        return f"{self.number}-{show_id(self.job_id)[:8]}.zip".replace("/", "-")

    @property
    def is_unfinished(self) -> bool:
        """Whether it may still become a package."""
        return self.state in UNFINISHED

    @property
    def is_there(self) -> bool:
        """Whether its package can be downloaded."""
        return self.state == "done" and self.removed_at is None


def ask_export(installation: Installation, viewer: Viewer, casefile_id: str, reason: str) -> str:
    """Ask for a package; returns the job, which the server's own runner takes up.

    Raises:
        NotFoundError: No such case file, or nothing attached to it.
        ForbiddenError: It holds recordings outside the person's reach.
        ConflictedError: The same person's export of this case file is still under way.
    """
    reason = check_text(reason, "the reason")
    casefile = get_casefile(installation.catalogue, casefile_id)
    if casefile is None:
        raise NotFoundError("not_found")
    preview = preview_package(installation, viewer, casefile_id)
    if not preview.recordings:
        raise NotFoundError("nothing_to_export")
    if preview.out_of_reach:
        raise ForbiddenError("export_out_of_reach", account_id=viewer.account_id)
    job_id = new_id()
    with installation.private.transaction():
        if any(job.account_id == viewer.account_id for job in list_jobs(installation, casefile_id, UNFINISHED)):
            raise ConflictedError("export_under_way")
        installation.private.execute(
            "insert into export_jobs (job_id, casefile_id, number, reason, account_id, account_name, state,"
            " total_bytes, asked_at, process) values (?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?)",
            job_id,
            casefile_id,
            casefile["number"],
            reason,
            viewer.account_id,
            viewer.name,
            preview.bytes,
            format_instant(installation.clock()),
            os.getpid(),
        )
    return job_id


def cancel_export(installation: Installation, viewer: Viewer, job: ExportJob) -> None:
    """Ask a job to end; one whose package is already recorded goes on to its end."""
    require_owner(viewer, job)
    installation.private.execute("update export_jobs set is_cancelled = 1 where job_id = ?", job.job_id)
    installation.private.execute(
        "update export_jobs set state = 'cancelled', ended_at = ? where job_id = ? and state = 'waiting'",
        format_instant(installation.clock()),
        job.job_id,
    )


def open_package(installation: Installation, viewer: Viewer, job: ExportJob) -> Path:
    """The package's file, once the event says who takes it.

    Raises:
        ForbiddenError: Somebody else asked for it, or it holds what is outside their reach by now.
        GoneError: There is no file, or its time is over.
    """
    require_owner(viewer, job)
    path = package_path(installation, job.job_id)
    if not job.is_there or job.export_id is None or not path.is_file():
        raise GoneError("package_gone")
    require_export_reach(installation, viewer, list_packaged(installation, job.export_id))
    event = Event("export.downloaded", "export", job.export_id, {"package": {"package_sha256": job.sha256}})
    installation.custody.record(viewer.actor, event)
    return path


def require_owner(viewer: Viewer, job: ExportJob) -> None:
    """Raise ForbiddenError unless the viewer asked for the job."""
    if job.account_id != viewer.account_id:
        raise ForbiddenError("not_your_export", account_id=viewer.account_id)


def get_job(installation: Installation, casefile_id: str, job_id: str) -> ExportJob:
    """One job of a case file; raises NotFoundError."""
    row = installation.private.fetch_one(
        "select * from export_jobs where job_id = ? and casefile_id = ?", job_id, casefile_id
    )
    if row is None:
        raise NotFoundError("not_found")
    return read_job(row)


def list_jobs(
    installation: Installation, casefile_id: str, states: tuple[str, ...] = (), *, limit: int = 100
) -> list[ExportJob]:
    """A case file's jobs, last asked first."""
    marks = ", ".join("?" for _ in states)
    condition = f" and state in ({marks})" if states else ""
    rows = installation.private.fetch(
        f"select * from export_jobs where casefile_id = ?{condition} order by asked_at desc limit ?",  # noqa: S608
        casefile_id,
        *states,
        limit,
    )
    return [read_job(row) for row in rows]


def package_path(installation: Installation, job_id: str) -> Path:
    """Where a job's package is kept; the folder is made where it is missing."""
    folder = installation.data / "packages"
    make_dir(folder)
    folder.chmod(0o700)
    return folder / f"{job_id}.zip"


def sweep_packages(installation: Installation) -> int:
    """Remove package files whose time is over; their events stay. Returns how many."""
    limit = format_instant(installation.clock() - timedelta(days=read_count(installation, "export.keep_days")))
    rows = installation.private.fetch(
        "select job_id from export_jobs where state = 'done' and removed_at is null and ended_at < ?", limit
    )
    for row in rows:
        package_path(installation, row["job_id"]).unlink(missing_ok=True)
        installation.private.execute(
            "update export_jobs set removed_at = ? where job_id = ?",
            format_instant(installation.clock()),
            row["job_id"],
        )
    return len(rows)


def job_actor(job: ExportJob) -> Actor:
    """Who asked, as events name them."""
    return Actor("account", job.account_name, job.account_id)


def read_job(row: sqlite3.Row) -> ExportJob:
    """A job from its row."""
    names = [name for name in ExportJob.__dataclass_fields__ if name != "verdict"]
    verdict = json.loads(row["verdict"]) if row["verdict"] else None
    return ExportJob(**{name: row[name] for name in names}, verdict=verdict)

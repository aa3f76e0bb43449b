"""What people do about background work. Each is an event first; then the rows follow."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from chain_of_custody.identities import ledger_subject
from chain_of_custody.instants import format_instant
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import ConflictedError, NotFoundError
from ingest_server.jobs.database import CANCELLED, RUNNING, WAITING, JobsDatabase
from ingest_server.recordings.queries import get_recording

if TYPE_CHECKING:
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation


def request_work(installation: Installation, actor: Actor, evidence_id: str) -> None:
    """Ask for a recording to be looked at again; the worker follows the event.

    Raises:
        NotFoundError: There is no such recording.
    """
    if get_recording(installation.catalogue, evidence_id) is None:
        raise NotFoundError("not_found")
    installation.custody.record(actor, Event("work.requested", "recording", evidence_id, {}))


def cancel_job(installation: Installation, actor: Actor, job_id: int, reason: str) -> None:
    """Cancel a job that waits or runs; a run is broken off within a second and nothing comes of it.

    Raises:
        NotFoundError: There is no such job.
        ConflictedError: It has ended meanwhile.
    """
    reason = check_text(reason, "the reason")
    with closing(JobsDatabase(installation.data)) as jobs:
        job = jobs.fetch_one("select * from jobs where job_id = ?", job_id)
        if job is None:
            raise NotFoundError("not_found")
        if job["state"] not in {WAITING, RUNNING}:
            raise ConflictedError("conflict")
        cancelled = {"kind": job["kind"], "origin": job["origin"], "index": job["index"]}
        installation.custody.record(
            actor, Event("work.cancelled", "recording", job["evidence_id"], {"work": {**cancelled}, "reason": reason})
        )
        jobs.execute(
            "update jobs set state = ?, reason = ?, worker = null, ended_at = ? where job_id = ? and state in (?, ?)",
            *(CANCELLED, reason, format_instant(installation.clock()), job_id, WAITING, RUNNING),
        )


def pause_work(installation: Installation, actor: Actor, reason: str) -> None:
    """Begin no new job until ``resume_work``; what runs is finished. Pausing twice changes nothing."""
    reason = check_text(reason, "the reason")
    _set_paused(installation, actor, is_paused=True, event=_ledger_event(installation, "work.paused", reason))


def resume_work(installation: Installation, actor: Actor) -> None:
    """Go on after ``pause_work``; work that is not paused stays as it is."""
    _set_paused(installation, actor, is_paused=False, event=_ledger_event(installation, "work.resumed"))


def _set_paused(installation: Installation, actor: Actor, *, is_paused: bool, event: Event) -> None:
    with closing(JobsDatabase(installation.data)) as jobs:
        if jobs.is_paused() == is_paused:
            return
        installation.custody.record(actor, event)
        jobs.set_paused(is_paused=is_paused, by=actor.name, now=format_instant(installation.clock()))


def _ledger_event(installation: Installation, event_type: str, reason: str | None = None) -> Event:
    parts = {} if reason is None else {"reason": reason}
    return Event(event_type, "ledger", ledger_subject(installation.config.origin), {**parts})

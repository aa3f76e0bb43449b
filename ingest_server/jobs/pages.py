"""Pages of background work: how it stands, what failed and why; pausing, cancelling, asking again."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError, ServerError
from ingest_server.jobs.commands import cancel_job, pause_work, request_work, resume_work
from ingest_server.jobs.database import FAILED, RUNNING, STATES, WAITING
from ingest_server.jobs.queries import PAGE_SIZE, get_job, list_jobs, name_recordings, read_work
from ingest_server.permissions import Permission
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, Visit, changing, looking

Looking = Annotated[Visit, Depends(looking(Permission.WORK_READ))]
Managing = Annotated[Visit, Depends(looking(Permission.WORK_MANAGE))]
Changing = Annotated[Change, Depends(changing(Permission.WORK_MANAGE))]


def get_work(visit: Looking, request: Request) -> Response:
    """How background work stands; its moving part alone where the page asks for it again."""
    return _show_work(visit, request)


def post_pause(visit: Changing, request: Request) -> Response:
    """Begin no new job."""
    try:
        pause_work(visit.installation, visit.actor, visit.text("reason"))
    except BadRequestError as error:
        return _show_work(visit, request, error=error)
    return _go()


def post_resume(visit: Changing) -> Response:
    """Go on."""
    resume_work(visit.installation, visit.actor)
    return _go()


def get_job_page(visit: Managing, job_id: int) -> Response:
    """One job, and what may be done about it."""
    return _show_job(visit, _find(visit, job_id))


def post_cancel(visit: Changing, job_id: int) -> Response:
    """Cancel a job that waits or runs."""
    job = _find(visit, job_id)
    try:
        cancel_job(visit.installation, visit.actor, job_id, visit.text("reason"))
    except (BadRequestError, ConflictedError) as error:
        return _show_job(visit, _find(visit, job_id), error=error)
    return _go(job["job_id"])


def post_again(visit: Changing, job_id: int) -> Response:
    """Ask for the recording of a job to be looked at again."""
    request_work(visit.installation, visit.actor, _find(visit, job_id)["evidence_id"])
    return _go()


def _show_work(visit: Visit, request: Request, *, error: ServerError | None = None) -> Response:
    state, before = request.query_params.get("state"), request.query_params.get("before", "")
    shown = state if state in STATES else None
    last = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None
    running = list_jobs(visit.installation, RUNNING)
    rows = list_jobs(visit.installation, shown, before=last, limit=PAGE_SIZE + 1)
    more = rows[PAGE_SIZE - 1]["job_id"] if len(rows) > PAGE_SIZE else None
    rows = rows[:PAGE_SIZE]
    return visit.render(
        "work/moving.html" if visit.is_part else "work/work.html",
        status=error.status if error else 200,
        work=read_work(visit.installation),
        running=running,
        rows=rows,
        names=name_recordings(visit.installation, visit.viewer, [*running, *rows]),
        states=STATES,
        state=shown or "",
        address=_address(shown, last),
        more=more,
        error=error.say(visit.language.tag) if error else "",
    )


def _show_job(visit: Visit, job: dict[str, Any], *, error: ServerError | None = None) -> Response:
    return visit.render(
        "work/job.html",
        status=error.status if error else 200,
        job=job,
        names=name_recordings(visit.installation, visit.viewer, [job]),
        may_cancel=job["state"] in {WAITING, RUNNING},
        may_ask=job["state"] not in {WAITING, RUNNING},
        is_failed=job["state"] == FAILED,
        error=error.say(visit.language.tag) if error else "",
    )


def _address(state: str | None, before: int | None) -> str:
    query = urlencode({name: value for name, value in (("state", state), ("before", before)) if value is not None})
    return f"/work?{query}" if query else "/work"


def _find(visit: Visit, job_id: int) -> dict[str, Any]:
    job = get_job(visit.installation, job_id) if 0 <= job_id < 1 << 53 else None
    if job is None:
        raise NotFoundError("not_found")
    return job


def _go(job_id: int | None = None) -> Response:
    target = "/work" if job_id is None else f"/work/{job_id}"
    return RedirectResponse(target, status_code=303, headers=PAGE_HEADERS)

"""Pages of packages: what one would contain, asking for it, its progress, its verification, its download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from fastapi.responses import FileResponse, RedirectResponse, Response

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.cases.pages import find_one
from ingest_server.errors import (
    BadRequestError,
    ConflictedError,
    ForbiddenError,
    NotFoundError,
    ServerError,
    UnavailableError,
)
from ingest_server.exports.jobs import ask_export, cancel_export, get_job, list_jobs, open_package
from ingest_server.exports.preview import preview_package
from ingest_server.permissions import Permission
from ingest_server.policy.values import read_count
from ingest_server.sentences import SENTENCES
from ingest_server.web.downloads import download_headers
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, Visit, changing, looking

if TYPE_CHECKING:
    from ingest_server.exports.jobs import ExportJob

Exporting = Annotated[Visit, Depends(looking(Permission.EXPORT_CREATE))]
Asking = Annotated[Change, Depends(changing(Permission.EXPORT_CREATE))]


def get_exports(visit: Exporting, casefile_id: str) -> Response:
    """What a package would contain now, and those that were made."""
    return _show_exports(visit, find_one(visit.installation, casefile_id))


def post_export(visit: Asking, casefile_id: str) -> Response:
    """Ask for a package and go to its progress."""
    casefile = find_one(visit.installation, casefile_id)
    try:
        job_id = ask_export(visit.installation, visit.viewer, casefile["casefile_id"], visit.text("reason"))
    except (BadRequestError, ConflictedError, NotFoundError) as error:
        return _show_exports(visit, casefile, reason=visit.text("reason"), error=error)
    return _go(casefile, job_id)


def get_export(visit: Exporting, casefile_id: str, job_id: str) -> Response:
    """One package: its progress while it is made, then what the verifier says of it."""
    casefile, job = _find(visit, casefile_id, job_id)
    if visit.is_part:
        answer = visit.render("exports/progress.html", casefile=casefile, job=job)
        if not job.is_unfinished:
            answer.headers["HX-Refresh"] = "true"
        return answer
    return visit.render(
        "exports/export.html",
        casefile=casefile,
        job=job,
        keep_days=read_count(visit.installation, "export.keep_days"),
        vkey=visit.installation.ledger.vkey,
        why=_explain(visit, job),
    )


def post_cancel(visit: Asking, casefile_id: str, job_id: str) -> Response:
    """Cancel a package that is being made."""
    casefile, job = _find(visit, casefile_id, job_id)
    cancel_export(visit.installation, visit.viewer, job)
    return _go(casefile, job.job_id)


def post_again(visit: Asking, casefile_id: str, job_id: str) -> Response:
    """Ask again for a package that came to nothing, for the same reason."""
    casefile, job = _find(visit, casefile_id, job_id)
    try:
        again = ask_export(visit.installation, visit.viewer, casefile["casefile_id"], job.reason)
    except (ConflictedError, NotFoundError) as error:
        return _show_exports(visit, casefile, reason=job.reason, error=error)
    return _go(casefile, again)


def post_package(visit: Asking, casefile_id: str, job_id: str) -> Response:
    """Send the package; the event stands before the first byte."""
    _, job = _find(visit, casefile_id, job_id)
    path = open_package(visit.installation, visit.viewer, job)
    size = path.stat().st_size
    return FileResponse(path, media_type="application/zip", headers=download_headers(job.file_name, size))


def _find(visit: Visit, casefile_id: str, job_id: str) -> tuple[dict[str, Any], ExportJob]:
    casefile = find_one(visit.installation, casefile_id)
    try:
        return casefile, get_job(visit.installation, casefile["casefile_id"], parse_shown_id(job_id))
    except MalformedError as error:
        raise NotFoundError("not_found") from error


def _explain(visit: Visit, job: ExportJob) -> str:
    """Why a job failed, in the person's language."""
    if job.state != "failed":
        return ""
    kind = {"not_found": NotFoundError, "conflict": ConflictedError, "not_permitted": ForbiddenError}
    code = job.code if job.code in SENTENCES else "export_failed"
    return kind.get(job.code, UnavailableError)(code, job.detail).explain(visit.language.tag)


def _go(casefile: dict[str, Any], job_id: str) -> Response:
    address = f"/casefiles/{show_id(casefile['casefile_id'])}/exports/{show_id(job_id)}"
    return RedirectResponse(address, 303, headers=PAGE_HEADERS)


def _show_exports(
    visit: Visit, casefile: dict[str, Any], *, reason: str = "", error: ServerError | None = None
) -> Response:
    return visit.render(
        "exports/exports.html",
        status=error.status if error else 200,
        casefile=casefile,
        preview=preview_package(visit.installation, visit.viewer, casefile["casefile_id"]),
        jobs=list_jobs(visit.installation, casefile["casefile_id"], limit=50),
        keep_days=read_count(visit.installation, "export.keep_days"),
        reason=reason,
        error=error.explain(visit.language.tag) if error else "",
    )

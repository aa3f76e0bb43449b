"""Pages of case files: the list, one case file by its stages, attaching and detaching, text records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.datastructures import UploadFile

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.cases.choosing import read_chosen
from ingest_server.cases.commands import STAGES, add_casefile, attach_recordings, detach_recordings
from ingest_server.cases.document_types import ENDINGS
from ingest_server.cases.documents import KINDS, add_document, open_document, read_limit, remove_document
from ingest_server.cases.queries import (
    PAGE_SIZE,
    count_casefiles,
    count_stages,
    find_casefile,
    find_in_reach,
    get_casefile,
    list_documents,
    list_stage,
    search_casefiles,
)
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError, ServerError
from ingest_server.exports.jobs import list_jobs
from ingest_server.permissions import Permission
from ingest_server.web.downloads import download_headers
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import MAX_FORM, Change, Visit, changing, looking

if TYPE_CHECKING:
    from ingest_server.installation import Installation


def _document_limit(installation: Installation) -> int:
    return read_limit(installation) + MAX_FORM


Reading = Annotated[Visit, Depends(looking(Permission.CASEFILE_READ))]
Choosing = Annotated[Visit, Depends(looking(Permission.CASEFILE_CHANGE))]
Changing = Annotated[Change, Depends(changing(Permission.CASEFILE_CHANGE))]
Taking = Annotated[Change, Depends(changing(Permission.CASEFILE_READ))]
Uploading = Annotated[Change, Depends(changing(Permission.CASEFILE_CHANGE, max_form=_document_limit))]


def get_casefiles(visit: Reading, request: Request) -> Response:
    """The list of case files, searched by number and title."""
    is_empty = request.query_params.get("recordings") == "none"
    return _show_list(visit, request.query_params.get("text", "")[:200], _read_before(request), is_empty=is_empty)


def post_casefile(visit: Changing) -> Response:
    """Open a case file and go to it."""
    try:
        add_casefile(visit.installation, visit.actor, visit.text("number"), visit.text("title"))
    except (BadRequestError, ConflictedError) as error:
        return _show_list(visit, "", None, error=error, typed=visit)
    casefile = find_casefile(visit.installation.catalogue, visit.text("number"))
    if casefile is None:
        raise NotFoundError("not_found")
    return _go(casefile["casefile_id"])


def get_casefile_page(visit: Reading, request: Request, casefile_id: str) -> Response:
    """One case file, at one of its stages."""
    query = request.query_params
    page = int(text) if (text := query.get("page", "1")).isdecimal() and len(text) < 6 else 1
    return _show_casefile(
        visit, find_one(visit.installation, casefile_id), query.get("stage", ""), page=max(1, page),
        detached=query.get("detached", ""), done=query.get("done", ""),
    )  # fmt: skip


def get_attach(visit: Choosing, request: Request, casefile_id: str) -> Response:
    """Choose recordings to attach: found by text, or typed by evidence id."""
    casefile = find_one(visit.installation, casefile_id)
    return _show_attach(visit, casefile, request.query_params)


def post_attach(visit: Changing, casefile_id: str) -> Response:
    """Attach what was chosen; also how a detaching is undone."""
    casefile = find_one(visit.installation, casefile_id)
    stage = visit.text("stage")
    try:
        count = attach_recordings(
            visit.installation,
            visit.actor,
            casefile["number"],
            read_chosen(visit.installation, visit.viewer, visit.texts("evidence_id")),
            stage=stage,
            reason=visit.text("reason"),
            version=visit.count("version"),
        )
    except (BadRequestError, NotFoundError, ConflictedError) as error:
        chosen = {"stage": stage, "text": visit.text("text"), "reason": visit.text("reason")}
        return _show_attach(visit, casefile, chosen, typed=visit.texts("evidence_id"), error=error)
    return _go(casefile["casefile_id"], stage=stage, done=f"attached-{count}")


def post_detach(visit: Changing, casefile_id: str) -> Response:
    """Detach recordings from a stage, and offer to undo it."""
    casefile = find_one(visit.installation, casefile_id)
    stage = visit.text("stage")
    try:
        chosen = read_chosen(visit.installation, visit.viewer, visit.texts("evidence_id"))
        detach_recordings(
            visit.installation,
            visit.actor,
            casefile["number"],
            chosen,
            stage=stage,
            reason=visit.text("reason"),
            version=visit.count("version"),
        )
    except (BadRequestError, NotFoundError, ConflictedError) as error:
        return _show_casefile(visit, casefile, stage, error=error)
    return _go(casefile["casefile_id"], stage=stage, detached=",".join(map(show_id, chosen[:20])))


def post_document(visit: Uploading, casefile_id: str) -> Response:
    """Add a text record to a stage."""
    casefile = find_one(visit.installation, casefile_id)
    stage, file = visit.text("stage"), visit.form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise BadRequestError("document_empty")
        add_document(
            visit.installation,
            visit.actor,
            casefile["casefile_id"],
            file.file,
            name=file.filename,
            kind=visit.text("kind"),
            stage=stage,
        )
    except ServerError as error:
        return _show_casefile(visit, casefile, stage, error=error)
    return _go(casefile["casefile_id"], stage=stage, done="document-added")


def post_document_download(visit: Taking, casefile_id: str, document_id: str) -> Response:
    """Send a text record as an attachment; the event stands before the first byte."""
    casefile = find_one(visit.installation, casefile_id)
    document, pieces = open_document(visit.installation, visit.actor, casefile["casefile_id"], _read_id(document_id))
    headers = download_headers(document["name"], document["size"])
    return StreamingResponse(pieces, media_type=document["media_type"], headers=headers)


def post_document_removal(visit: Changing, casefile_id: str, document_id: str) -> Response:
    """Take a text record from its stage; its bytes stay."""
    casefile = find_one(visit.installation, casefile_id)
    stage = visit.text("stage")
    try:
        remove_document(
            visit.installation,
            visit.actor,
            casefile["casefile_id"],
            _read_id(document_id),
            reason=visit.text("reason"),
            version=visit.count("version"),
        )
    except (BadRequestError, ConflictedError) as error:
        return _show_casefile(visit, casefile, stage, error=error)
    return _go(casefile["casefile_id"], stage=stage, done="document-removed")


def find_one(installation: Installation, casefile_id: str) -> dict[str, Any]:
    """A case file by the identity in its address, with its version; raises NotFoundError."""
    identity = _read_id(casefile_id)
    # The version first: what is shown may be newer than it, never older, so a form is refused rather than wrong.
    head = installation.ledger.head(identity)
    casefile = get_casefile(installation.catalogue, identity)
    if casefile is None or head is None:
        raise NotFoundError("not_found")
    return {**casefile, "version": head.version}


def _read_id(text: str) -> str:
    try:
        return parse_shown_id(text)
    except MalformedError as error:
        raise NotFoundError("not_found") from error


def _read_before(request: Request) -> int | None:
    text = request.query_params.get("before", "")
    return int(text) if text.isdecimal() and len(text) < 16 else None


def _go(casefile_id: str, **query: str) -> Response:
    address = f"/casefiles/{show_id(casefile_id)}"
    return RedirectResponse(f"{address}?{urlencode(query)}" if query else address, 303, headers=PAGE_HEADERS)


def _show_list(
    visit: Visit,
    text: str,
    before: int | None,
    *,
    is_empty: bool = False,
    error: ServerError | None = None,
    typed: Change | None = None,
) -> Response:
    catalogue = visit.installation.catalogue
    rows = search_casefiles(catalogue, text, is_empty=is_empty, before=before, limit=PAGE_SIZE + 1)
    more = {"text": text, "before": rows[PAGE_SIZE - 1]["place"]} if len(rows) > PAGE_SIZE else None
    if more and is_empty:
        more["recordings"] = "none"
    return visit.render(
        "cases/rows.html" if visit.is_part and error is None else "cases/casefiles.html",
        status=error.status if error else 200,
        rows=rows[:PAGE_SIZE],
        text=text,
        is_empty=is_empty,
        more=f"/casefiles?{urlencode(more)}" if more else "",
        total=count_casefiles(visit.installation.catalogue),
        stages=list(STAGES),
        error=error.explain(visit.language.tag) if error else "",
        number=typed.text("number") if typed else "",
        title=typed.text("title") if typed else "",
    )


def _show_casefile(
    visit: Visit,
    casefile: dict[str, Any],
    stage: str,
    *,
    page: int = 1,
    detached: str = "",
    done: str = "",
    error: ServerError | None = None,
) -> Response:
    catalogue, casefile_id = visit.installation.catalogue, casefile["casefile_id"]
    counts = count_stages(catalogue, casefile_id)
    if stage not in STAGES:
        # Where the work is: the last stage that holds something.
        stage = next((name for name in reversed(STAGES) if name in counts), next(iter(STAGES)))
    rows = list_stage(catalogue, visit.viewer, casefile_id, stage, offset=(page - 1) * PAGE_SIZE)
    return visit.render(
        "cases/casefile.html",
        status=error.status if error else 200,
        casefile=casefile,
        here_stage=stage,
        stages=list(STAGES),
        counts=counts,
        rows=rows,
        page=page,
        pages=-(-counts.get(stage, {}).get("recordings", 0) // PAGE_SIZE),
        documents=list_documents(catalogue, casefile_id, stage),
        kinds=list(KINDS),
        endings=",".join(ENDINGS),
        limit=read_limit(visit.installation),
        packages=list_jobs(visit.installation, casefile_id, limit=3),
        detached=_read_detached(detached, rows),
        done=done,
        error=error.explain(visit.language.tag) if error else "",
    )


def _read_detached(text: str, rows: list[dict[str, Any]]) -> list[str]:
    """What an address says was just detached and indeed is not there; only shown, never believed."""
    there = {row["evidence_id"] for row in rows}
    ids = []
    for word in text.split(",")[:20]:
        try:
            ids.append(parse_shown_id(word))
        except MalformedError:
            return []
    return [identity for identity in ids if identity not in there]


def _show_attach(
    visit: Visit,
    casefile: dict[str, Any],
    query: Any,
    *,
    typed: list[str] | None = None,
    error: ServerError | None = None,
) -> Response:
    text = query.get("text", "")[:200].strip()
    stage = query.get("stage", "")
    return visit.render(
        "cases/found.html" if visit.is_part and error is None else "cases/attach.html",
        status=error.status if error else 200,
        casefile=casefile,
        stages=list(STAGES),
        stage=stage if stage in STAGES else "investigation",
        text=text,
        reason=query.get("reason", ""),
        typed="\n".join(typed or []),
        found=find_in_reach(visit.installation.catalogue, visit.viewer, text),
        error=error.explain(visit.language.tag) if error else "",
    )

"""Attaching many recordings: choose the case file, look at what will happen, do it, undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from chain_of_custody.identities import show_id
from ingest_server.accounts.viewers import find_reach
from ingest_server.cases.commands import STAGES, attach_recordings, detach_recordings
from ingest_server.cases.queries import get_casefile
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError
from ingest_server.permissions import Permission
from ingest_server.searching.addresses import PATH
from ingest_server.searching.linking import MOST, LinkPlan, list_linked, plan_link
from ingest_server.searching.pages import read_ids
from ingest_server.searching.rows import describe_rows, list_numbers, read_rows
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, Visit, changing, looking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.errors import ServerError

Linking = Annotated[Change, Depends(changing(Permission.CASEFILE_CHANGE))]
Looking = Annotated[Visit, Depends(looking(Permission.CASEFILE_CHANGE))]


def post_link(visit: Linking) -> Response:
    """Show what attaching the chosen recordings would do; with ``act=attach`` do it, as one act."""
    number, stage = visit.text("number", limit=200), visit.text("stage", limit=40)
    named = [text for text in visit.texts("evidence_id") if text.strip()]
    plan: LinkPlan | None = None
    try:
        # Without a case file the page asks for one; with it the page says what will happen.
        plan = plan_link(visit.installation, visit.viewer, number, stage, named) if number else None
        if plan and visit.text("act") == "attach":
            return _attach(visit, plan)
    except (BadRequestError, NotFoundError, ConflictedError) as error:
        return _show(visit, plan, named, error)
    return _show(visit, plan, named, None if named else BadRequestError("nothing_chosen"))


def get_linked(visit: Looking, request: Request) -> Response:
    """What was attached a moment ago, and the way back."""
    query = request.query_params
    named = list(read_ids(query.getlist("evidence_id")[:MOST]))
    casefile_id = next(iter(read_ids([query.get("casefile", "")])), "")
    casefile = get_casefile(visit.installation.catalogue, casefile_id) if casefile_id else None
    stage = query.get("stage", "")
    if casefile is None or stage not in STAGES:
        raise NotFoundError("not_found")
    there = list_linked(visit.installation, casefile_id, stage, named)
    gone = [evidence_id for evidence_id in named if evidence_id not in there]
    head = visit.installation.ledger.head(casefile_id)
    return visit.render(
        "searching/linked.html",
        casefile=casefile,
        stage=stage,
        there=there,
        gone=gone,
        version=head.version if head else 0,
    )


def post_unlink(visit: Linking) -> Response:
    """Undo: detach what was attached, as one act; the history keeps both."""
    ids = list(read_ids(visit.texts("evidence_id")))
    number, stage = visit.text("number", limit=200), visit.text("stage", limit=40)
    plan = plan_link(visit.installation, visit.viewer, number, stage, ids)
    if plan.attached:
        detach_recordings(
            visit.installation,
            visit.actor,
            number,
            plan.attached,
            stage=stage,
            reason=visit.text("reason"),
            version=_read_version(visit),
        )
    return _go_linked(plan, ids)


def _attach(visit: Change, plan: LinkPlan) -> Response:
    attach_recordings(
        visit.installation,
        visit.actor,
        plan.casefile["number"],
        plan.attaching,
        stage=plan.stage,
        reason=visit.text("reason"),
        version=_read_version(visit),
    )
    return _go_linked(plan, plan.attaching)


def _show(visit: Change, plan: LinkPlan | None, named: Sequence[str], error: ServerError | None) -> Response:
    rows = read_rows(visit.installation.catalogue, find_reach(visit.viewer), list(read_ids(named)))
    described = {row["evidence_id"]: row for row in describe_rows(visit.installation.catalogue, rows)}
    return visit.render(
        "searching/link.html",
        status=error.status if error else 200,
        plan=plan,
        named=named,
        described=described,
        error=error.say(visit.language.tag) if error else "",
        number=visit.text("number", limit=200),
        stage=visit.text("stage", limit=40),
        reason=visit.text("reason"),
        stages=list(STAGES),
        back=visit.text("address", limit=4000) if visit.text("address", limit=4000).startswith(PATH) else PATH,
        numbers=list_numbers(visit.installation.catalogue),
    )


def _read_version(visit: Change) -> int:
    text = visit.text("version", limit=20)
    if not text.isascii() or not text.isdecimal():
        raise BadRequestError("bad_request", "the version of the case file is missing")
    return int(text)


def _go_linked(plan: LinkPlan, evidence_ids: Sequence[str]) -> Response:
    query = [("casefile", show_id(plan.casefile["casefile_id"])), ("stage", plan.stage)]
    query += [("evidence_id", show_id(evidence_id)) for evidence_id in evidence_ids]
    return RedirectResponse(f"{PATH}/linked?{urlencode(query)}", status_code=303, headers=PAGE_HEADERS)

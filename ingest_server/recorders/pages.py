"""Pages of recorders: the list, one with dockings and holders, issue and return, the printable register."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from chain_of_custody.instants import format_instant
from ingest_server.accounts.queries import list_officers
from ingest_server.docks.queries import get_recorder, list_dockings
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError, ServerError
from ingest_server.permissions import Permission
from ingest_server.recorders.commands import Checks, issue_recorder, return_recorder
from ingest_server.recorders.queries import PAGE_SIZE, find_last_holding, list_holdings, list_register, search_recorders
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.typed_times import read_month, read_time, write_time
from ingest_server.web.visits import Change, Visit, changing, looking

if TYPE_CHECKING:
    from collections.abc import Callable

Reading = Annotated[Visit, Depends(looking(Permission.DOCK_READ))]
Issuing = Annotated[Change, Depends(changing(Permission.RECORDER_ISSUE))]
MAX_SUGGESTED = 200


def get_recorders(visit: Reading, request: Request) -> Response:
    """Every recorder seen at a dock, with who holds it."""
    text, before = request.query_params.get("text", "")[:100].strip(), request.query_params.get("before", "")[:40]
    rows = search_recorders(visit.installation.catalogue, text, before=before, limit=PAGE_SIZE + 1)
    return visit.render(
        "recorders/recorders.html",
        rows=rows[:PAGE_SIZE],
        text=text,
        before=rows[PAGE_SIZE - 1]["last_docked_at"] if len(rows) > PAGE_SIZE else "",
    )


def get_register(visit: Reading, request: Request) -> Response:
    """The register of issue and return of one month, for printing."""
    wanted = request.query_params.get("month", "")
    month, begin, end = read_month(wanted, visit.zone, visit.installation.clock())
    rows = list_register(visit.installation.catalogue, format_instant(begin), format_instant(end))
    return visit.render("recorders/register.html", rows=rows, month=month)


def get_recorder_page(visit: Reading, recorder_id: str) -> Response:
    """One recorder: what it is known by, who holds and held it, its dockings with their findings."""
    return _show(visit, _find(visit, recorder_id))


def post_issue(visit: Issuing, recorder_id: str) -> Response:
    """Issue the recorder to an officer."""
    return _change(
        visit,
        recorder_id,
        lambda identity: issue_recorder(
            visit.installation,
            visit.actor,
            identity,
            visit.text("officer", limit=100).split(" ")[0],
            at=read_time(visit.text("at", limit=40), visit.zone),
            checks=_read_checks(visit),
            note=visit.text("note"),
        ),
    )


def post_return(visit: Issuing, recorder_id: str) -> Response:
    """Take the recorder back."""
    return _change(
        visit,
        recorder_id,
        lambda identity: return_recorder(
            visit.installation,
            visit.actor,
            identity,
            visit.text("holding", limit=40),
            at=read_time(visit.text("at", limit=40), visit.zone),
            checks=_read_checks(visit),
            note=visit.text("note"),
        ),
    )


def _change(visit: Change, recorder_id: str, change: Callable[[str], object]) -> Response:
    recorder = _find(visit, recorder_id)
    try:
        change(recorder["recorder_id"])
    except (BadRequestError, ConflictedError, NotFoundError) as error:
        return _show(visit, recorder, error=error, typed=visit)
    return RedirectResponse(f"/recorders/{show_id(recorder['recorder_id'])}", status_code=303, headers=PAGE_HEADERS)


def _read_checks(visit: Change) -> Checks:
    return Checks(visit.text("battery"), visit.text("space"), visit.text("clock"))


def _find(visit: Visit, recorder_id: str) -> dict[str, Any]:
    try:
        recorder = get_recorder(visit.installation.catalogue, parse_shown_id(recorder_id))
    except MalformedError as error:
        raise NotFoundError("not_found") from error
    if recorder is None:
        raise NotFoundError("not_found")
    return recorder


def _show(
    visit: Visit, recorder: dict[str, Any], *, error: ServerError | None = None, typed: Change | None = None
) -> Response:
    catalogue, recorder_id = visit.installation.catalogue, recorder["recorder_id"]
    last = find_last_holding(catalogue, recorder_id)
    may_issue = visit.viewer.may(Permission.RECORDER_ISSUE)
    names = ("officer", "battery", "space", "clock", "note")
    return visit.render(
        "recorders/recorder.html",
        status=error.status if error else 200,
        recorder=recorder,
        holding=last if last and last["returned_at"] is None else None,
        holdings=list_holdings(catalogue, recorder_id),
        dockings=list_dockings(catalogue, recorder_id=recorder_id),
        officers=list_officers(catalogue)[:MAX_SUGGESTED] if may_issue else [],
        now=write_time(visit.installation.clock(), visit.zone),
        typed={name: typed.text(name) if typed else "" for name in names},
        error=error.explain(visit.language.tag) if error else "",
    )

"""Pages of docks: the register with what each is doing, enrolling, revoking."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.docks.commands import add_dock, revoke_dock
from ingest_server.docks.queries import count_unreported, get_dock, list_dockings
from ingest_server.docks.watching import find_unreported_limit, list_dock_states, read_dock_state
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError, ServerError
from ingest_server.permissions import Permission
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, Visit, changing, looking

Reading = Annotated[Visit, Depends(looking(Permission.DOCK_READ))]
Managing = Annotated[Visit, Depends(looking(Permission.DOCK_MANAGE))]
Changing = Annotated[Change, Depends(changing(Permission.DOCK_MANAGE))]
PAGE_SIZE = 50


def get_docks(visit: Reading) -> Response:
    """Every dock and what it is doing."""
    return _show_docks(visit)


def post_dock(visit: Changing) -> Response:
    """Make an enrolment code and show it, once."""
    name = visit.text("name")
    try:
        code = add_dock(visit.installation, visit.actor, name)
    except BadRequestError as error:
        return _show_docks(visit, name=name, error=error)
    return visit.render("docks/code.html", name=name, code=code, url=visit.installation.public_url)


def get_dock_page(visit: Reading, request: Request, dock_id: str) -> Response:
    """One dock with its dockings."""
    dock = _find(visit, dock_id)
    page = _read_page(request)
    rows = list_dockings(
        visit.installation.catalogue,
        dock_id=dock["dock_id"],
        offset=(page - 1) * PAGE_SIZE,
        limit=PAGE_SIZE + 1,
    )
    return visit.render(
        "docks/dock.html",
        state=read_dock_state(visit.installation, dock),
        rows=rows[:PAGE_SIZE],
        page=page,
        is_more=len(rows) > PAGE_SIZE,
    )


def get_unreported(visit: Reading, request: Request) -> Response:
    """Dockings that should have sent their report by now, the last first."""
    page = _read_page(request)
    limit = find_unreported_limit(visit.installation)
    rows = list_dockings(
        visit.installation.catalogue, open_since=limit, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE + 1
    )
    return visit.render(
        "docks/unreported.html",
        count=count_unreported(visit.installation.catalogue, limit),
        rows=rows[:PAGE_SIZE],
        page=page,
        is_more=len(rows) > PAGE_SIZE,
    )


def get_revoke(visit: Managing, dock_id: str) -> Response:
    """What stops when this dock is revoked, before it is."""
    return _show_revoke(visit, _find(visit, dock_id))


def post_revoke(visit: Changing, dock_id: str) -> Response:
    """Revoke a dock."""
    dock = _find(visit, dock_id)
    try:
        revoke_dock(
            visit.installation, visit.actor, dock["dock_id"], visit.text("reason"), version=visit.count("version")
        )
    except (BadRequestError, ConflictedError, NotFoundError) as error:
        return _show_revoke(visit, _find(visit, dock_id), error=error)
    return RedirectResponse(f"/docks/{show_id(dock['dock_id'])}", status_code=303, headers=PAGE_HEADERS)


def _find(visit: Visit, dock_id: str) -> dict[str, Any]:
    try:
        identity = parse_shown_id(dock_id)
    except MalformedError as error:
        raise NotFoundError("not_found") from error
    head = visit.installation.ledger.head(identity)
    dock = get_dock(visit.installation.catalogue, identity)
    if dock is None or head is None:
        raise NotFoundError("not_found")
    return {**dock, "version": head.version}


def _read_page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 6 else 1


def _show_docks(visit: Visit, *, name: str = "", error: ServerError | None = None) -> Response:
    return visit.render(
        "docks/docks.html",
        status=error.status if error else 200,
        states=list_dock_states(visit.installation),
        name=name,
        error=error.explain(visit.language.tag) if error else "",
    )


def _show_revoke(visit: Visit, dock: dict[str, Any], *, error: ServerError | None = None) -> Response:
    return visit.render(
        "docks/revoke.html",
        status=error.status if error else 200,
        state=read_dock_state(visit.installation, dock),
        error=error.explain(visit.language.tag) if error else "",
    )

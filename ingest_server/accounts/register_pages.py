"""Pages of the security administrator: accounts, officers, units; every change with its reason is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.accounts.queries import find_account, get_account, list_accounts, list_officers, list_units
from ingest_server.accounts.registers import add_officer, add_unit
from ingest_server.accounts.sessions import list_sessions, revoke_session
from ingest_server.accounts.users import STATUSES, add_user, change_user, read_version, renew_link
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError, ServerError
from ingest_server.permissions import ROLES, SCOPES, Permission
from ingest_server.policy.values import read_count
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, Visit, changing, looking

if TYPE_CHECKING:
    from collections.abc import Callable

Looking = Annotated[Visit, Depends(looking(Permission.ACCOUNT_MANAGE))]
Changing = Annotated[Change, Depends(changing(Permission.ACCOUNT_MANAGE))]
VIEWS = ("accounts", "officers", "units")
_FIELDS = ("name", "role", "officer", "unit", "code", "parent", "number", "certificate", "valid_until")


def get_registers(visit: Looking, request: Request) -> Response:
    """Accounts, officers or units."""
    view = request.query_params.get("show", "accounts")
    return _show(visit, view if view in VIEWS else "accounts")


def post_account(visit: Changing) -> Response:
    """Make an account and show its one-time link, this once."""
    name = visit.text("name")
    try:
        link = add_user(
            visit.installation,
            visit.actor,
            name,
            visit.text("role"),
            officer=visit.text("officer") or None,
            unit=visit.text("unit") or None,
        )
    except (BadRequestError, ConflictedError, NotFoundError) as error:
        return _show(visit, "accounts", error=error, typed=visit)
    return _show_link(visit, find_account(visit.installation.catalogue, name), link)


def post_officer(visit: Changing) -> Response:
    """Register an officer."""
    return _register(
        visit,
        "officers",
        lambda: add_officer(
            visit.installation,
            visit.actor,
            visit.text("number"),
            visit.text("name"),
            unit=visit.text("unit") or None,
            certificate=visit.text("certificate") or None,
            valid_until=visit.text("valid_until") or None,
        ),
    )


def post_unit(visit: Changing) -> Response:
    """Register a unit."""
    return _register(
        visit,
        "units",
        lambda: add_unit(
            visit.installation, visit.actor, visit.text("code"), visit.text("name"), visit.text("parent") or None
        ),
    )


def get_account_page(visit: Looking, account_id: str) -> Response:
    """One account: its facts, to be changed with a reason, and its open sessions."""
    return _show_account(visit, _find(visit, account_id))


def post_account_change(visit: Changing, account_id: str) -> Response:
    """Change role, officer, unit or status."""
    account = _find(visit, account_id)
    try:
        change_user(
            visit.installation,
            visit.actor,
            account["account_id"],
            role=visit.text("role"),
            officer=visit.text("officer") or None,
            unit=visit.text("unit") or None,
            status=visit.text("status"),
            reason=visit.text("reason"),
            version=visit.count("version"),
        )
    except (BadRequestError, ConflictedError, NotFoundError) as error:
        return _show_account(visit, _find(visit, account_id), error=error)
    return _go(account)


def post_account_link(visit: Changing, account_id: str) -> Response:
    """Make another one-time link and show it, this once; earlier ones end."""
    account = _find(visit, account_id)
    return _show_link(visit, account, renew_link(visit.installation, visit.actor, account["name"]))


def post_session_end(visit: Changing, account_id: str, session_id: str) -> Response:
    """End somebody's session."""
    account = _find(visit, account_id)
    revoke_session(visit.installation, visit.actor, account["account_id"], session_id)
    return _go(account)


def _register(visit: Change, view: str, register: Callable[[], bool]) -> Response:
    try:
        register()
    except (BadRequestError, ConflictedError, NotFoundError) as error:
        return _show(visit, view, error=error, typed=visit)
    return RedirectResponse(f"/registers?show={view}", status_code=303, headers=PAGE_HEADERS)


def _find(visit: Visit, account_id: str) -> dict[str, Any]:
    try:
        identity = parse_shown_id(account_id)
    except MalformedError as error:
        raise NotFoundError("not_found") from error
    version = read_version(visit.installation, identity)
    account = get_account(visit.installation.catalogue, identity)
    if account is None:
        raise NotFoundError("not_found")
    return {**account, "version": version}


def _go(account: dict[str, Any]) -> Response:
    address = f"/registers/accounts/{show_id(account['account_id'])}"
    return RedirectResponse(address, status_code=303, headers=PAGE_HEADERS)


def _show(visit: Visit, view: str, *, error: ServerError | None = None, typed: Change | None = None) -> Response:
    catalogue = visit.installation.catalogue
    return visit.render(
        "accounts/registers.html",
        status=error.status if error else 200,
        view=view,
        accounts=list_accounts(catalogue) if view == "accounts" else [],
        officers=list_officers(catalogue) if view == "officers" else [],
        units=list_units(catalogue),
        roles=list(ROLES),
        typed={name: typed.text(name) if typed else "" for name in _FIELDS},
        error=error.explain(visit.language.tag) if error else "",
    )


def _show_account(visit: Visit, account: dict[str, Any], *, error: ServerError | None = None) -> Response:
    return visit.render(
        "accounts/account.html",
        status=error.status if error else 200,
        account=account,
        roles=list(ROLES),
        reaches={role: str(scope) for role, scope in SCOPES.items()},
        statuses=STATUSES,
        units=list_units(visit.installation.catalogue),
        sessions=list_sessions(visit.installation, account["account_id"]),
        is_own=account["account_id"] == visit.viewer.account_id,
        error=error.explain(visit.language.tag) if error else "",
    )


def _show_link(visit: Visit, account: dict[str, Any] | None, link: str) -> Response:
    if account is None:
        raise NotFoundError("not_found")
    hours = read_count(visit.installation, "account.link_hours")
    return visit.render("accounts/new_link.html", account=account, link=link, hours=hours)

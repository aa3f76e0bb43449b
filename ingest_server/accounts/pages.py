"""Signing in and out, the one-time link, the language switch, and a person's own page."""

from __future__ import annotations

import asyncio
import ipaddress
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from ingest_server.accounts.links import spend_link
from ingest_server.accounts.passwords import check_password_rules, store_password
from ingest_server.accounts.queries import get_account
from ingest_server.accounts.sessions import (
    COOKIE,
    end_session,
    end_sessions,
    find_viewer,
    list_sessions,
    revoke_session,
)
from ingest_server.accounts.signing_in import begin_session, prove_password, sign_in
from ingest_server.context import get_state
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ForbiddenError, NotFoundError, ServerError, TooManyRequestsError
from ingest_server.policy.values import read_count
from ingest_server.web.languages import COOKIE as LANGUAGE_COOKIE
from ingest_server.web.languages import LANGUAGES
from ingest_server.web.rendering import PAGE_HEADERS, render_page
from ingest_server.web.visits import (
    Change,
    Visit,
    changing,
    is_secure,
    looking,
    read_field,
    read_form,
    read_language,
    read_zone,
    require_same_site,
    safe_path,
)

# Threads of its own: those who guess passwords wait for each other and for nobody else.
_SIGNING_IN = ThreadPoolExecutor(2, "signing-in")
Looking = Annotated[Visit, Depends(looking())]
Changing = Annotated[Change, Depends(changing())]


def get_signin(request: Request) -> Response:
    """The sign-in page; who is signed in already goes on to where they wanted."""
    target = safe_path(request.query_params.get("next"))
    if find_viewer(get_state(request).installation, request.cookies.get(COOKIE)):
        return RedirectResponse(target, status_code=303, headers=PAGE_HEADERS)
    return _show_signin(request, target)


async def post_signin(request: Request) -> Response:
    """Open a session, or say that something was wrong without saying what."""
    require_same_site(request)
    form = await read_form(request)
    name, password = read_field(form, "name").strip(), read_field(form, "password")
    installation = get_state(request).installation
    target = safe_path(read_field(form, "next"))
    try:
        cookie = await asyncio.get_running_loop().run_in_executor(
            _SIGNING_IN,
            partial(
                sign_in,
                installation,
                name,
                password,
                address=_address_of(request),
                browser=request.headers.get("user-agent", ""),
            ),
        )
    except ServerError as error:
        if error.status not in {401, 429}:
            raise
        return await run_in_threadpool(_show_signin, request, target, name=name, error=error)
    # A session opened before in this browser ends: a cookie planted by somebody else is never carried over.
    await run_in_threadpool(_end_earlier, request)
    return _open_browser(request, cookie, target)


def post_signout(visit: Changing) -> Response:
    """End this session."""
    visit.installation.custody.record(visit.actor, Event("account.signed_out", "account", visit.viewer.account_id, {}))
    end_session(visit.installation, visit.viewer.session_id)
    answer = RedirectResponse("/signin", status_code=303, headers={**PAGE_HEADERS, "Clear-Site-Data": '"cache"'})
    answer.delete_cookie(COOKIE, path="/")
    return answer


def get_link(request: Request) -> Response:
    """Where a one-time link leads; its token stands in the fragment, which no server or log ever sees."""
    return _show_link(request)


async def post_link(request: Request) -> Response:
    """Spend the link: set the password and open a session."""
    require_same_site(request)
    form = await read_form(request)
    token, password = read_field(form, "token").strip(), read_field(form, "password")
    installation = get_state(request).installation
    if password != read_field(form, "again"):
        return await run_in_threadpool(_show_link, request, token=token, error=BadRequestError("passwords_differ"))
    try:
        account_id = await run_in_threadpool(spend_link, installation, token, password)
    except (BadRequestError, ForbiddenError) as error:
        return await run_in_threadpool(_show_link, request, token=token, error=error)
    account = get_account(installation.catalogue, account_id)
    if account is None:
        raise NotFoundError("not_found")
    await run_in_threadpool(_end_earlier, request)
    cookie = await run_in_threadpool(
        begin_session,
        installation,
        account,
        address=_address_of(request),
        browser=request.headers.get("user-agent", ""),
    )
    return _open_browser(request, cookie, "/")


async def post_language(request: Request) -> Response:
    """Keep the language a person chose, and go back."""
    require_same_site(request)
    form = await read_form(request)
    language = read_field(form, "language")
    answer = RedirectResponse(safe_path(read_field(form, "next")), status_code=303, headers=PAGE_HEADERS)
    if language in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, language, max_age=365 * 86400, path="/", httponly=True, samesite="lax",
            secure=is_secure(request),
        )  # fmt: skip
    return answer


def get_me(visit: Looking) -> Response:
    """Who I am here, my sessions, and my password."""
    return _show_me(visit)


def post_end_session(visit: Changing, session_id: str) -> Response:
    """End one of one's own sessions."""
    revoke_session(visit.installation, visit.actor, visit.viewer.account_id, session_id)
    return RedirectResponse("/me", status_code=303, headers=PAGE_HEADERS)


def post_password(visit: Changing) -> Response:
    """Change one's own password; every other session ends."""
    installation, viewer = visit.installation, visit.viewer
    password = read_field(visit.form, "password")
    try:
        _check_change(visit, password)
    except (BadRequestError, TooManyRequestsError) as error:
        return _show_me(visit, error=error)
    installation.custody.record(visit.actor, Event("account.password_set", "account", viewer.account_id, {}))
    store_password(installation, viewer.account_id, password)
    end_sessions(installation, viewer.account_id, keep=viewer.session_id)
    return _show_me(visit, is_changed=True)


def _check_change(visit: Change, password: str) -> None:
    prove_password(visit.installation, visit.viewer, read_field(visit.form, "old"), address=_address_of(visit.request))
    if password != read_field(visit.form, "again"):
        raise BadRequestError("passwords_differ")
    check_password_rules(visit.installation, password, visit.viewer.name)


def _show_me(visit: Visit, *, error: ServerError | None = None, is_changed: bool = False) -> Response:
    sessions = list_sessions(visit.installation, visit.viewer.account_id)
    return visit.render(
        "accounts/me.html",
        status=error.status if error else 200,
        sessions=sessions,
        shortest=read_count(visit.installation, "account.password_min_length"),
        error=error.say(visit.language.tag) if error else "",
        is_changed=is_changed,
    )


def _show_signin(request: Request, target: str, *, name: str = "", error: ServerError | None = None) -> Response:
    installation, language = get_state(request).installation, read_language(request)
    return render_page(
        "accounts/signin.html",
        language,
        read_zone(installation),
        status=error.status if error else 200,
        name=name,
        target=target,
        origin=installation.config.origin,
        error=error.say(language.tag) if error else "",
    )


def _show_link(request: Request, *, token: str = "", error: ServerError | None = None) -> Response:
    installation, language = get_state(request).installation, read_language(request)
    return render_page(
        "accounts/link.html",
        language,
        read_zone(installation),
        status=error.status if error else 200,
        token=token,
        shortest=read_count(installation, "account.password_min_length"),
        error=error.say(language.tag) if error else "",
    )


def _open_browser(request: Request, cookie: str, target: str) -> Response:
    answer = RedirectResponse(target, status_code=303, headers=PAGE_HEADERS)
    answer.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="lax", secure=is_secure(request))
    return answer


def _end_earlier(request: Request) -> None:
    installation = get_state(request).installation
    earlier = find_viewer(installation, request.cookies.get(COOKIE))
    if earlier:
        end_session(installation, earlier.session_id)


def _address_of(request: Request) -> str:
    """The address a request came from; what a proxy claims counts only where serving was told of one."""
    host = request.client.host if request.client else ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "unknown"

"""Around every request: one form for every refusal, and headers that browsers must obey."""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException

from chain_of_custody.errors import LedgerStoppedError
from chain_of_custody.identities import ledger_subject
from ingest_server.accounts.queries import get_account
from ingest_server.context import get_state
from ingest_server.custody.actors import Actor, server_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, NotFoundError, ServerError, TooLargeError, UnavailableError
from ingest_server.store.errors import PartRefusedError, StoreError
from ingest_server.web.refusals import answer_page, is_page

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from chain_of_custody.canonical import JsonValue
    from ingest_server.installation import Installation

log = logging.getLogger(__name__)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# What is worth an event when it is refused: somebody who is not who they say, or content that is not what was said.
_EVENTFUL = frozenset(
    {
        "bad_digest",
        "bad_proof",
        "bad_signature",
        "bad_time",
        "counter_reused",
        "digest_mismatch",
        "dock_revoked",
        "lock_missing",
        "manifest_mismatch",
        "nonce_used",
        "csrf",
        "not_allowed",
        "not_permitted",
        "export_out_of_reach",
        "not_your_export",
        "own_account",
        "grant_missing",
        "out_of_reach",
        "restricted",
        "unknown_dock",
    }
)
# These name a dock that has not shown it is the one that asks: its key id is no secret.
_UNPROVED = frozenset({"bad_digest", "bad_signature", "bad_time", "dock_revoked", "nonce_used"})
_GATHER_S = 60.0
# So many refusals of one account within the time are an event each; beyond that somebody hammers, and the ledger is
# told how often.
_EACH = 300
_MAX_KINDS = 10_000
BODY_LIMIT = 1 << 20
# Docks' inventories and parts, and text records, may be larger; their handlers bound them, once the sender is known.
_OWN_LIMITS = re.compile(r"/dock/v1/|/store/v1/parts/|/casefiles/[^/]+/documents\Z")


class BodyLimit:
    """Refuses request bodies that are larger than any form or JSON object here needs.

    The framework reads a body whole before it asks for a token, so without this anybody could fill the memory.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand around an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received of one request."""
        if scope["type"] != "http" or _OWN_LIMITS.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        stated = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        count = 0

        async def receive_counted() -> Message:
            nonlocal count
            if stated.isdigit() and int(stated) > BODY_LIMIT:
                raise HTTPException(413)
            message = await receive()
            count += len(message.get("body", b""))
            if count > BODY_LIMIT:
                raise HTTPException(413)
            return message

        await self._app(scope, receive_counted, send)


class RefusalLog:
    """Refusals as events: each kind at most once a minute, with the count of what was gathered meanwhile."""

    def __init__(self) -> None:
        """Begin with nothing gathered."""
        self._guard = threading.Lock()
        self._counts: dict[tuple[str, ...], int] = {}
        self._last: dict[tuple[str, ...], float] = {}
        self._recorded: dict[tuple[str, ...], int] = {}

    def note(self, installation: Installation, error: ServerError, route: str) -> None:
        """Record a refusal, or count it where its kind was recorded within the last minute."""
        subject_kind, subject = _find_subject(installation, error)
        told = {name: str(error.extras[name]) for name in ("token", "why") if name in error.extras}
        kind = (error.code, str(error.extras.get("account_id", "")), subject, *told.values())
        # A known dock's or account's refusals are few and each may matter; strangers must not fill the ledger, and a
        # player whose grant ended asks for the same recording again and again.
        is_rare = subject_kind in {"dock", "account"}
        now = time.monotonic()
        with self._guard:
            self._forget(now)
            self._counts[kind] = self._counts.get(kind, 0) + 1
            if now - self._last.get(kind, -_GATHER_S) >= _GATHER_S:
                self._last[kind], self._recorded[kind] = now, 0
            is_gathered = not is_rare or error.code in _UNPROVED
            if self._recorded[kind] >= (1 if is_gathered else _EACH):
                return
            self._recorded[kind] += 1
            count = self._counts.pop(kind)
        refusal: dict[str, JsonValue] = {"code": error.code, "route": route, "count": count, **told}
        event = Event("request.refused", subject_kind, subject, {"refusal": refusal})
        installation.custody.record(_find_actor(installation, error), event)

    def _forget(self, now: float) -> None:
        """Drop old kinds where there are many; what they had gathered was within a minute of a recorded one."""
        if len(self._last) > _MAX_KINDS:
            self._last = {kind: at for kind, at in self._last.items() if now - at < _GATHER_S}
            self._counts = {kind: count for kind, count in self._counts.items() if kind in self._last}
            self._recorded = {kind: count for kind, count in self._recorded.items() if kind in self._last}


def _find_subject(installation: Installation, error: ServerError) -> tuple[str, str]:
    """What a refusal is about: the recording that was asked for, else who asked, else the ledger as a whole."""
    for place in ("evidence_id", "dock_id", "account_id"):
        if error.extras.get(place):
            kind = "recording" if place == "evidence_id" else place.removesuffix("_id")
            return kind, str(error.extras[place])
    return "ledger", ledger_subject(installation.config.origin)


def _find_actor(installation: Installation, error: ServerError) -> Actor:
    """Whoever asked in a proved session stands there by name; a forged form proves nothing about who sent it."""
    account_id = error.extras.get("account_id")
    account = get_account(installation.catalogue, str(account_id)) if account_id else None
    if error.code == "csrf" or account is None:
        return server_actor()
    return Actor("account", account["name"], account["account_id"])


class HeaderMiddleware:
    """Adds what every answer says, how long it took, and stands in no body's way: media pass through as they are."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; only the start of an answer is touched."""
        started = time.perf_counter()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.append("Server-Timing", f"total;dur={(time.perf_counter() - started) * 1000:.1f}")
            await send(message)

        await self._app(scope, receive, send_on if scope["type"] == "http" else send)


def add_middleware(app: FastAPI) -> None:
    """Add the handlers of refusals and the security headers."""
    refusals = RefusalLog()

    async def answer_refusal(request: Request, error: Exception) -> Response:
        problem = translate_error(error)
        if problem.status >= 500 and not isinstance(problem, UnavailableError):
            log.error("request failed: %s", _route_of(request), exc_info=error)
        if problem.code in _EVENTFUL:
            try:
                await run_in_threadpool(refusals.note, get_state(request).installation, problem, _route_of(request))
            except ServerError:
                log.exception("a refusal could not be recorded")
        if is_page(request):
            page = answer_page(request, problem)
            # An answer to a failure of ours passes outside HeaderMiddleware.
            for name, value in HEADERS.items():
                page.headers.setdefault(name, value)
            return page
        headers = {"WWW-Authenticate": "Bearer"} if problem.code == "token_needed" else {}
        return JSONResponse(
            problem.to_problem(),
            status_code=problem.status,
            media_type="application/problem+json",
            headers={**HEADERS, **headers},
        )

    for kind in (ServerError, StoreError, RequestValidationError, HTTPException, LedgerStoppedError, Exception):
        app.add_exception_handler(kind, answer_refusal)

    app.add_middleware(BodyLimit)
    app.add_middleware(HeaderMiddleware)


def translate_error(error: Exception) -> ServerError:  # noqa: PLR0911 - one return for each kind of error
    """Give every error its one problem form; what nobody expected becomes ``internal`` and says nothing more."""
    match error:
        case ServerError():
            return error
        case PartRefusedError():
            problem = BadRequestError("part_refused", f"{error.code}: {error}", store_code=error.code)
            problem.status = error.status
            problem.is_retryable = error.retryable
            return problem
        case StoreError():
            unavailable = UnavailableError("store_unavailable", str(error), store_code=error.code)
            unavailable.is_retryable = error.retryable
            return unavailable
        case LedgerStoppedError():
            return UnavailableError("ledger_stopped", str(error))
        case RequestValidationError():
            first = error.errors()[0] if error.errors() else {}
            where = ".".join(str(item) for item in first.get("loc", ()))
            return BadRequestError("bad_request", f"{where}: {first.get('msg', '')}")
        case HTTPException(status_code=404):
            return NotFoundError("not_found")
        case HTTPException(status_code=413):
            return TooLargeError("too_large")
        case HTTPException():
            problem = BadRequestError("bad_request", str(error.detail))
            problem.status = error.status_code
            return problem
        case _:
            return ServerError("internal")


def _route_of(request: Request) -> str:
    """The route's pattern, not the path: identities in paths are not for the ledger."""
    route = request.scope.get("route")
    return f"{request.method} {getattr(route, 'path', '?')}"

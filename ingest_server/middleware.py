"""Around every request: one form for every refusal, and headers that browsers must obey."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from chain_of_custody.errors import LedgerStoppedError
from chain_of_custody.identities import ledger_subject
from ingest_server.context import get_state
from ingest_server.custody.actors import server_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, NotFoundError, ServerError, TooLargeError, UnavailableError
from ingest_server.store.errors import PartRefusedError, StoreError
from ingest_server.web.refusals import answer_page, is_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
        "grant_missing",
        "unknown_dock",
    }
)
# These name a dock that has not shown it is the one that asks: its key id is no secret.
_UNPROVED = frozenset({"bad_digest", "bad_signature", "bad_time", "dock_revoked", "nonce_used"})
_GATHER_S = 60.0
BODY_LIMIT = 1 << 20
# Docks' inventories and parts may be larger; their handlers bound them, once the sender is known.
_OWN_LIMITS = ("/dock/v1/", "/store/v1/parts/")


class BodyLimit:
    """Refuses request bodies that are larger than any form or JSON object here needs.

    The framework reads a body whole before it asks for a token, so without this anybody could fill the memory.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand around an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received of one request."""
        if scope["type"] != "http" or scope["path"].startswith(_OWN_LIMITS):
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
        self._counts: dict[tuple[str, str], int] = {}
        self._last: dict[tuple[str, str], float] = {}

    def note(self, installation: Installation, error: ServerError, route: str) -> None:
        """Record a refusal, or count it where its kind was recorded within the last minute."""
        place = next((name for name in ("dock_id", "account_id") if error.extras.get(name)), "")
        subject = str(error.extras.get(place, ""))
        kind = (error.code, subject)
        now = time.monotonic()
        with self._guard:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            # A known dock's or account's refusals are few and each may matter; strangers must not fill the ledger.
            is_stranger = not subject or error.code in _UNPROVED
            if is_stranger and now - self._last.get(kind, -_GATHER_S) < _GATHER_S:
                return
            count = self._counts.pop(kind)
            self._last[kind] = now
        refusal: JsonValue = {"code": error.code, "route": route, "count": count}
        kind_of_subject = place.removesuffix("_id") or "ledger"
        event = Event(
            "request.refused",
            kind_of_subject,
            subject or ledger_subject(installation.config.origin),
            {"refusal": refusal},
        )
        installation.custody.record(server_actor(), event)


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
            return answer_page(request, problem)
        headers = {"WWW-Authenticate": "Bearer"} if problem.code == "token_needed" else None
        return JSONResponse(
            problem.to_problem(), status_code=problem.status, media_type="application/problem+json", headers=headers
        )

    for kind in (ServerError, StoreError, RequestValidationError, HTTPException, LedgerStoppedError, Exception):
        app.add_exception_handler(kind, answer_refusal)

    app.add_middleware(BodyLimit)

    @app.middleware("http")
    async def add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


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

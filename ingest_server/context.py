"""What every handler needs: the installation, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.instants import format_instant
from chain_of_custody.request_signatures import RequestSignature, read_request_signature, verify_request
from chain_of_custody.signing import VerifyKey
from ingest_server.accounts.tokens import Token, check_token
from ingest_server.docks.queries import Dock, find_dock_by_key_id
from ingest_server.errors import BadRequestError, ForbiddenError, TooLargeError, UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ingest_server.installation import Installation
    from ingest_server.intake.working import Working
    from ingest_server.permissions import Permission

MAX_BODY = 64 << 20
NONCE_LIFE = timedelta(minutes=10)
# These only describe the interface: what is presented is judged by check_token and verify_request alone.
BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="From `token add` or `auditor add`.")
DOCK_SIGNATURE = APIKeyHeader(
    name="Signature",
    auto_error=False,
    scheme_name="dock",
    description="RFC 9421, Ed25519, tag `evidock-dock-v1`, over exactly method, path, query and content-digest.",
)


@dataclass(frozen=True, slots=True)
class ServerState:
    """What the application holds while it serves.

    Attributes:
        installation: The opened data folder.
        working: Completions under way.
        spki: SHA-256 of the TLS public key, None on loopback and behind a proxy.
        is_behind_proxy: Whether somebody else ends TLS.
        is_ledger_open: Whether anyone may read the ledger.
    """

    installation: Installation
    working: Working
    spki: str | None
    is_behind_proxy: bool
    is_ledger_open: bool


@dataclass(frozen=True, slots=True)
class DockRequest:
    """A request that is proved to come from an enrolled dock, unaltered and for the first time."""

    installation: Installation
    dock: Dock
    body: dict[str, JsonValue]


def get_state(request: Request) -> ServerState:
    """The application's state."""
    return cast("ServerState", request.app.state.server)


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """Read a request's body, at most ``limit`` bytes; raises TooLargeError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError("too_large")
    return bytes(body)


async def receive_dock_request(request: Request) -> DockRequest:
    """Verify a signed dock request (RFC 9421) and parse its body.

    Raises:
        UnauthorizedError: Not signed, or by a key that is not enrolled, altered, or at another time.
        ForbiddenError: The dock was revoked, or the request was sent before.
    """
    installation = get_state(request).installation
    headers = dict(request.headers)
    # Before the body is read: a sender that names no enrolled key must not make us hold megabytes.
    signature, dock = await run_in_threadpool(_find_dock, installation, headers)
    body = await read_body(request)
    await run_in_threadpool(
        _verify_dock, installation, dock, signature, request.method, str(request.url), headers, body
    )
    return DockRequest(installation, dock, parse_object(body) if body else {})


def parse_object(body: bytes) -> dict[str, JsonValue]:
    """Parse a body that must be a JSON object; raises BadRequestError."""
    try:
        value = parse_json(body, MAX_BODY)
    except MalformedError as error:
        raise BadRequestError("bad_request", str(error)) from error
    if not isinstance(value, dict):
        raise BadRequestError("bad_request", "the body is not an object")
    return value


def require_permission(permission: Permission) -> Callable[..., Coroutine[Any, Any, Token]]:
    """Give the dependency that lets in only tokens with this permission."""

    async def check(
        request: Request, _described: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None
    ) -> Token:
        installation = get_state(request).installation
        return await run_in_threadpool(check_token, installation, request.headers.get("authorization"), permission)

    return check


def _find_dock(installation: Installation, headers: dict[str, str]) -> tuple[RequestSignature, Dock]:
    """The dock that a request names; nothing is proved yet."""
    try:
        signature = read_request_signature(headers)
    except MalformedError as error:
        raise UnauthorizedError("not_signed", str(error)) from error
    dock = find_dock_by_key_id(installation.catalogue, signature.key_id)
    if dock is None:
        raise UnauthorizedError("unknown_dock", key_id=signature.key_id)
    if dock.is_revoked:
        raise ForbiddenError("dock_revoked", dock_id=dock.dock_id)
    return signature, dock


def _verify_dock(
    installation: Installation,
    dock: Dock,
    signature: RequestSignature,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    now = installation.clock()
    try:
        verify_request(method, url, headers, body, VerifyKey.from_hex(dock.key_hex), now=now)
    except VerificationError as error:
        extras = {"server_time": format_instant(now)} if error.code == "bad_time" else {}
        raise UnauthorizedError(error.code, str(error), dock_id=dock.dock_id, **extras) from error
    _spend_nonce(installation, dock, signature.key_id, signature.nonce)


def _spend_nonce(installation: Installation, dock: Dock, key_id: str, nonce: str) -> None:
    """Keep a nonce durably for ten minutes, twice as long as a signature counts."""
    now = installation.clock()
    private = installation.private
    with private.transaction():
        private.execute("delete from nonces where seen_at < ?", format_instant(now - NONCE_LIFE))
        is_new = private.execute(
            "insert or ignore into nonces (key_id, nonce, seen_at) values (?, ?, ?)", key_id, nonce, format_instant(now)
        )
        # In the same commit, so that knowing when a dock was last heard costs none of its own.
        private.execute(
            "insert or replace into dock_contacts (dock_id, seen_at) values (?, ?)", dock.dock_id, format_instant(now)
        )
    if not is_new:
        raise ForbiddenError("nonce_used", dock_id=dock.dock_id)

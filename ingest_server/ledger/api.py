"""The ledger's checkpoint and tiles (C2SP tlog-tiles), for auditors and witnesses."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials
from starlette.concurrency import run_in_threadpool

from chain_of_custody.errors import LedgerError, MalformedError
from chain_of_custody.tiles import parse_tile_path
from ingest_server.accounts.tokens import check_token
from ingest_server.context import BEARER, ServerState, get_state
from ingest_server.errors import NotFoundError
from ingest_server.permissions import Permission

State = Annotated[ServerState, Depends(get_state)]


async def require_auditor(
    request: Request, _described: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None
) -> None:
    """Let in tokens that may read the ledger; anyone where the ledger was opened."""
    state = get_state(request)
    if not state.is_ledger_open:
        header = request.headers.get("authorization")
        await run_in_threadpool(check_token, state.installation, header, Permission.LEDGER_READ)


def get_checkpoint(state: State) -> Response:
    """The last signed checkpoint."""
    _, note = state.installation.ledger.checkpoint()
    return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


def get_tile(state: State, path: str) -> Response:
    """A hash tile or an entry bundle of the published tree."""
    ledger = state.installation.ledger
    try:
        level, number, width = parse_tile_path(f"tile/{path}")
        data = ledger.bundle(number, width) if level is None else ledger.tile(level, number, width)
    except (MalformedError, LedgerError) as error:
        raise NotFoundError("not_found", str(error)) from error
    return Response(
        data, media_type="application/octet-stream", headers={"Cache-Control": "private, max-age=31536000, immutable"}
    )

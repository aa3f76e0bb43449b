"""The directory store's own endpoint for signed part requests; an S3 store takes them itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from ingest_server.context import ServerState, get_state
from ingest_server.errors import BadRequestError, NotFoundError
from ingest_server.store.directory import DirectoryStore
from ingest_server.store.directory_parts import PartReceiver, verify_part_request

State = Annotated[ServerState, Depends(get_state)]
# Pieces are gathered to this size before a thread writes and hashes them: fewer hand-overs, memory stays flat.
PIECE = 1 << 20
SILENCE_S = 60.0


async def put_part(request: Request, state: State, key: str) -> Response:
    """Receive one part whose headers this server signed."""
    store = state.installation.store
    if not isinstance(store, DirectoryStore):
        raise NotFoundError("not_found")
    query = request.query_params
    part = verify_part_request(
        store,
        key=key,
        upload_id=query.get("uploadId", ""),
        part_number=query.get("partNumber", ""),
        headers=request.headers,
        now=state.installation.clock(),
    )
    receiver = PartReceiver(store, part)
    try:
        await run_in_threadpool(receiver.__enter__)
        piece = bytearray()
        async for chunk in _read_patiently(request):
            piece += chunk
            if len(piece) >= PIECE:
                await run_in_threadpool(receiver.write, bytes(piece))
                piece.clear()
        await run_in_threadpool(receiver.write, bytes(piece))
        stored = await run_in_threadpool(receiver.finish)
    finally:
        # Also when the dock went away: the part's place must be free for the next try.
        await asyncio.shield(run_in_threadpool(receiver.__exit__, None, None, None))
    return Response(status_code=200, headers={"ETag": f'"{stored.etag}"'})


async def _read_patiently(request: Request) -> AsyncIterator[bytes]:
    """Give the body's chunks; a sender that falls silent must not hold the part's place for ever."""
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout(SILENCE_S):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise BadRequestError("part_refused", "the sender fell silent") from error
        yield chunk

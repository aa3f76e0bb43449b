"""An answer whose body is read from the store while it is sent: bounded memory, and nothing left when a client goes.

One piece is on its way to the client while the next is read; reading happens in threads of its own, so neither a slow
store nor many viewers take the threads that pages need. A slow client holds no thread at all.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from starlette.responses import Response

from ingest_server.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)
READERS = 16
STALLED_S = 300.0
"""A client that takes nothing for so long is let go; players ask again for where they are."""

_threads = ThreadPoolExecutor(READERS, thread_name_prefix="media")


class PieceReader:
    """Reads one iterator of pieces ahead by one, in the reading threads."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Take over the iterator; it is closed by :meth:`close`."""
        self._pieces = pieces
        self._ahead: asyncio.Future[bytes] | None = None

    async def next(self) -> bytes:
        """The next piece, empty at the end; begins to read the one after it. Raises what reading raises."""
        piece = await (self._ahead or self._begin())
        self._ahead = self._begin() if piece else None
        return piece

    async def close(self) -> None:
        """Wait for the thread that may be reading, then close file or connection."""
        if self._ahead is not None:
            await asyncio.wait([self._ahead])
            if not self._ahead.cancelled():
                # Looked at, so that nobody reports it as lost.
                self._ahead.exception()
        close = getattr(self._pieces, "close", None)
        if close is not None:
            await asyncio.get_running_loop().run_in_executor(_threads, close)

    def _begin(self) -> asyncio.Future[bytes]:
        return asyncio.get_running_loop().run_in_executor(_threads, next, self._pieces, b"")


class StoreResponse(Response):
    """Headers, then pieces until there are no more; a body that breaks off breaks the connection off."""

    def __init__(self, first: bytes, reader: PieceReader, *, status: int, headers: dict[str, str]) -> None:
        """Make the answer; ``first`` was read already, so that a store's refusal was still one of ours."""
        super().__init__(status_code=status)
        self.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ]
        self._first = first
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the interface's
        """Send until all is sent, the client has gone, or it takes nothing any more."""
        sending = asyncio.ensure_future(self._send_all(send))
        leaving = asyncio.ensure_future(_wait_for_leaving(receive))
        try:
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            results = await asyncio.gather(sending, leaving, return_exceptions=True)
            await asyncio.shield(self._reader.close())
        _judge(results[0])

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        piece = self._first
        while piece:
            async with asyncio.timeout(STALLED_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await self._reader.next()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _judge(result: BaseException | None) -> None:
    """A body that broke off is the client's, the grant's or the store's doing; anything else is a fault of ours."""
    if isinstance(result, (OSError, StoreError)):
        log.warning("media broke off: %s", result)
    elif isinstance(result, Exception):
        raise result

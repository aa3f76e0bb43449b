"""``/media/{grant_id}/{evidence_id}``: an original's bytes under a grant, whole or one range at a time."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.access.grants import Grant, is_still_good, use_grant
from ingest_server.access.media_types import SNIFFED_BYTES, make_file_name, sniff_type
from ingest_server.access.ranges import Span, UnsatisfiableRangeError, parse_range
from ingest_server.access.streaming import PieceReader, StoreResponse
from ingest_server.accounts.sessions import COOKIE, find_viewer
from ingest_server.context import get_state
from ingest_server.errors import ForbiddenError, NotFoundError
from ingest_server.media.derivatives import FRAME, POSTER, find_derivative, list_frames, read_derivative
from ingest_server.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation
    from ingest_server.store.contract import ObjectStore

log = logging.getLogger(__name__)
RECHECK_S = 10.0
"""How often a long answer looks whether its grant is good yet."""
_TRIES = 3
_MAX_SNIFFED = 4096
# Store keys are random and used once, so they name the same content for ever.
_sniffed: dict[tuple[str, str], str] = {}
_HEADERS = {
    "Accept-Ranges": "bytes",
    # What is shown under a grant must not outlive it in a browser's store.
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """What a request may read: who, under which grant, and the recording's row."""

    installation: Installation
    viewer: Viewer
    grant: Grant
    row: sqlite3.Row
    media_type: str


async def get_media(request: Request, grant_id: str, evidence_id: str) -> Response:
    """Give an original's bytes; GET and HEAD.

    Raises:
        ForbiddenError: ``grant_missing``, on every range that no grant of this session covers.
        NotFoundError: The store has lost it.
    """
    opened = await run_in_threadpool(_open, request, grant_id, evidence_id)
    size, headers = opened.row["size"], _make_headers(opened)
    try:
        span = parse_range(_read_range(request, headers["ETag"]), size)
    except UnsatisfiableRangeError:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    status, asked = (200, Span(0, size)) if span is None else (206, span)
    headers |= {"Content-Length": str(asked.length), "Content-Type": opened.media_type}
    if span is not None:
        headers["Content-Range"] = span.content_range(size)
    if request.method == "HEAD" or not asked.length:
        return Response(status_code=status, headers=headers)
    reader = PieceReader(_read_guarded(opened, asked))
    try:
        first = await reader.next()
    except BaseException:
        await reader.close()
        raise
    return StoreResponse(first, reader, status=status, headers=headers)


def get_picture(request: Request, grant_id: str, evidence_id: str, kind: str, place: int) -> Response:
    """Give a poster, or a frame that shows a finding, under the grant of its recording.

    Raises:
        ForbiddenError: ``grant_missing``.
        NotFoundError: No such picture was made.
    """
    opened = _open(request, grant_id, evidence_id)
    identity, catalogue = opened.row["evidence_id"], opened.installation.catalogue
    rows = list_frames(catalogue, identity) if kind == FRAME else [find_derivative(catalogue, identity, POSTER)]
    found = next((row for row in rows if row is not None and row["kind"] == kind and row["place"] == place), None)
    if found is None:
        raise NotFoundError("not_found")
    return Response(read_derivative(opened.installation, found), media_type="image/jpeg", headers=_HEADERS)


def find_media_type(store: ObjectStore, row: sqlite3.Row | dict[str, object]) -> str:
    """What an original is served as; a stored version never changes, so it is looked at once."""
    place = str(row["store_key"]), str(row["version_id"])
    found = _sniffed.get(place)
    if found is None:
        found = sniff_type(b"".join(store.read(*place, offset=0, length=SNIFFED_BYTES)))
        if len(_sniffed) >= _MAX_SNIFFED:
            _sniffed.clear()
        _sniffed[place] = found
    return found


def _open(request: Request, grant_id: str, shown_id: str) -> Opened:
    installation = get_state(request).installation
    viewer = find_viewer(installation, request.cookies.get(COOKIE))
    try:
        evidence_id = parse_shown_id(shown_id)
    except MalformedError as error:
        raise ForbiddenError("grant_missing", why="no_such_recording") from error
    row = installation.catalogue.fetch_one(
        "select evidence_id, path, size, sha256, store_key, version_id from recordings where evidence_id = ?",
        evidence_id,
    )
    if row is None:
        raise ForbiddenError("grant_missing", why="no_such_recording")
    grant = use_grant(installation, viewer, grant_id, evidence_id)
    if viewer is None or grant.version_id != row["version_id"]:
        raise NotFoundError("not_found", "the stored version is another one now")
    return Opened(installation, viewer, grant, row, find_media_type(installation.store, row))


def _make_headers(opened: Opened) -> dict[str, str]:
    name = make_file_name(show_id(opened.row["evidence_id"]), opened.row["path"], opened.media_type)
    # What no player can be tried on is only ever saved.
    is_shown = opened.grant.kind == "play" and opened.media_type != "application/octet-stream"
    place = "inline" if is_shown else "attachment"
    return {
        **_HEADERS,
        "Content-Disposition": f'{place}; filename="{quote(name, safe="")}"',
        "ETag": f'"{opened.row["sha256"][:32]}"',
    }


def _read_range(request: Request, tag: str) -> str | None:
    """The range asked for; none where it was asked of other content (RFC 9110, section 13.1.5)."""
    condition = request.headers.get("if-range")
    return request.headers.get("range") if condition in {None, tag} else None


def _read_guarded(opened: Opened, span: Span) -> Iterator[bytes]:
    """Pieces of a span for as long as the grant is good; a body cut short breaks off, it never looks whole."""
    checked_at = time.monotonic()
    for piece in _read_on(opened.installation.store, opened.row, span):
        if time.monotonic() - checked_at > RECHECK_S:
            if not is_still_good(opened.installation, opened.viewer, opened.grant):
                raise ConnectionAbortedError("the grant ended")
            checked_at = time.monotonic()
        yield piece


def _read_on(store: ObjectStore, row: sqlite3.Row, span: Span) -> Iterator[bytes]:
    """Read a span; where the store breaks off (a paused player lets its connection grow cold), go on from there."""
    given, tries = 0, 0
    while given < span.length:
        try:
            for piece in store.read(
                row["store_key"], row["version_id"], offset=span.start + given, length=span.length - given
            ):
                given, tries = given + len(piece), 0
                yield piece
        except StoreUnavailableError:
            tries += 1
            if tries == _TRIES:
                raise
            continue
        if given < span.length:
            raise StoreUnavailableError("the store holds fewer bytes than were recorded")

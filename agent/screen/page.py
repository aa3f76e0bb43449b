"""The screen's pages: the board as tiles, what one slot handed in, and the long poll that keeps them live."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware.trustedhost import TrustedHostMiddleware

from agent.rack.board import SlotState
from agent.screen.texts import Words, choose_words
from agent.screen.tiles import count_groups, list_notices, make_tile, say_notice, settle_state, show_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from agent.rack.board import Board, Notice, SlotView

WAIT_S = 10.0
"""How long one poll waits for a change; the page calls itself stale after twice that."""
SLICE_S = 1.0
AT_ONCE = 8
"""Polls that wait at a time; more are answered at once, so that they cannot hold every thread."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STATIC = {"screen.css": "text/css", "screen.js": "text/javascript", "icons.svg": "image/svg+xml"}
Asked = Annotated[str | None, Query(max_length=20)]


@dataclass(frozen=True, slots=True)
class DockFacts:
    """What the screen's head says of the dock.

    Attributes:
        name: What people call it.
        is_offline: Whether the server could not be reached when it was last asked.
        space_percent: What is left of the spool's room, whole percent; None where it cannot be told.
    """

    name: str
    is_offline: bool
    space_percent: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the screen reads.

    Attributes:
        board: The slots.
        read_facts: The dock's facts now.
        read_time: Local time now.
        ended: Set when the agent ends; waiting polls are then answered.
    """

    board: Board
    read_facts: Callable[[], DockFacts]
    read_time: Callable[[], datetime]
    ended: threading.Event


def make_screen(source: Source, hosts: Sequence[str]) -> FastAPI:
    """The screen as an application.

    Args:
        source: Where it reads.
        hosts: Names it answers to; a page of another host that points its name here is refused.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    pages = _Pages(source)
    app.add_api_route("/", pages.show_board, response_class=HTMLResponse)
    app.add_api_route("/tiles", pages.wait_for_tiles, response_class=HTMLResponse)
    app.add_api_route("/slots/{number}", pages.show_slot, response_class=HTMLResponse)
    app.add_api_route("/static/{name}", _read_static)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)

    @app.middleware("http")
    async def _add_headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    return app


class _Pages:
    """The pages; synchronous, so that each runs in a thread of its own."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._polls = threading.BoundedSemaphore(AT_ONCE)
        self._templates = Environment(
            loader=PackageLoader("agent.screen"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def show_board(self, lang: Asked = None) -> HTMLResponse:
        """All slots."""
        return HTMLResponse(self._render("board.html", choose_words(lang), **self._read(choose_words(lang))))

    def wait_for_tiles(self, since: Annotated[int, Query(ge=-1)] = -1, lang: Asked = None) -> HTMLResponse:
        """The part of the board that changes, as soon as it is newer than ``since``, or after a while as it is."""
        if self._polls.acquire(blocking=False):
            try:
                self._wait(since)
            finally:
                self._polls.release()
        words = choose_words(lang)
        return HTMLResponse(self._render("tiles.html", words, **self._read(words)))

    def show_slot(self, number: int, lang: Asked = None) -> HTMLResponse:
        """What the recorder in a slot handed in, and its state; may be printed."""
        words = choose_words(lang)
        slot = next((slot for slot in self._source.board.read()[1] if slot.number == number), None)
        handed = None if slot is None or slot.state is SlotState.FREE else _describe(slot, words)
        text = self._render(
            "slot.html",
            words,
            number=number if slot else "",
            is_known=slot is not None,
            handed=handed,
            facts=self._source.read_facts(),
            time=self._source.read_time().strftime("%Y-%m-%d %H:%M:%S"),
        )
        return HTMLResponse(text, 200 if slot else 404)

    def _wait(self, since: int) -> None:
        waited = 0.0
        while waited < WAIT_S and not self._source.ended.is_set():
            if self._source.board.wait(since, SLICE_S) > since:
                return
            waited += SLICE_S

    def _read(self, words: Words) -> dict[str, Any]:
        version, slots = self._source.board.read()
        tiles = [make_tile(slot, words) for slot in slots]
        return {
            "version": version,
            "tiles": tiles,
            "groups": count_groups(tiles),
            "density": "large" if len(tiles) <= 8 else "medium" if len(tiles) <= 12 else "small",
            "facts": self._source.read_facts(),
            "now": self._source.read_time(),
        }

    def _render(self, name: str, words: Words, **values: Any) -> str:
        return self._templates.get_template(name).render(say=words.say, tag=words.tag, other=words.other, **values)


def _describe(slot: SlotView, words: Words) -> dict[str, Any]:
    return {
        "tile": make_tile(slot, words),
        "is_sealed": settle_state(slot) is SlotState.SEALED,
        "slot": slot,
        "docking": show_name(slot.docking_id),
        "size": _show_size(slot.bytes_sealed),
        "notices": [_say_whole(notice, words) for notice in list_notices(slot)],
    }


def _say_whole(notice: Notice, words: Words) -> str:
    """A notice with its reason, where it has one; a tile has no room for that."""
    why = show_name(dict(notice.values).get("why"))
    return f"{say_notice(notice, words)}: {why}" if why else say_notice(notice, words)


def _show_size(count: int) -> str:
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.1f} {units[0]}" if units[0] != "B" else f"{count} B"


def _read_static(name: str) -> Response:
    """One of the screen's own files; nothing else is served."""
    if name not in _STATIC:
        return Response(status_code=404)
    return Response((files("agent.screen") / "static" / name).read_bytes(), media_type=_STATIC[name])

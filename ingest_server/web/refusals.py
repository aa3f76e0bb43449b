"""Refusals as pages: what was not done, in words, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi.responses import RedirectResponse, Response

from ingest_server.web.rendering import PAGE_HEADERS, render_page
from ingest_server.web.visits import read_language

if TYPE_CHECKING:
    from fastapi import Request

    from ingest_server.errors import ServerError

_NOT_PAGES = ("/api/", "/dock/", "/enrolment/", "/ledger/", "/media/", "/static/", "/store/")


def is_page(request: Request) -> bool:
    """Whether a person in a browser asked, and not a program."""
    return not request.url.path.startswith(_NOT_PAGES)


def answer_page(request: Request, error: ServerError) -> Response:
    """The refusal as a page; who is not signed in is led to the sign-in page and back."""
    if error.code == "sign_in_needed":
        return _lead_to_sign_in(request)
    language = read_language(request)
    return render_page(
        "refused.html",
        language,
        ZoneInfo("UTC"),
        status=error.status,
        sentence=error.sentence if language.tag == "en" else error.sentence_zh,
        detail=error.detail if language.tag == "en" else "",
        code=error.code,
        is_part=request.headers.get("hx-request") == "true",
    )


def _lead_to_sign_in(request: Request) -> Response:
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = "/signin" if request.method != "GET" or back == "/" else f"/signin?{urlencode({'next': back})}"
    if request.headers.get("hx-request") == "true":
        # htmx would put the sign-in page into a corner of the old one.
        return Response(status_code=401, headers={**PAGE_HEADERS, "HX-Redirect": "/signin"})
    return RedirectResponse(address, status_code=303, headers=PAGE_HEADERS)

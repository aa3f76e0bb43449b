"""The list of recordings: filters in the address, results as one types, pictures, saved searches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.accounts.queries import find_unit, list_units
from ingest_server.accounts.sessions import COOKIE, find_viewer
from ingest_server.accounts.viewers import find_reach
from ingest_server.cases.commands import STAGES
from ingest_server.context import get_state
from ingest_server.errors import BadRequestError, NotFoundError
from ingest_server.permissions import Permission, Scope
from ingest_server.recordings.commands import list_label_choices
from ingest_server.searching.addresses import ListAddress, make_filter, read_address, read_anchor
from ingest_server.searching.coverage import read_coverage
from ingest_server.searching.previews import MOST, list_previewed, open_preview, read_picture
from ingest_server.searching.queries import find_recordings
from ingest_server.searching.rows import describe_rows, suggest_filters
from ingest_server.searching.saved import list_saved, remove_saved, save_filter
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, Visit, changing, looking, safe_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest_server.accounts.viewers import Reach
    from ingest_server.errors import ServerError

PAGE_ROWS = 50
Looking = Annotated[Visit, Depends(looking(Permission.RECORDING_READ))]
Previewing = Annotated[Change, Depends(changing(Permission.RECORDING_PLAY))]
Saving = Annotated[Change, Depends(changing(Permission.RECORDING_READ))]


def get_recordings(visit: Looking, request: Request) -> Response:
    """The list, or its results alone while somebody types."""
    return show_list(visit, request.query_params)


def show_list(visit: Visit, query: Any, error: ServerError | None = None) -> Response:
    """Render the list at an address."""
    started = time.perf_counter()
    address, wrong = read_address(query)
    context = _find(visit, address)
    searched_ms = (time.perf_counter() - started) * 1000
    # Parts of the page that only a whole page shows.
    rest: dict[str, Any] = {} if visit.is_part else _list_choices(visit)
    page = visit.render(
        "searching/results.html" if visit.is_part else "searching/recordings.html",
        status=error.status if error else 200,
        address=address,
        wrong=wrong,
        error=error.say(visit.language.tag) if error else "",
        **context,
        **rest,
    )
    page.headers["Server-Timing"] = f"search;dur={searched_ms:.1f}"
    if visit.is_part:
        page.headers["HX-Replace-Url"] = address.to_url(after=address.after, before=address.before)
    return page


def post_preview(visit: Previewing) -> Response:
    """Record that a page of pictures is shown, then say where they are; without scripts, show the list with them."""
    preview_id, shown = open_preview(visit.installation, visit.viewer, list(read_ids(visit.texts("evidence_id"))))
    if visit.request.headers.get("accept") == "application/json":
        pictures = {show_id(identity): f"/recordings/thumbnails/{preview_id}/{show_id(identity)}" for identity in shown}
        return JSONResponse({"pictures": pictures}, headers={"Cache-Control": "no-store"})
    here, _ = read_address(_read_query(visit.text("address", limit=4000)))
    return _go(here.to_url(after=here.after, before=here.before, pictures=preview_id))


def get_thumbnail(request: Request, preview_id: str, evidence_id: str) -> Response:
    """One picture; whoever asks for it outside the preview it was shown in is refused, which is an event."""
    installation = get_state(request).installation
    viewer = find_viewer(installation, request.cookies.get(COOKIE))
    body = read_picture(installation, viewer, preview_id, next(iter(read_ids([evidence_id])), ""))
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return Response(body, media_type="image/jpeg", headers=headers)


def post_saved(visit: Saving) -> Response:
    """Keep this address under a name, or forget one."""
    address = visit.text("address", limit=4000)
    try:
        if visit.text("act") == "remove":
            remove_saved(visit.installation, visit.viewer, visit.text("name"))
        else:
            save_filter(visit.installation, visit.viewer, visit.text("name"), address)
    except BadRequestError as error:
        return show_list(visit, _read_query(address), error)
    return _go(read_address(_read_query(address))[0].to_url())


def read_ids(texts: Iterable[str]) -> Iterable[str]:
    """Evidence ids in either form; what is none is left out."""
    for text in texts:
        try:
            yield parse_shown_id(text)
        except MalformedError:
            continue


def _find(visit: Visit, address: ListAddress) -> dict[str, Any]:
    installation, viewer = visit.installation, visit.viewer
    reach = find_reach(viewer)
    found = find_recordings(
        installation.catalogue,
        make_filter(address, visit.zone),
        reach,
        after=read_anchor(address.after),
        before=read_anchor(address.before),
        limit=PAGE_ROWS,
    )
    rows = describe_rows(installation.catalogue, found.rows)
    previewed = set(list_previewed(installation, viewer, address.pictures)) if address.pictures else set()
    unit = find_unit(installation.catalogue, address.unit) if address.unit else None
    return {
        "rows": rows,
        "found": found,
        "previewed": previewed,
        "reach": reach,
        "reach_name": _name_reach(visit, reach),
        "unit_name": unit["name"] if unit else "",
        "coverage": read_coverage(installation.catalogue, installation.clock()),
        "suggestions": [
            (condition, value, name, address.to_url(**{"text": "", condition: value}))
            for condition, value, name in suggest_filters(installation.catalogue, address.text, _list_registers(visit))
        ],
        "previous": address.to_url(before=str(rows[0]["received_index"])) if rows and found.has_before else "",
        "next": address.to_url(after=str(rows[-1]["received_index"])) if rows and found.has_after else "",
        "may_link": viewer.may(Permission.CASEFILE_CHANGE),
        "may_preview": viewer.may(Permission.RECORDING_PLAY),
        "most": MOST,
    }


def _list_registers(visit: Visit) -> set[str]:
    """Registers whose entries are offered: who sees own recordings alone is told nothing of others."""
    names = set() if find_reach(visit.viewer).scope is Scope.OWN else {"unit", "officer"}
    return names | ({"case"} if visit.viewer.may(Permission.CASEFILE_READ) else set())


def _list_choices(visit: Visit) -> dict[str, Any]:
    catalogue, reach = visit.installation.catalogue, find_reach(visit.viewer)
    units = [] if reach.scope is Scope.OWN else list_units(catalogue)
    if reach.scope is Scope.UNIT:
        units = _keep_below(units, str(reach.key))
    return {
        "units": units,
        "stages": list(STAGES),
        "labels": [_split_label(label, visit.language.tag) for label in list_label_choices(visit.installation)],
        "saved": list_saved(visit.installation, visit.viewer),
    }


def _keep_below(units: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    """A unit and those below it, which follow it."""
    place = next((number for number, unit in enumerate(units) if unit["code"] == code), None)
    if place is None:
        return []
    own = units[place]["depth"]
    kept = [units[place]]
    for unit in units[place + 1 :]:
        if unit["depth"] <= own:
            break
        kept.append(unit)
    return [{**unit, "depth": unit["depth"] - own} for unit in kept]


def _split_label(label: str, tag: str) -> tuple[str, str]:
    """A label as it is stored, and its name in the page's language."""
    chinese, _, english = label.partition("/")
    return label, (chinese if tag == "zh-Hans" or not english else english).strip()


def _name_reach(visit: Visit, reach: Reach) -> str:
    if reach.scope is not Scope.UNIT:
        return ""
    unit = find_unit(visit.installation.catalogue, str(reach.key))
    return str(unit["name"]) if unit else str(reach.key)


def _read_query(address: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(safe_path(address)).query))
    except ValueError as error:
        raise NotFoundError("not_found") from error


def _go(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers=PAGE_HEADERS)

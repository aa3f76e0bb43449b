"""Exporting the custody log: what it will hold and why, how far the file went, the file itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from ingest_server.ledger.asking import make_filter, read_asked
from ingest_server.ledger.exporting import (
    FORMATS,
    Ticket,
    cancel_export,
    find_ticket,
    prepare_export,
    stream_export,
)
from ingest_server.ledger.pages import give_words
from ingest_server.ledger.queries import count_lines
from ingest_server.permissions import Permission
from ingest_server.web.visits import Change, Visit, changing, looking

Looking = Annotated[Visit, Depends(looking(Permission.LEDGER_READ))]
Exporting = Annotated[Change, Depends(changing(Permission.LEDGER_READ))]


def get_export_form(visit: Looking) -> Response:
    """What an export of this filter would hold; nothing is recorded yet."""
    asked = read_asked(visit.request.query_params)
    wanted = make_filter(visit.installation, asked, visit.zone)
    lines = count_lines(visit.installation.catalogue, wanted)
    return visit.render("ledger/export.html", asked=asked, lines=lines, **give_words(visit))


def post_export(change: Exporting) -> Response:
    """Record the export and lead to its page."""
    asked = read_asked({name: value for name, value in change.form.items() if isinstance(value, str)})
    wanted = make_filter(change.installation, asked, change.zone)
    export_id = prepare_export(
        change.installation, change.actor, change.viewer, asked, wanted, change.text("format"), change.text("reason")
    )
    return RedirectResponse(f"/log/exports/{export_id}", status_code=303)


def get_export(visit: Looking, export_id: str) -> Response:
    """How far an export is, with its file."""
    return visit.render("ledger/export_ticket.html", ticket=find_ticket(visit.installation, visit.viewer, export_id))


def get_export_file(visit: Looking, export_id: str) -> Response:
    """The file; its event was recorded before."""
    ticket = find_ticket(visit.installation, visit.viewer, export_id)
    pieces = stream_export(visit.installation, ticket, visit.language, visit.zone)
    headers = {
        "Content-Disposition": f'attachment; filename="{_name_file(ticket)}"',
        "Cache-Control": "no-store",
        # The bytes go out as they are made, also where a proxy stands in between.
        "X-Accel-Buffering": "no",
    }
    return StreamingResponse(pieces, media_type=FORMATS[ticket.form], headers=headers)


def post_cancel(change: Exporting, export_id: str) -> Response:
    """Cancel an export."""
    cancel_export(change.installation, find_ticket(change.installation, change.viewer, export_id))
    return RedirectResponse(f"/log/exports/{export_id}", status_code=303)


def _name_file(ticket: Ticket) -> str:
    return f"custody-log-{ticket.index}.{ticket.form}"

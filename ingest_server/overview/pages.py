"""The first page after signing in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.responses import Response

from ingest_server.web.visits import Visit, looking

Looking = Annotated[Visit, Depends(looking())]


def get_overview(visit: Looking) -> Response:
    """What needs the person today, and whether the proof is healthy."""
    return visit.render("overview/overview.html", size=visit.installation.ledger.checkpoint()[0].size)

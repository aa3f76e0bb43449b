"""What a search cannot have seen: docks that brought nothing lately, dockings that are not finished."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.instants import format_instant

if TYPE_CHECKING:
    from datetime import datetime

    from ingest_server.catalogue.catalogue import Catalogue

# A dock that takes in no recorder for longer may hold, or its recorders may, what nobody can find yet.
SILENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How complete the catalogue can be.

    Attributes:
        docks: How many docks are enrolled.
        silent: Names of those where nothing was docked within ``SILENT``, longest ago first, with when that was.
        open_dockings: How many dockings were begun and not closed.
    """

    docks: int
    silent: tuple[tuple[str, str | None], ...]
    open_dockings: int


def read_coverage(catalogue: Catalogue, now: datetime) -> Coverage:
    """Read from the registers what may be missing from every search."""
    with catalogue.reading() as connection:
        docks = connection.execute(
            "select name, last_docked_at from docks where status = 'enrolled'"
            " order by coalesce(last_docked_at, ''), name"
        ).fetchall()
        (waiting,) = connection.execute("select count(*) from dockings where closed_at is null").fetchone()
    since = format_instant(now - SILENT)
    silent = tuple((row[0], row[1]) for row in docks if (row[1] or "") < since)
    return Coverage(len(docks), silent, waiting)

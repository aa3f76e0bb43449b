"""The first page after signing in, and the list of wrong passwords behind one of its counts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.responses import Response

from ingest_server.ledger.pages import give_words
from ingest_server.ledger.queries import LogFilter, find_page
from ingest_server.overview.proof_health import read_proof_health
from ingest_server.overview.tasks import Watching, list_tasks
from ingest_server.permissions import Permission
from ingest_server.policy.values import read_count
from ingest_server.web.visits import Visit, looking

Looking = Annotated[Visit, Depends(looking())]
Managing = Annotated[Visit, Depends(looking(Permission.ACCOUNT_MANAGE))]
MAX_FAILURES = 100


def get_overview(visit: Looking) -> Response:
    """What needs the person today, and whether the proof is healthy."""
    tasks = list_tasks(visit.installation, visit.viewer, visit.zone)
    return visit.render(
        "overview/overview.html",
        tasks=tasks,
        # News is worth a look, but does not wait for anybody.
        waiting=sum(1 for task in tasks if task.count and task.family != "idle"),
        days=read_count(visit.installation, "overview.days"),
        silent_days=read_count(visit.installation, "dock.silent_days"),
        health=read_proof_health(visit.installation),
        now=visit.installation.clock(),
    )


def get_sign_in_failures(visit: Managing) -> Response:
    """Wrong passwords of the days that the overview counts, newest first."""
    installation = visit.installation
    days = read_count(installation, "overview.days")
    watching = Watching(installation, visit.viewer, visit.zone, installation.clock(), days)
    wanted = LogFilter(types=("account.sign_in_failed",), start=watching.since_index)
    page = find_page(installation.catalogue, wanted, limit=MAX_FAILURES)
    return visit.render("overview/sign_in_failures.html", page=page, since=watching.since, **give_words(visit))

"""Background work over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends

from chain_of_custody.identities import show_id
from ingest_server.context import ServerState, get_state
from ingest_server.jobs.database import FAILED, RUNNING
from ingest_server.jobs.queries import list_jobs, read_work

State = Annotated[ServerState, Depends(get_state)]
_SHOWN = ("job_id", "kind", "state", "attempts", "done", "total", "reason", "made_at", "started_at", "ended_at")


def get_work_state(state: State) -> dict[str, Any]:
    """Jobs by state, the running ones with bytes done and in all, and the last failed ones with their reasons."""
    work = read_work(state.installation)
    return {
        "counts": work.counts,
        "workers": work.workers,
        "paused": work.is_paused,
        **{name: [_show(job) for job in list_jobs(state.installation, name)] for name in (RUNNING, FAILED)},
    }


def _show(job: dict[str, Any]) -> dict[str, Any]:
    return {"evidence_id": show_id(job["evidence_id"]), **{name: job[name] for name in _SHOWN}}

"""Background work as pages and programs are shown it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_server.accounts.viewers import limit_to_reach
from ingest_server.jobs.database import RUNNING, STATES, WAITING, JobsDatabase

if TYPE_CHECKING:
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class WorkState:
    """How background work stands.

    Attributes:
        counts: Jobs by state.
        workers: Workers that live.
        is_paused: Whether no new job is begun.
    """

    counts: dict[str, int]
    workers: int
    is_paused: bool

    @property
    def is_moving(self) -> bool:
        """Whether something changes by itself."""
        return bool(self.counts[RUNNING] or (self.counts[WAITING] and self.workers and not self.is_paused))


def read_work(installation: Installation) -> WorkState:
    """How background work stands now."""
    with closing(JobsDatabase(installation.data)) as jobs:
        rows = jobs.fetch("select state, count(*) as jobs from jobs group by state")
        found = {str(row["state"]): int(row["jobs"]) for row in rows}
        counts = {state: found.get(state, 0) for state in STATES}
        return WorkState(counts, len(jobs.list_workers()), jobs.is_paused())


def list_jobs(
    installation: Installation, state: str | None, *, before: int | None = None, limit: int = PAGE_SIZE
) -> list[dict[str, Any]]:
    """One page of jobs, last made first, of one state or of all."""
    conditions, values = ["1"], list[object]()
    if state is not None:
        conditions.append("state = ?")
        values.append(state)
    if before is not None:
        conditions.append("job_id < ?")
        values.append(before)
    with closing(JobsDatabase(installation.data)) as jobs:
        rows = jobs.fetch(
            f"select * from jobs where {' and '.join(conditions)} order by job_id desc limit ?",  # noqa: S608 - fixed conditions
            *values,
            limit,
        )
    return [dict(row) for row in rows]


def get_job(installation: Installation, job_id: int) -> dict[str, Any] | None:
    """One job."""
    with closing(JobsDatabase(installation.data)) as jobs:
        row = jobs.fetch_one("select * from jobs where job_id = ?", job_id)
    return None if row is None else dict(row)


def name_recordings(installation: Installation, viewer: Viewer, rows: list[dict[str, Any]]) -> dict[str, str]:
    """The paths of those rows' recordings that the viewer may open, by evidence id; the others stay unnamed."""
    condition, values = limit_to_reach(viewer)
    found = installation.catalogue.fetch(
        "select r.evidence_id, r.path from json_each(?) i join recordings r on r.evidence_id = i.value"  # noqa: S608 - fixed conditions
        f" where {condition}",
        json.dumps([row["evidence_id"] for row in rows]),
        *values,
    )
    return {row["evidence_id"]: row["path"] for row in found}

"""The projector of background work: ledger entries to jobs, with a durable cursor of its own (formats, section 3).

Nothing is enqueued beside an event. The cursor moves in the transaction that makes the rows, so an entry is passed at
least once and its rows are there once; a message to the queue that is lost is sent again while its row waits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.instants import format_instant
from ingest_server.steps import reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest_server.installation import Installation
    from ingest_server.jobs.database import JobsDatabase

STRETCH = 500
OUTSTANDING = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of background work.

    Attributes:
        name: As rows name it.
        follows: Types of ledger entries it follows from; their subject is a recording.
        priority: The higher is done first.
    """

    name: str
    follows: frozenset[str]
    priority: int


PICTURES = Kind("pictures", frozenset({"recording.received", "work.requested"}), 10)
EXAMINATION = Kind("examination", frozenset({"recording.probed"}), 0)
KINDS = {kind.name: kind for kind in (PICTURES, EXAMINATION)}


def feed_jobs(installation: Installation, jobs: JobsDatabase) -> int:
    """Make the jobs that follow from entries behind the cursor; gives how many are new.

    May be called by several workers at once and repeated after any crash.
    """
    origin, added = installation.config.origin, 0
    types = sorted({event_type for kind in KINDS.values() for event_type in kind.follows})
    while True:
        start = jobs.read_cursor(origin)
        rows = installation.catalogue.fetch(
            'select e."index", e.type, e.subject, (select next_index from cursor) as known from json_each(?) t'
            ' join events e on e.type = t.value where e."index" >= ? order by e."index" limit ?',
            json.dumps(types),
            start,
            STRETCH,
        )
        if not rows:
            return added
        reached("work.fed")
        wanted = [
            (row["index"], kind.name, row["subject"], kind.priority)
            for row in rows
            for kind in KINDS.values()
            if row["type"] in kind.follows
        ]
        next_index = rows[-1]["index"] + 1 if len(rows) == STRETCH else rows[0]["known"]
        added += jobs.add_jobs(origin, wanted, next_index, format_instant(installation.clock()))


def queue_jobs(
    installation: Installation, jobs: JobsDatabase, count_queued: int, send: Callable[[int, int], None]
) -> None:
    """Send messages for jobs that are due.

    Args:
        installation: Whose clock says what is due.
        jobs: The rows.
        count_queued: How many messages the queue holds.
        send: Sends a job's id and priority to the queue.
    """
    if count_queued == 0:
        jobs.forget_queued()
    now = format_instant(installation.clock())
    for row in jobs.take_waiting(max(0, OUTSTANDING - count_queued), now):
        send(row["job_id"], row["priority"])

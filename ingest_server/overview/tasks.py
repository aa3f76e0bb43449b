"""What needs somebody today: each kind of work with its count and the list behind it, by what a person may do.

A count opens exactly the list that it counted. Nothing is hidden because it is zero: that it is done is worth saying.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from chain_of_custody.instants import format_instant
from ingest_server.accounts.queries import list_accounts
from ingest_server.accounts.viewers import find_reach
from ingest_server.cases.queries import count_casefiles, count_empty
from ingest_server.docks.queries import count_unreported
from ingest_server.docks.watching import find_unreported_limit, list_dock_states
from ingest_server.health import is_receiving
from ingest_server.jobs.database import FAILED
from ingest_server.jobs.queries import read_work
from ingest_server.ledger.queries import (
    LogFilter,
    count_lines,
    count_new,
    count_open_refusals,
    find_indexes,
    find_review,
    find_time,
)
from ingest_server.permissions import Permission
from ingest_server.policy.values import read_count
from ingest_server.searching.addresses import ListAddress, make_filter
from ingest_server.searching.queries import count_recordings, reaches_any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

BAD, WARN, BUSY, IDLE = "bad", "warn", "busy", "idle"


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of work.

    Attributes:
        key: Which; the page has words for each.
        count: How many wait.
        href: The list of exactly these.
        family: How urgent: ``bad``, ``warn``, ``busy``, or ``idle`` for what is only news.
        is_more: Whether counting ended before the end.
        note: What more there is to say, in no language: a name, an instant.
        is_checked: Whether there was anything to check; a zero of nothing is not green.
    """

    key: str
    count: int
    href: str
    family: str
    is_more: bool = False
    note: str = ""
    is_checked: bool = True


@dataclass(frozen=True, slots=True)
class Watching:
    """Who looks at which installation, when and where."""

    installation: Installation
    viewer: Viewer
    zone: ZoneInfo
    now: datetime
    days: int

    @property
    def since(self) -> str:
        """The first day that is counted, in the agency's zone."""
        return (self.now - timedelta(days=self.days - 1)).astimezone(self.zone).strftime("%Y-%m-%d")

    @property
    def since_index(self) -> int:
        """The first entry of that day."""
        begin = datetime.fromisoformat(self.since).replace(tzinfo=self.zone)
        size = self.installation.ledger.checkpoint()[0].size
        return find_time(self.installation.catalogue, format_instant(begin), size)


def list_tasks(installation: Installation, viewer: Viewer, zone: ZoneInfo) -> list[Task]:
    """A person's work, most urgent first; what is done comes last."""
    days = read_count(installation, "overview.days")
    watching = Watching(installation, viewer, zone, installation.clock(), days)
    tasks = [task for list_some in _LISTS for task in list_some(watching)]
    order = (BAD, WARN, BUSY, IDLE)
    return sorted(tasks, key=lambda task: (task.count == 0, order.index(task.family)))


def _list_ledger(watching: Watching) -> Iterator[Task]:
    """Refusals nobody followed up, dockings that failed, what came since the last review."""
    viewer, catalogue = watching.viewer, watching.installation.catalogue
    if not viewer.may(Permission.LEDGER_READ):
        return
    review = find_review(catalogue)
    yield Task("refusals", count_open_refusals(catalogue, review), "/log?outcome=open", BAD)
    yield Task("review", count_new(catalogue, review), "/log?new=1", BUSY, note=review.time or "")
    ended = LogFilter(types=("recorder.undocked",), start=watching.since_index)
    failed = count_lines(catalogue, replace(ended, outcome="failed"))
    query = urlencode({"type": "recorder.undocked", "outcome": "failed", "since": watching.since})
    yield Task("dockings", failed, f"/log?{query}", BAD, is_checked=bool(find_indexes(catalogue, ended, limit=1)))


def _list_recordings(watching: Watching) -> Iterator[Task]:
    """New recordings and what is still to be done with those within reach."""
    if not watching.viewer.may(Permission.RECORDING_READ):
        return
    since, reach = watching.since, find_reach(watching.viewer)
    recent = _count(watching, "recent", IDLE, ListAddress(received_since=since))
    has_any = reaches_any(watching.installation.catalogue, reach)
    for key, family, severity in (("finding_error", BAD, "error"), ("finding_warning", WARN, "warning")):
        task = _count(watching, key, family, ListAddress(finding=severity, received_since=since))
        yield replace(task, is_checked=recent.count > 0)
    if watching.viewer.may(Permission.CASEFILE_READ) or watching.viewer.role == "officer":
        yield replace(_count(watching, "unattached", WARN, ListAddress(attached="none")), is_checked=has_any)
    if watching.viewer.role == "officer":
        yield replace(_count(watching, "unlabelled", IDLE, ListAddress(labelled="none")), is_checked=has_any)
    yield recent


def _count(watching: Watching, key: str, family: str, address: ListAddress) -> Task:
    wanted = make_filter(address, watching.zone)
    count, is_more = count_recordings(watching.installation.catalogue, wanted, find_reach(watching.viewer))
    return Task(key, count, address.to_url(), family, is_more)


def _list_casefiles(watching: Watching) -> Iterator[Task]:
    """Case files that hold no recording yet."""
    if watching.viewer.may(Permission.CASEFILE_CHANGE):
        limit = 1000
        count = count_empty(watching.installation.catalogue, limit + 1)
        has_any = count_casefiles(watching.installation.catalogue) > 0
        address = "/casefiles?recordings=none"
        yield Task("empty_casefiles", min(count, limit), address, WARN, count > limit, is_checked=has_any)


def _list_docks(watching: Watching) -> Iterator[Task]:
    """Docks nobody heard of for days; codes that are out; a store that takes nothing."""
    installation, viewer = watching.installation, watching.viewer
    if not viewer.may(Permission.DOCK_READ):
        return
    limit = format_instant(watching.now - timedelta(days=read_count(installation, "dock.silent_days")))
    heard = {
        state.dock["name"]: max(state.seen_at or "", state.dock["enrolled_at"])
        for state in list_dock_states(installation)
        if state.dock["status"] == "enrolled"
    }
    silent = sorted((at, name) for name, at in heard.items() if at < limit)
    longest = silent[0][1] if silent else ""
    yield Task("silent_docks", len(silent), "/docks", WARN, note=longest, is_checked=bool(heard))
    unreported = count_unreported(installation.catalogue, find_unreported_limit(installation))
    yield Task("open_dockings", unreported, "/docks/unreported", WARN, is_checked=bool(heard))
    if viewer.may(Permission.DOCK_MANAGE):
        yield Task("store", 0 if is_receiving(installation) else 1, "/docks", BAD)
        row = installation.private.fetch_one(
            "select count(*) as count from enrolments where expires_at > ?", format_instant(watching.now)
        )
        yield Task("codes", row["count"] if row else 0, "/docks", IDLE)


def _list_accounts(watching: Watching) -> Iterator[Task]:
    """Wrong passwords, accounts that never had one, accounts that may not sign in any more."""
    installation = watching.installation
    if not watching.viewer.may(Permission.ACCOUNT_MANAGE):
        return
    wanted = LogFilter(types=("account.sign_in_failed",), start=watching.since_index)
    yield Task("sign_ins", count_lines(installation.catalogue, wanted), "/registers/sign-in-failures", WARN)
    accounts = list_accounts(installation.catalogue)
    known = {row["account_id"] for row in installation.private.fetch("select account_id from passwords")}
    fresh = [one for one in accounts if one["status"] == "active" and one["account_id"] not in known]
    yield Task("no_password", len(fresh), "/registers", IDLE, note=fresh[0]["name"] if fresh else "")
    yield Task("disabled", sum(1 for one in accounts if one["status"] != "active"), "/registers", IDLE)


def _list_work(watching: Watching) -> Iterator[Task]:
    """Background work that failed and was given up."""
    if watching.viewer.may(Permission.WORK_READ):
        counts = read_work(watching.installation).counts
        has_any = sum(counts.values()) > 0
        yield Task("work_failed", counts[FAILED], f"/work?state={FAILED}", WARN, is_checked=has_any)


_LISTS = (_list_ledger, _list_recordings, _list_casefiles, _list_docks, _list_accounts, _list_work)

"""Grants: the recorded, bounded right of one session to play or download one version of one recording.

A grant is made only after its event (``commands``). It ends by idleness, by age, by being ended, with its session, or
as soon as its account may not open the recording any more; all of it is looked at again on every range.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from ingest_server.access.reaching import Standing, find_standing
from ingest_server.errors import ForbiddenError
from ingest_server.permissions import Permission
from ingest_server.policy.values import read_policy

if TYPE_CHECKING:
    import sqlite3

    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

Kind = Literal["play", "download"]
PERMISSIONS = {"play": Permission.RECORDING_PLAY, "download": Permission.RECORDING_DOWNLOAD}
# Written at most so often: every range would otherwise be a commit.
_USED_STEP = timedelta(minutes=1)
_COLUMNS = "grant_id, kind, account_id, session_id, evidence_id, version_id, purpose, opened_at, expires_at"


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant.

    Attributes:
        grant_id: 32 hex digits, in the media address.
        kind: ``play`` or ``download``.
        account_id: Whose.
        session_id: In which session; an address copied to another one opens nothing.
        evidence_id: Of which recording.
        version_id: Of which stored version.
        purpose: As the event names it.
        opened_at: Since when.
        expires_at: Its end whether it is used or not.
    """

    grant_id: str
    kind: str
    account_id: str
    session_id: str
    evidence_id: str
    version_id: str
    purpose: str
    opened_at: str
    expires_at: str


def open_grant(
    installation: Installation, viewer: Viewer, *, kind: Kind, evidence_id: str, version_id: str, purpose: str
) -> Grant:
    """Make a grant, durable on return. The caller has recorded the event."""
    now = installation.clock()
    until = now + timedelta(hours=int(read_policy(installation)["grant.hours"]))
    grant = Grant(
        new_id(),
        kind,
        viewer.account_id,
        viewer.session_id,
        evidence_id,
        version_id,
        purpose,
        format_instant(now),
        format_instant(until),
    )
    installation.private.execute(
        f"insert into grants ({_COLUMNS}, used_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - fixed columns
        *(getattr(grant, name) for name in _COLUMNS.split(", ")),
        grant.opened_at,
    )
    return grant


def find_grant(installation: Installation, viewer: Viewer, evidence_id: str, kind: Kind = "play") -> Grant | None:
    """The viewer's grant for a recording in this session, which this counts as a use of; None where there is none."""
    if not viewer.may(PERMISSIONS[kind]) or find_standing(installation, viewer, evidence_id) is not Standing.OPEN:
        return None
    rows = installation.private.fetch(
        "select * from grants where session_id = ? and evidence_id = ? and kind = ? and ended_at is null"
        " order by opened_at desc limit 1",
        viewer.session_id,
        evidence_id,
        kind,
    )
    if not rows or _why_over(installation, rows[0]):
        return None
    _note_use(installation, rows[0])
    return _make_grant(rows[0])


def use_grant(installation: Installation, viewer: Viewer | None, grant_id: str, evidence_id: str) -> Grant:
    """The grant that a media address names, if this session may use it now; counts as a use.

    Raises:
        ForbiddenError: ``grant_missing``, with ``why`` for the record alone.
    """
    if viewer is None:
        raise ForbiddenError("grant_missing", why="not_signed_in")
    row = installation.private.fetch_one("select * from grants where grant_id = ?", grant_id)
    why = _why_refused(installation, viewer, row, evidence_id)
    if why is not None or row is None:
        raise ForbiddenError("grant_missing", account_id=viewer.account_id, evidence_id=evidence_id, why=why)
    _note_use(installation, row)
    return _make_grant(row)


def is_still_good(installation: Installation, viewer: Viewer, grant: Grant) -> bool:
    """Whether a grant that was good when its answer began is good yet; a long answer asks again and again."""
    row = installation.private.fetch_one("select * from grants where grant_id = ?", grant.grant_id)
    if _why_refused(installation, viewer, row, grant.evidence_id) is not None or row is None:
        return False
    _note_use(installation, row)
    return True


def end_grants(
    installation: Installation, evidence_id: str, *, session_id: str | None = None, grant_id: str | None = None
) -> int:
    """End the grants of a recording, of one session or one of them where they are named; gives how many ended."""
    return installation.private.execute(
        "update grants set ended_at = ? where evidence_id = ? and ended_at is null and (? is null or session_id = ?)"
        " and (? is null or grant_id = ?)",
        format_instant(installation.clock()),
        evidence_id,
        session_id,
        session_id,
        grant_id,
        grant_id,
    )


def list_grants(installation: Installation, evidence_id: str) -> list[Grant]:
    """The grants of a recording that are good by time, last opened first."""
    rows = installation.private.fetch(
        "select * from grants where evidence_id = ? and ended_at is null order by opened_at desc limit 200",
        evidence_id,
    )
    return [_make_grant(row) for row in rows if _why_over(installation, row) is None]


def _why_refused(installation: Installation, viewer: Viewer, row: sqlite3.Row | None, evidence_id: str) -> str | None:
    """Why a grant opens nothing here and now; None where it does."""
    if row is None:
        return "no_such_grant"
    if row["session_id"] != viewer.session_id or row["account_id"] != viewer.account_id:
        return "other_session"
    if row["evidence_id"] != evidence_id:
        return "other_recording"
    over = _why_over(installation, row)
    if over is not None:
        return over
    if (
        not viewer.may(PERMISSIONS[row["kind"]])
        or find_standing(installation, viewer, evidence_id) is not Standing.OPEN
    ):
        return "out_of_reach"
    return None


def _why_over(installation: Installation, row: sqlite3.Row) -> str | None:
    now = installation.clock()
    if row["ended_at"] is not None:
        return "ended"
    idle = timedelta(minutes=int(read_policy(installation)["grant.idle_minutes"]))
    if row["expires_at"] <= format_instant(now) or row["used_at"] <= format_instant(now - idle):
        return "expired"
    return None


def _note_use(installation: Installation, row: sqlite3.Row) -> None:
    now = installation.clock()
    if row["used_at"] < format_instant(now - _USED_STEP):
        installation.private.execute(
            "update grants set used_at = ? where grant_id = ?", format_instant(now), row["grant_id"]
        )


def _make_grant(row: sqlite3.Row) -> Grant:
    return Grant(*(row[name] for name in _COLUMNS.split(", ")))

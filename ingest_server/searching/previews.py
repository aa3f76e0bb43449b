"""Pictures in the list: one recorded event for a page of them, then a preview that this session alone may use.

Small pictures are content. The event is recorded before the first of them leaves, and names every recording whose
picture is shown. The same pictures within a short time in the same session need no second event.
"""

# ruff: noqa: S608 - statements are joined from fixed conditions; every value is bound

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.identities import new_id, show_id
from chain_of_custody.instants import format_instant
from ingest_server.accounts.viewers import limit_to_reach
from ingest_server.custody.recording import Event
from ingest_server.errors import ForbiddenError, NotFoundError
from ingest_server.media.derivatives import THUMBNAIL, find_derivative, read_derivative
from ingest_server.policy.values import read_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chain_of_custody.canonical import JsonValue
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

MOST = 200
# Going back to a page just looked at is the same look.
SAME_LOOK = timedelta(minutes=10)


def open_preview(installation: Installation, viewer: Viewer, evidence_ids: Sequence[str]) -> tuple[str, list[str]]:
    """Record that a viewer is shown the pictures of these recordings, and let their session fetch them.

    Only those within reach that have a picture count; where there is none, nothing is recorded.

    Returns:
        The preview's identity, empty where there is nothing to show, and the recordings it is for.

    Raises:
        UnavailableError: The event cannot be recorded; no picture is shown then.
    """
    shown = _list_shown(installation, viewer, evidence_ids)
    if not shown:
        return "", []
    same = _find_same(installation, viewer, shown)
    if same is not None:
        return same, shown
    ids: list[JsonValue] = [show_id(evidence_id) for evidence_id in shown]
    preview: JsonValue = {"evidence_ids": ids, "session": viewer.session_id}
    event = Event("recordings.previewed", "account", viewer.account_id, {"preview": preview})
    installation.custody.record(viewer.actor, event)
    now, preview_id = installation.clock(), new_id()
    with installation.private.transaction():
        installation.private.execute(
            "delete from previews where opened_at < ?", format_instant(now - _life(installation))
        )
        installation.private.execute(
            "insert into previews (preview_id, account_id, session_id, evidence_ids, opened_at) values (?, ?, ?, ?, ?)",
            preview_id,
            viewer.account_id,
            viewer.session_id,
            json.dumps(shown),
            format_instant(now),
        )
    return preview_id, shown


def list_previewed(installation: Installation, viewer: Viewer, preview_id: str) -> list[str]:
    """The recordings whose pictures a preview shows in this session; none where it is over or somebody else's."""
    row = installation.private.fetch_one(
        "select evidence_ids from previews where preview_id = ? and session_id = ? and account_id = ?"
        " and opened_at >= ?",
        preview_id,
        viewer.session_id,
        viewer.account_id,
        format_instant(installation.clock() - _life(installation)),
    )
    return [] if row is None else list(json.loads(row["evidence_ids"]))


def read_picture(installation: Installation, viewer: Viewer | None, preview_id: str, evidence_id: str) -> bytes:
    """One picture of a preview, a JPEG; reach is looked at again.

    Raises:
        ForbiddenError: ``grant_missing``: another session's, over, of another recording, or out of reach by now.
        NotFoundError: There is no such picture any more.
    """
    if viewer is None:
        raise ForbiddenError("grant_missing", why="not_signed_in")
    why = None
    if evidence_id not in list_previewed(installation, viewer, preview_id):
        why = "not_previewed"
    elif not _list_shown(installation, viewer, [evidence_id]):
        why = "out_of_reach"
    if why is not None:
        known = installation.catalogue.fetch_one("select 1 from recordings where evidence_id = ?", evidence_id)
        about = {"evidence_id": evidence_id} if known else {}
        raise ForbiddenError("grant_missing", account_id=viewer.account_id, why=why, **about)
    row = find_derivative(installation.catalogue, evidence_id, THUMBNAIL)
    if row is None:
        raise NotFoundError("not_found")
    return read_derivative(installation, row)


def _life(installation: Installation) -> timedelta:
    """As long as a grant that nobody uses."""
    return timedelta(minutes=read_count(installation, "grant.idle_minutes"))


def _list_shown(installation: Installation, viewer: Viewer, evidence_ids: Sequence[str]) -> list[str]:
    """Those within reach that have a picture, in the order given."""
    condition, values = limit_to_reach(viewer)
    rows = installation.catalogue.fetch(
        "select r.evidence_id from json_each(?) i cross join recordings r on r.evidence_id = i.value"
        f" cross join derivatives d on d.evidence_id = r.evidence_id and d.kind = ? where {condition}",
        json.dumps(list(dict.fromkeys(evidence_ids))[:MOST]),
        THUMBNAIL,
        *values,
    )
    return list(dict.fromkeys(row["evidence_id"] for row in rows))


def _find_same(installation: Installation, viewer: Viewer, shown: Sequence[str]) -> str | None:
    """An earlier look of this session at all of these."""
    rows = installation.private.fetch(
        "select preview_id, evidence_ids from previews where session_id = ? and account_id = ? and opened_at >= ?",
        viewer.session_id,
        viewer.account_id,
        format_instant(installation.clock() - SAME_LOOK),
    )
    return next((row["preview_id"] for row in rows if set(shown) <= set(json.loads(row["evidence_ids"]))), None)

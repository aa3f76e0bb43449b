"""Forms of access: give a reason and play, give a reason and download, end a grant."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.responses import RedirectResponse, Response

from chain_of_custody.identities import show_id
from ingest_server.access.commands import check_reason, end_access, open_recording, require_open, revoke_access
from ingest_server.errors import BadRequestError
from ingest_server.permissions import Permission
from ingest_server.recordings.commands import fold_lines
from ingest_server.recordings.pages import go_to_recording, read_shown_id, show_recording
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, changing

Playing = Annotated[Change, Depends(changing(Permission.RECORDING_PLAY))]
Downloading = Annotated[Change, Depends(changing(Permission.RECORDING_DOWNLOAD))]
Restricting = Annotated[Change, Depends(changing(Permission.RECORDING_RESTRICT))]


def post_access(visit: Playing, evidence_id: str) -> Response:
    """Record the reason, then show the page with its player; without a reason, say what is missing."""
    identity = read_shown_id(evidence_id)
    require_open(visit.installation, visit.viewer, identity)
    try:
        reason = check_reason(visit.text("purpose"), visit.text("basis"), fold_lines(visit.text("reason")))
    except BadRequestError as error:
        return show_recording(visit, identity, error=error, typed=visit)
    open_recording(visit.installation, visit.viewer, identity, reason)
    return go_to_recording(identity, "#play")


def post_download(visit: Downloading, evidence_id: str) -> Response:
    """Record the reason, then send the browser to the bytes; it stays on the page and saves them."""
    identity = read_shown_id(evidence_id)
    require_open(visit.installation, visit.viewer, identity)
    reason = check_reason(visit.text("purpose"), visit.text("basis"), fold_lines(visit.text("reason")))
    grant = open_recording(visit.installation, visit.viewer, identity, reason, kind="download")
    address = f"/media/{grant.grant_id}/{show_id(identity)}"
    return RedirectResponse(address, status_code=303, headers=PAGE_HEADERS)


def post_end(visit: Playing, evidence_id: str) -> Response:
    """End one's own access before its time."""
    identity = read_shown_id(evidence_id)
    end_access(visit.installation, visit.viewer, identity)
    return go_to_recording(identity)


def post_revoke(visit: Restricting, evidence_id: str) -> Response:
    """End somebody's access, with a reason."""
    identity = read_shown_id(evidence_id)
    revoke_access(
        visit.installation, visit.viewer, identity, visit.text("grant", limit=40), fold_lines(visit.text("reason"))
    )
    return go_to_recording(identity, "#access")

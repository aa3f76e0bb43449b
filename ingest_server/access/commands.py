"""Opening a recording: the reason is checked, the event is recorded, and only then is there a grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_server.access.grants import PERMISSIONS, Grant, Kind, end_grants, open_grant
from ingest_server.access.reaching import Standing, find_standing
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

PURPOSES = ("case_work", "own_work", "complaint", "legal_review", "file_review", "inspection", "other")
MAX_BASIS = 200
_EVENTS: dict[Kind, str] = {"play": "recording.viewed", "download": "recording.downloaded"}


@dataclass(frozen=True, slots=True)
class AccessReason:
    """Why somebody opens a recording.

    Attributes:
        purpose: One of :data:`PURPOSES`.
        basis: Legal basis, case file or complaint number; empty only for one's own work.
        text: What is looked for, in the person's words.
    """

    purpose: str
    basis: str
    text: str


def check_reason(purpose: str, basis: str, text: str) -> AccessReason:
    """Check what a person gave as reason.

    Raises:
        BadRequestError: ``purpose_missing``, ``basis_missing`` or ``reason_missing``, in the order of the form.
    """
    if purpose not in PURPOSES:
        raise BadRequestError("purpose_missing")
    if purpose != "own_work" and not basis.strip():
        raise BadRequestError("basis_missing")
    if not text.strip():
        raise BadRequestError("reason_missing")
    if basis.strip():
        basis = check_text(basis, "the basis", MAX_BASIS)
    return AccessReason(purpose, basis.strip(), check_text(text, "the reason"))


def open_recording(
    installation: Installation, viewer: Viewer, evidence_id: str, reason: AccessReason, kind: Kind = "play"
) -> Grant:
    """Record that a viewer plays or downloads a recording and why, then grant it.

    Raises:
        ForbiddenError: Not permitted, or out of reach without approval.
        NotFoundError: There is no such recording.
    """
    if not viewer.may(PERMISSIONS[kind]):
        raise ForbiddenError("not_permitted", account_id=viewer.account_id)
    require_open(installation, viewer, evidence_id)
    row = installation.catalogue.fetch_one("select version_id from recordings where evidence_id = ?", evidence_id)
    assert row is not None
    access = {
        "purpose": reason.purpose,
        "basis": reason.basis,
        "role": viewer.role,
        "session": viewer.session_id,
        "version_id": row["version_id"],
    }
    event = Event(_EVENTS[kind], "recording", evidence_id, {"access": {**access}, "reason": reason.text})
    installation.custody.record(viewer.actor, event)
    purpose = f"{reason.purpose} {reason.basis}".strip()
    return open_grant(
        installation, viewer, kind=kind, evidence_id=evidence_id, version_id=row["version_id"], purpose=purpose
    )


def end_access(installation: Installation, viewer: Viewer, evidence_id: str) -> int:
    """End one's own grants for a recording in this session; gives how many ended."""
    return end_grants(installation, evidence_id, session_id=viewer.session_id)


def revoke_access(installation: Installation, viewer: Viewer, evidence_id: str, grant_id: str, reason: str) -> None:
    """End somebody's grant, as an event.

    Raises:
        NotFoundError: There is no such grant any more.
    """
    reason = check_text(reason, "the reason")
    row = installation.private.fetch_one(
        "select account_id, kind from grants where grant_id = ? and evidence_id = ? and ended_at is null",
        grant_id,
        evidence_id,
    )
    if row is None:
        raise NotFoundError("not_found")
    account = installation.catalogue.fetch_one("select name from accounts where account_id = ?", row["account_id"])
    revoked = {"account_id": row["account_id"], "name": account["name"] if account else "", "kind": row["kind"]}
    event = Event("recording.access_revoked", "recording", evidence_id, {"revoked": revoked, "reason": reason})
    # The grant ends first: an end without its event is safe, an event without the end would be untrue.
    end_grants(installation, evidence_id, grant_id=grant_id)
    installation.custody.record(viewer.actor, event)


def require_open(installation: Installation, viewer: Viewer, evidence_id: str) -> None:
    """Let through only what a viewer may open without approval.

    Raises:
        NotFoundError: There is no such recording.
        ForbiddenError: ``out_of_reach`` or ``restricted``; both are events.
    """
    match find_standing(installation, viewer, evidence_id):
        case Standing.OPEN:
            return
        case Standing.MISSING:
            raise NotFoundError("not_found")
        case Standing.RESTRICTED:
            code = "restricted"
        case Standing.OUTSIDE:
            code = "out_of_reach"
    raise ForbiddenError(code, account_id=viewer.account_id, evidence_id=evidence_id)

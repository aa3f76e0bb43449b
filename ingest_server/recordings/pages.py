"""One recording: before access, with access, its custody timeline, and what people say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Path
from fastapi.responses import JSONResponse, RedirectResponse, Response

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.access.commands import PURPOSES
from ingest_server.access.grants import find_grant, list_grants
from ingest_server.access.media import find_media_type
from ingest_server.access.media_types import is_playable
from ingest_server.access.reaching import Standing, find_standing
from ingest_server.accounts.queries import get_account
from ingest_server.cases.commands import STAGES, attach_recordings, detach_recordings
from ingest_server.errors import ForbiddenError, NotFoundError
from ingest_server.media.derivatives import POSTER, find_derivative, list_frames
from ingest_server.permissions import Permission
from ingest_server.recordings.commands import (
    add_label,
    add_note,
    fold_lines,
    list_label_choices,
    remove_label,
    require_seen,
    restrict_recording,
)
from ingest_server.recordings.facts import compile_facts, find_media, read_manifest
from ingest_server.recordings.positions import parse_position, show_position
from ingest_server.recordings.queries import get_recording as get_row
from ingest_server.recordings.queries import list_case_links, list_labels, list_notes
from ingest_server.recordings.timeline import gather_findings, read_timeline, read_told, show_proof
from ingest_server.store.errors import StoreError
from ingest_server.web.rendering import PAGE_HEADERS
from ingest_server.web.visits import Change, Visit, changing, looking

if TYPE_CHECKING:
    from ingest_server.errors import ServerError

SHOWN_LINES = 30
"""How many lines of a timeline a page holds; all of them are one link away."""

Reading = Annotated[Visit, Depends(looking(Permission.RECORDING_READ))]
ReadingHistory = Annotated[Visit, Depends(looking(Permission.RECORDING_HISTORY))]
Annotating = Annotated[Change, Depends(changing(Permission.RECORDING_ANNOTATE))]
Labelling = Annotated[Change, Depends(changing(Permission.RECORDING_LABEL))]
Restricting = Annotated[Change, Depends(changing(Permission.RECORDING_RESTRICT))]
Linking = Annotated[Change, Depends(changing(Permission.CASEFILE_CHANGE))]


def get_recording(visit: Reading, evidence_id: str) -> Response:
    """One recording; before access its facts and the reason form, with access its player."""
    identity = read_shown_id(evidence_id)
    if evidence_id != show_id(identity):
        return _go(f"/recordings/{show_id(identity)}", status=308)
    return show_recording(visit, identity)


def show_recording(
    visit: Visit, evidence_id: str, *, error: ServerError | None = None, typed: Change | None = None
) -> Response:
    """Render the page as this viewer may see it; raises NotFoundError, ForbiddenError outside their reach."""
    installation, viewer = visit.installation, visit.viewer
    standing = require_within(visit, evidence_id)
    row = get_row(installation.catalogue, evidence_id)
    assert row is not None
    grant = find_grant(installation, viewer, evidence_id) if standing is Standing.OPEN else None
    lines = read_timeline(installation, evidence_id, shows_content=grant is not None, limit=SHOWN_LINES)
    told = read_told(installation, evidence_id)
    received = next((line for line in told if line.type == "recording.received"), None)
    facts = compile_facts(installation.catalogue, row, read_manifest(received.parts) if received else {}, visit.zone)
    context = {
        "row": row,
        "shown_id": show_id(evidence_id),
        "standing": standing.name.lower(),
        "grant": grant,
        "facts": facts,
        "officer": next((officer for fact in facts for officer in fact.values.get("officers", ())), None),
        "media": find_media(installation.catalogue, evidence_id),
        "findings": gather_findings(told, list_frames(installation.catalogue, evidence_id) if grant else ()),
        "lines": lines,
        "earlier": lines[-1].seq - 1 if lines else 0,
        "version": _version_of(visit, evidence_id),
        "purposes": PURPOSES,
        "typed": {name: typed.text(name) for name in ("purpose", "basis", "reason")} if typed else {},
        "error": error.say(visit.language.tag) if error else "",
        "error_code": error.code if error else "",
        **_labels_of(visit, evidence_id),
        **_links_of(visit, evidence_id),
        **(_content_of(visit, evidence_id, row) if grant else {}),
    }
    if viewer.may(Permission.RECORDING_RESTRICT):
        context["grants"] = [
            (item, _name_of(visit, item.account_id)) for item in list_grants(installation, evidence_id)
        ]
    return visit.render("recordings/recording.html", status=error.status if error else 200, **context)


def get_history(visit: ReadingHistory, evidence_id: str) -> Response:
    """The custody timeline alone, for reading and for paper."""
    identity = read_shown_id(evidence_id)
    if evidence_id != show_id(identity):
        return _go(f"/recordings/{show_id(identity)}/history", status=308)
    standing = require_within(visit, identity)
    grant = find_grant(visit.installation, visit.viewer, identity) if standing is Standing.OPEN else None
    before = visit.request.query_params.get("before", "")
    lines = read_timeline(
        visit.installation,
        identity,
        shows_content=grant is not None,
        before=int(before) if before.isdecimal() and len(before) < 16 else None,
        limit=None if "all" in visit.request.query_params else SHOWN_LINES,
    )
    row = get_row(visit.installation.catalogue, identity)
    earlier = lines[-1].seq - 1 if lines else 0
    return visit.render(
        "recordings/history.html", row=row, shown_id=show_id(identity), lines=lines, earlier=earlier, before=before
    )


def get_proof(visit: ReadingHistory, evidence_id: str, index: Annotated[int, Path(ge=0, le=2**53)]) -> Response:
    """One line's leaf, path and checkpoint, for the browser to check by itself."""
    identity = read_shown_id(evidence_id)
    standing = require_within(visit, identity)
    grant = find_grant(visit.installation, visit.viewer, identity) if standing is Standing.OPEN else None
    proof = show_proof(visit.installation, identity, index, shows_content=grant is not None)
    return JSONResponse(proof, headers={"Cache-Control": "no-store"})


def get_lock(visit: Reading, evidence_id: str) -> Response:
    """Read the store's lock of this version back now, as a part of the page."""
    identity = read_shown_id(evidence_id)
    require_within(visit, identity)
    row = get_row(visit.installation.catalogue, identity)
    assert row is not None
    try:
        lock, trouble = visit.installation.store.read_lock(row["store_key"], row["version_id"]), ""
    except StoreError as error:
        lock, trouble = None, error.sentence_zh if visit.language.tag == "zh-Hans" else error.sentence
    return visit.render(
        "recordings/lock.html", row=row, shown_id=show_id(identity), lock=lock, trouble=trouble,
        read_at=visit.installation.clock(),
    )  # fmt: skip


def post_note(visit: Annotating, evidence_id: str) -> Response:
    """Add a note at a time, or one that corrects an earlier note; only while one may watch."""
    identity = read_shown_id(evidence_id)
    require_within(visit, identity)
    if find_grant(visit.installation, visit.viewer, identity) is None:
        raise ForbiddenError(
            "grant_missing", account_id=visit.viewer.account_id, evidence_id=identity, why="note_without_access"
        )
    corrects = visit.text("corrects", limit=20)
    add_note(
        visit.installation,
        visit.actor,
        identity,
        at_ms=parse_position(visit.text("at", limit=20)),
        text=visit.text("text", limit=5000),
        corrects=int(corrects) if corrects.isdecimal() else None,
    )
    return go_to_recording(identity, "#notes")


def post_label(visit: Labelling, evidence_id: str) -> Response:
    """Label the recording, from the list or in one's own words."""
    identity = _open_identity(visit, evidence_id)
    label = visit.text("own") or visit.text("label")
    add_label(visit.installation, visit.actor, identity, label, seen=_read_seen(visit))
    return go_to_recording(identity, "#labels")


def post_unlabel(visit: Labelling, evidence_id: str) -> Response:
    """Remove a label, with a reason."""
    identity = _open_identity(visit, evidence_id)
    remove_label(
        visit.installation, visit.actor, identity, visit.text("label"), reason=visit.text("reason"),
        seen=_read_seen(visit),
    )  # fmt: skip
    return go_to_recording(identity, "#labels")


def post_restrict(visit: Restricting, evidence_id: str) -> Response:
    """Restrict the recording, or release it, with a reason."""
    identity = read_shown_id(evidence_id)
    require_within(visit, identity)
    is_restricted = visit.text("restrict") == "yes"
    restrict_recording(
        visit.installation, visit.actor, identity, is_restricted=is_restricted, reason=visit.text("reason"),
        seen=_read_seen(visit),
    )  # fmt: skip
    return go_to_recording(identity, "#access")


def post_attach(visit: Linking, evidence_id: str) -> Response:
    """Attach the recording to a case file at a stage."""
    identity = _open_identity(visit, evidence_id)
    require_seen(visit.installation, identity, _read_seen(visit))
    attach_recordings(
        visit.installation, visit.actor, visit.text("number"), [identity], stage=visit.text("stage"),
        reason=fold_lines(visit.text("reason")),
    )  # fmt: skip
    return go_to_recording(identity, "#cases")


def post_detach(visit: Linking, evidence_id: str) -> Response:
    """Detach the recording from a case file's stage."""
    identity = _open_identity(visit, evidence_id)
    require_seen(visit.installation, identity, _read_seen(visit))
    detach_recordings(
        visit.installation, visit.actor, visit.text("number"), [identity], stage=visit.text("stage"),
        reason=fold_lines(visit.text("reason")),
    )  # fmt: skip
    return go_to_recording(identity, "#cases")


def read_shown_id(text: str) -> str:
    """An evidence id from an address, in any of its forms; raises NotFoundError where it is none."""
    try:
        return parse_shown_id(text)
    except MalformedError as error:
        raise NotFoundError("not_found") from error


def go_to_recording(evidence_id: str, part: str = "") -> Response:
    """Lead back to the recording's page after a change."""
    return _go(f"/recordings/{show_id(evidence_id)}{part}")


def require_within(visit: Visit, evidence_id: str) -> Standing:
    """How near the recording is; raises NotFoundError, and ForbiddenError (an event) where it is outside reach."""
    standing = find_standing(visit.installation, visit.viewer, evidence_id)
    if standing is Standing.MISSING:
        raise NotFoundError("not_found")
    if standing is Standing.OUTSIDE:
        raise ForbiddenError("out_of_reach", account_id=visit.viewer.account_id, evidence_id=evidence_id)
    return standing


def _open_identity(visit: Change, text: str) -> str:
    """The identity of a recording that the viewer may open without approval."""
    identity = read_shown_id(text)
    if require_within(visit, identity) is Standing.RESTRICTED:
        raise ForbiddenError("restricted", account_id=visit.viewer.account_id, evidence_id=identity)
    return identity


def _content_of(visit: Visit, evidence_id: str, row: dict[str, Any]) -> dict[str, Any]:
    """What only access shows: what the content is, and the notes."""
    try:
        media_type, trouble = find_media_type(visit.installation.store, row), ""
    except StoreError as error:
        media_type = "application/octet-stream"
        trouble = error.sentence_zh if visit.language.tag == "zh-Hans" else error.sentence
    return {
        "media_type": media_type,
        "is_playable": is_playable(media_type),
        "has_poster": find_derivative(visit.installation.catalogue, evidence_id, POSTER) is not None,
        "trouble": trouble,
        **_notes_of(visit, evidence_id),
    }


def _notes_of(visit: Visit, evidence_id: str) -> dict[str, Any]:
    notes = list_notes(visit.installation.catalogue, evidence_id)
    for note in notes:
        note["position"] = show_position(note["at_ms"])
    return {"notes": notes, "version": _version_of(visit, evidence_id)}


def _labels_of(visit: Visit, evidence_id: str) -> dict[str, Any]:
    labels = list_labels(visit.installation.catalogue, evidence_id)
    there = {label["label"] for label in labels}
    choices = [choice for choice in list_label_choices(visit.installation) if choice not in there]
    return {"labels": labels, "label_choices": choices}


def _links_of(visit: Visit, evidence_id: str) -> dict[str, Any]:
    if not visit.viewer.may(Permission.CASEFILE_READ):
        return {"case_links": [], "stages": []}
    return {"case_links": list_case_links(visit.installation.catalogue, evidence_id), "stages": list(STAGES)}


def _version_of(visit: Visit, evidence_id: str) -> int:
    head = visit.installation.ledger.head(evidence_id)
    return head.version if head else 0


def _read_seen(visit: Change) -> int:
    """The version the person looked at; without one nothing can be decided."""
    text = visit.text("version", limit=20)
    return int(text) if text.isdecimal() else -1


def _name_of(visit: Visit, account_id: str) -> str:
    account = get_account(visit.installation.catalogue, account_id)
    return str(account["name"]) if account else ""


def _go(address: str, status: int = 303) -> Response:
    return RedirectResponse(address, status_code=status, headers=PAGE_HEADERS)

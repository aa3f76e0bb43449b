"""Case files: opening, attaching recordings to procedural stages, detaching them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.digests import sha256_hex
from chain_of_custody.errors import DuplicateClaimError
from chain_of_custody.identities import new_id, show_id
from ingest_server.cases.queries import find_casefile, list_attachments
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError
from ingest_server.recordings.queries import get_recording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

# The procedural stages of formats, section 8, with the words of the law.
STAGES = {
    "initiation": "启动",
    "investigation": "调查取证",
    "review": "审核",
    "decision": "决定",
    "service": "送达",
    "execution": "执行",
    "archiving": "归档",
}


def add_casefile(installation: Installation, actor: Actor, number: str, title: str) -> bool:
    """Open a case file; says whether it is new. The same number with the same title changes nothing.

    Raises:
        ConflictedError: The number stands under another title.
        BadRequestError: Number or title are empty, too long or hold control characters.
    """
    number, title = check_text(number, "the number"), check_text(title, "the title")
    existing = find_casefile(installation.catalogue, number)
    if existing is None:
        event = Event(
            "casefile.opened",
            "casefile",
            new_id(),
            {"casefile": {"number": number, "title": title}},
            expected_version=0,
            claims=(f"casefile:{sha256_hex(number.encode())}",),
        )
        try:
            installation.custody.record(actor, event)
        except DuplicateClaimError:
            existing = find_casefile(installation.catalogue, number)
        else:
            return True
    if existing is None or existing["title"] != title:
        raise ConflictedError("already_exists", f"case file {number} has another title")
    return False


def attach_recordings(
    installation: Installation,
    actor: Actor,
    number: str,
    evidence_ids: Sequence[str],
    *,
    stage: str,
    reason: str,
    version: int | None = None,
) -> int:
    """Attach recordings to a case file at a stage, all or none; returns how many were not attached there before.

    Args:
        installation: Where the case file is.
        actor: Who attaches.
        number: The case file's number.
        evidence_ids: Which recordings.
        stage: One of ``STAGES``.
        reason: Why; part of the events.
        version: The case file's version that the person decided on, or None to take it as it is now.

    Raises:
        NotFoundError: The case file or a recording is not known.
        ConflictedError: Somebody changed the case file or a recording meanwhile.
    """
    casefile_id, there = _prepare(installation, number, stage, evidence_ids)
    chosen = [evidence_id for evidence_id in dict.fromkeys(evidence_ids) if (evidence_id, stage) not in there]
    _record_links(installation, actor, "attached", casefile_id, number, chosen, stage, reason, version)
    return len(chosen)


def detach_recordings(
    installation: Installation,
    actor: Actor,
    number: str,
    evidence_ids: Sequence[str],
    *,
    stage: str,
    reason: str,
    version: int | None = None,
) -> int:
    """Detach recordings from a stage of a case file, all or none; the history keeps both acts.

    Arguments are those of :func:`attach_recordings`.

    Raises:
        NotFoundError: One of them is not attached there.
        ConflictedError: Somebody changed the case file or a recording meanwhile.
    """
    casefile_id, there = _prepare(installation, number, stage, evidence_ids)
    chosen = list(dict.fromkeys(evidence_ids))
    _check_version(installation, casefile_id, version)
    for evidence_id in chosen:
        if (evidence_id, stage) not in there:
            raise NotFoundError("not_attached", show_id(evidence_id))
    _record_links(installation, actor, "detached", casefile_id, number, chosen, stage, reason, version)
    return len(chosen)


def check_stage(stage: str) -> str:
    """Return a stage if it is one; raises BadRequestError."""
    if stage not in STAGES:
        known = ", ".join(f"{name} ({chinese})" for name, chinese in STAGES.items())
        raise BadRequestError("wrong_usage", f"there is no stage {stage}; stages are {known}")
    return stage


def _check_version(installation: Installation, casefile_id: str, version: int | None) -> None:
    """Tell of a change before telling of what it led to, such as a recording that is attached no more."""
    if version is not None and version != _version_of(installation, casefile_id):
        raise ConflictedError("conflict")


def _prepare(
    installation: Installation, number: str, stage: str, evidence_ids: Sequence[str]
) -> tuple[str, set[tuple[str, str]]]:
    check_stage(stage)
    casefile = find_casefile(installation.catalogue, number)
    if casefile is None:
        raise NotFoundError("not_found", f"no case file {number}")
    for evidence_id in evidence_ids:
        if get_recording(installation.catalogue, evidence_id) is None:
            raise NotFoundError("not_found", f"no recording {show_id(evidence_id)}")
    rows = list_attachments(installation.catalogue, casefile["casefile_id"])
    return casefile["casefile_id"], {(row["evidence_id"], row["stage"]) for row in rows}


def _record_links(
    installation: Installation,
    actor: Actor,
    verb: str,
    casefile_id: str,
    number: str,
    evidence_ids: Sequence[str],
    stage: str,
    reason: str,
    version: int | None,
) -> None:
    """One act of two leaves a recording: the case file's and its own; refused whole if a subject moved on."""
    reason = check_text(reason, "the reason")
    if not evidence_ids:
        return
    version = _version_of(installation, casefile_id) if version is None else version
    events = []
    for evidence_id in evidence_ids:
        events.append(
            Event(
                f"casefile.{verb}",
                "casefile",
                casefile_id,
                {"attachment": {"evidence_id": evidence_id, "stage": stage}, "reason": reason},
                expected_version=version,
            )
        )
        version += 1
        attachment = {"casefile_id": casefile_id, "number": number, "stage": stage}
        events.append(
            Event(
                f"recording.{verb}",
                "recording",
                evidence_id,
                {"attachment": {**attachment}, "reason": reason},
                expected_version=_version_of(installation, evidence_id),
            )
        )
    installation.custody.record(actor, *events)


def _version_of(installation: Installation, subject: str) -> int:
    head = installation.ledger.head(subject)
    return head.version if head else 0

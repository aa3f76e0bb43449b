"""What people say about a recording: notes, labels, and restricting who may open it. Nothing is ever edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.leaves import READING_EVENTS
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError
from ingest_server.policy.values import read_policy
from ingest_server.recordings.positions import MAX_MS

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

MAX_NOTE = 1000
MAX_LABEL = 60
# A note stands beside what is there and changes nothing of it, so nobody's decision is outdated by one.
_ADDING = frozenset({"recording.noted"})


def add_note(
    installation: Installation, actor: Actor, evidence_id: str, *, at_ms: int, text: str, corrects: int | None = None
) -> int:
    """Note something at a time in a recording; returns the event's ledger index.

    Args:
        installation: Where.
        actor: Who notes it.
        evidence_id: The recording.
        at_ms: Milliseconds from its beginning.
        text: What is noted.
        corrects: Ledger index of the note that this one corrects; both stay.

    Raises:
        BadRequestError: The text cannot be taken, or the time is none.
        NotFoundError: The note to be corrected is not one of this recording.
    """
    if not 0 <= at_ms <= MAX_MS:
        raise BadRequestError("note_time_wrong")
    note: dict[str, JsonValue] = {"at_ms": at_ms, "text": check_text(fold_lines(text), "the note", MAX_NOTE)}
    if corrects is not None:
        found = installation.catalogue.fetch_one(
            'select 1 from notes where evidence_id = ? and "index" = ?', evidence_id, corrects
        )
        if found is None:
            raise NotFoundError("not_found", "there is no such note to correct")
    note["corrects"] = corrects
    event = Event("recording.noted", "recording", evidence_id, {"note": note})
    return installation.custody.record(actor, event)[0].index


def add_label(installation: Installation, actor: Actor, evidence_id: str, label: str, *, seen: int) -> None:
    """Label a recording, from the catalogue of labels or in one's own words; a label it has changes nothing.

    Args:
        installation: Where.
        actor: Who labels it.
        evidence_id: The recording.
        label: The label; one half of a listed label means that label.
        seen: The version of the recording that the person looked at.

    Raises:
        BadRequestError: The label cannot be taken.
        ConflictedError: Somebody changed the recording since.
    """
    label = check_text(fold_lines(label), "the label", MAX_LABEL)
    listed = list_label_choices(installation)
    label = next((item for item in listed if label in {item, *item.split("/")}), label)
    if _has_label(installation, evidence_id, label):
        return
    part: JsonValue = {"text": label, "listed": label in listed}
    _change(installation, actor, "recording.labelled", evidence_id, seen, {"label": part})


def remove_label(
    installation: Installation, actor: Actor, evidence_id: str, label: str, *, reason: str, seen: int
) -> None:
    """Remove a label; the history keeps both acts.

    Raises:
        NotFoundError: The recording has no such label.
        ConflictedError: Somebody changed the recording since.
    """
    reason = check_text(fold_lines(reason), "the reason")
    if not _has_label(installation, evidence_id, label):
        raise NotFoundError("not_found")
    _change(
        installation, actor, "recording.unlabelled", evidence_id, seen, {"label": {"text": label}, "reason": reason}
    )


def restrict_recording(
    installation: Installation, actor: Actor, evidence_id: str, *, is_restricted: bool, reason: str, seen: int
) -> None:
    """Restrict a recording to those who may open restricted ones, or release it again.

    Raises:
        ConflictedError: Somebody changed the recording since, or it is so already.
    """
    reason = check_text(fold_lines(reason), "the reason")
    row = installation.catalogue.fetch_one("select is_restricted from recordings where evidence_id = ?", evidence_id)
    if row is None:
        raise NotFoundError("not_found")
    if bool(row["is_restricted"]) == is_restricted:
        raise ConflictedError("conflict")
    verb = "restricted" if is_restricted else "released"
    _change(installation, actor, f"recording.{verb}", evidence_id, seen, {"reason": reason})


def list_label_choices(installation: Installation) -> list[str]:
    """The labels that the policy offers, each with its Chinese and English name: ``重点/Important``."""
    listed = read_policy(installation)["recording.labels"].split(";")
    return [" ".join(item.split()) for item in listed if item.strip()]


def require_seen(installation: Installation, evidence_id: str, seen: int) -> int:
    """The version to decide on, if nobody changed the recording since the person looked.

    Raises:
        ConflictedError: Somebody did.
    """
    head = installation.ledger.head(evidence_id)
    version = head.version if head else 0
    if version == seen:
        return version
    harmless = sorted(READING_EVENTS | _ADDING)
    marks = ", ".join("?" * len(harmless))
    moved = installation.catalogue.fetch_one(
        f"select 1 from events where subject = ? and seq > ? and type not in ({marks})",  # noqa: S608 - marks only
        evidence_id,
        seen,
        *harmless,
    )
    if moved is not None or seen > version:
        raise ConflictedError("conflict")
    return version


def fold_lines(text: str) -> str:
    """One line of what was typed in several; other control characters stay, to be refused in words."""
    return " ".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def _has_label(installation: Installation, evidence_id: str, label: str) -> bool:
    found = installation.catalogue.fetch_one(
        "select 1 from labels where evidence_id = ? and label = ?", evidence_id, label
    )
    return found is not None


def _change(
    installation: Installation, actor: Actor, kind: str, evidence_id: str, seen: int, parts: dict[str, JsonValue]
) -> None:
    version = require_seen(installation, evidence_id, seen)
    installation.custody.record(actor, Event(kind, "recording", evidence_id, parts, expected_version=version))

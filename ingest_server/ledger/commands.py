"""What people do with the custody log: review it, follow a line up, take lines out. Each is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.errors import DuplicateClaimError
from chain_of_custody.identities import ledger_subject
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError
from ingest_server.ledger.queries import find_review

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

MAX_NOTE = 2000


def review_log(installation: Installation, actor: Actor, up_to: int, note: str, *, previous: int) -> None:
    """Say that every entry up to an index was reviewed; an event.

    Args:
        installation: Where.
        actor: Who reviewed.
        up_to: The last index reviewed.
        note: What there is to say; may be empty.
        previous: The entry of the review that the person saw as the last one; -1 for none.

    Raises:
        ConflictedError: Somebody else reviewed meanwhile.
        BadRequestError: There is nothing between the last review and ``up_to``, or no such entry yet.
    """
    last = find_review(installation.catalogue)
    if last.index != previous:
        raise ConflictedError("conflict", f"{last.actor} reviewed up to {last.up_to} meanwhile")
    if not last.up_to < up_to < installation.ledger.checkpoint()[0].size:
        raise BadRequestError("bad_request", f"give an entry after {last.up_to} that is in the ledger")
    review: JsonValue = {"up_to": up_to, "note": check_text(note, "the note", MAX_NOTE) if note else ""}
    subject = ledger_subject(installation.config.origin)
    # One review follows each: of two at the same moment the ledger takes one.
    claim = f"reviewed-after:{previous}"
    event = Event("ledger.reviewed", "ledger", subject, {"review": review}, claims=(claim,))
    try:
        installation.custody.record(actor, event)
    except DuplicateClaimError as error:
        raise ConflictedError("conflict", "somebody else reviewed at the same moment") from error


def note_entry(installation: Installation, actor: Actor, index: int, text: str) -> None:
    """Follow an entry up with a note; an event about that entry, which itself stays as it is.

    Raises:
        NotFoundError: The ledger has no such entry.
        BadRequestError: The note is empty or too long.
    """
    if not 0 <= index < installation.ledger.checkpoint()[0].size:
        raise NotFoundError("not_found", f"the ledger has no entry {index}")
    note: JsonValue = {"index": index, "text": check_text(text, "the note", MAX_NOTE)}
    subject = ledger_subject(installation.config.origin)
    installation.custody.record(actor, Event("ledger.noted", "ledger", subject, {"note": note}))

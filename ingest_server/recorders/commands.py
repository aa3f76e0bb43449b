"""Issuing a recorder to an officer and taking it back (领用、交接): one holder at a time, checked before use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant, parse_instant
from ingest_server.accounts.queries import find_officer
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.docks.queries import get_recorder
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError
from ingest_server.recorders.queries import find_holding, find_last_holding

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from chain_of_custody.canonical import JsonValue
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

TRIES = 20
MAX_CHECK = 60
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Checks:
    """What was looked at before use or at return, as the person typed it: battery, free space, clock."""

    battery: str = ""
    space: str = ""
    clock: str = ""

    def to_json(self, *, required: bool) -> dict[str, JsonValue]:
        """As in the event; raises BadRequestError where one is missing that must be there."""
        typed = {"battery": self.battery, "space": self.space, "clock": self.clock}
        return {
            name: check_text(text, f"the check of the {name}", MAX_CHECK) if text.strip() or required else None
            for name, text in typed.items()
        }


def issue_recorder(
    installation: Installation,
    actor: Actor,
    recorder_id: str,
    officer: str,
    *,
    at: datetime,
    checks: Checks,
    note: str = "",
) -> str:
    """Issue a recorder to an officer; an event. Returns the holding's identity.

    Args:
        installation: Where.
        actor: Who hands it out.
        recorder_id: Which recorder.
        officer: The number of a registered officer.
        at: When it was handed over, UTC; now or before, and not before it was last returned.
        checks: What was looked at before use; all of it is required.
        note: Anything else.

    Raises:
        NotFoundError: There is no such recorder or officer.
        ConflictedError: Somebody holds it already.
        BadRequestError: The time cannot be, or a check is missing.
    """
    registered = find_officer(installation.catalogue, officer)
    if registered is None:
        raise NotFoundError("officer_unknown", officer[:40], named=officer[:40])
    issue: dict[str, JsonValue] = {
        "holding_id": new_id(),
        "officer": registered["number"],
        "officer_name": registered["name"],
        "at": _check_time(installation, at),
        "checks": checks.to_json(required=True),
        "note": check_text(note, "the note") if note.strip() else None,
    }

    def require_free(last: dict[str, Any] | None) -> None:
        if last is not None and last["returned_at"] is None:
            raise ConflictedError("recorder_held", last["officer"], named=last["officer"])
        if last is not None and parse_instant(last["returned_at"]) > at:
            raise BadRequestError("wrong_time", "it was returned later than that")

    _record(
        installation,
        actor,
        recorder_id,
        Event("recorder.issued", "recorder", recorder_id, {"issue": issue}),
        require_free,
    )
    return str(issue["holding_id"])


def return_recorder(
    installation: Installation,
    actor: Actor,
    recorder_id: str,
    holding_id: str,
    *,
    at: datetime,
    checks: Checks,
    note: str = "",
) -> None:
    """Take a recorder back from who holds it; an event.

    Raises:
        NotFoundError: There is no such holding of this recorder.
        ConflictedError: It was returned meanwhile, or somebody else holds it now.
        BadRequestError: The time cannot be.
    """
    holding = find_holding(installation.catalogue, holding_id)
    if holding is None or holding["recorder_id"] != recorder_id:
        raise NotFoundError("not_found")
    if parse_instant(holding["issued_at"]) > at:
        raise BadRequestError("wrong_time", "it was issued later than that")
    back: dict[str, JsonValue] = {
        "holding_id": holding_id,
        "officer": holding["officer"],
        "at": _check_time(installation, at),
        "checks": checks.to_json(required=False),
        "note": check_text(note, "the note") if note.strip() else None,
    }

    def require_held(last: dict[str, Any] | None) -> None:
        if last is None or last["holding_id"] != holding_id or last["returned_at"] is not None:
            raise ConflictedError("conflict")

    _record(
        installation,
        actor,
        recorder_id,
        Event("recorder.returned", "recorder", recorder_id, {"return": back}),
        require_held,
    )


def _record(
    installation: Installation,
    actor: Actor,
    recorder_id: str,
    event: Event,
    require: Callable[[dict[str, Any] | None], None],
) -> None:
    """Append under the state that was looked at; dockings also move the recorder's version and change no holder."""
    from dataclasses import replace

    if get_recorder(installation.catalogue, recorder_id) is None:
        raise NotFoundError("not_found")
    for _ in range(TRIES):
        head = installation.ledger.head(recorder_id)
        require(find_last_holding(installation.catalogue, recorder_id))
        try:
            installation.custody.record(actor, replace(event, expected_version=head.version if head else 0))
        except ConflictedError:
            continue
        return
    raise ConflictedError("conflict", "the recorder keeps changing")


def _check_time(installation: Installation, at: datetime) -> str:
    if at > installation.clock() + _AHEAD:
        raise BadRequestError("wrong_time", "that is still to come")
    return format_instant(at)

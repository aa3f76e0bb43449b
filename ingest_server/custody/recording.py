"""Recording events: what a domain says becomes a draft with handle and actor, and one append."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chain_of_custody.errors import ConflictError, LedgerStoppedError
from chain_of_custody.ledger import EventDraft
from ingest_server.custody.actors import find_handle
from ingest_server.errors import ConflictedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain_of_custody.canonical import JsonValue
    from chain_of_custody.ledger import Entry, Ledger
    from ingest_server.custody.actors import Actor
    from ingest_server.private.database import PrivateDatabase


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a domain says it; the part ``actor`` is added here."""

    type: str
    subject_kind: str
    subject: str
    parts: Mapping[str, JsonValue]
    device: Mapping[str, JsonValue] | None = None
    expected_version: int | None = None
    expects_heads: Mapping[str, int] = field(default_factory=dict)
    claims: tuple[str, ...] = ()


class Custody:
    """Appends events on behalf of actors."""

    def __init__(self, ledger: Ledger, private: PrivateDatabase) -> None:
        """Bridge to this ledger."""
        self._ledger = ledger
        self._private = private

    def record(self, actor: Actor, *events: Event) -> tuple[Entry, ...]:
        """Append one act; on return it is durable and under a signed checkpoint.

        Raises:
            DuplicateClaimError: A unique key is held; the caller knows what that means.
            ConflictedError: A subject moved on since the caller decided.
            UnavailableError: The ledger takes nothing more.
        """
        handle = find_handle(self._private, actor)
        drafts = [
            EventDraft(
                type=event.type,
                subject=event.subject,
                subject_kind=event.subject_kind,
                actor=handle,
                parts={**event.parts, "actor": actor.to_part()},
                device=event.device,
                expected_version=event.expected_version,
                expects_heads=event.expects_heads,
                claims=event.claims,
            )
            for event in events
        ]
        try:
            return self._ledger.append(drafts)
        except ConflictError as error:
            raise ConflictedError("conflict") from error
        except LedgerStoppedError as error:
            raise UnavailableError("ledger_stopped", str(error)) from error

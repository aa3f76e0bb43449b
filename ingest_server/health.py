"""Is it healthy: one answer for people and monitors, without personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Response

from ingest_server.context import ServerState, get_state
from ingest_server.errors import UnavailableError
from ingest_server.intake.intakes import CANARY_GOOD_AT, check_canary

if TYPE_CHECKING:
    from ingest_server.installation import Installation

State = Annotated[ServerState, Depends(get_state)]


def is_receiving(installation: Installation) -> bool:
    """Whether recordings can be received: the store has lately passed its canary."""
    try:
        check_canary(installation)
    except UnavailableError:
        return False
    return True


def describe_store(installation: Installation) -> tuple[str, bool]:
    """The store's kind, and whether its locks hold against this machine's administrator."""
    kind = installation.store.kind
    return kind, kind != "directory"


def show_health(state: State, response: Response) -> dict[str, Any]:
    """The ledger's size and the store's health; status 503 while recordings cannot be received."""
    installation = state.installation
    receives = is_receiving(installation)
    if not receives:
        response.status_code = 503
    store, is_protected = describe_store(installation)
    return {
        "is_receiving": receives,
        "ledger_size": installation.ledger.checkpoint()[0].size,
        "origin": installation.config.origin,
        "store": store,
        "store_note": "" if is_protected else "not protected against this machine's administrator",
        "canary_good_at": installation.private.read_setting(CANARY_GOOD_AT),
    }

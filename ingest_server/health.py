"""Is it healthy: one answer for people and monitors, without personal data."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Response

from ingest_server.context import ServerState, get_state
from ingest_server.errors import UnavailableError
from ingest_server.intake.intakes import CANARY_GOOD_AT, check_canary

State = Annotated[ServerState, Depends(get_state)]


def show_health(state: State, response: Response) -> dict[str, Any]:
    """The ledger's size and the store's health; status 503 while recordings cannot be received."""
    installation = state.installation
    is_receiving = True
    try:
        check_canary(installation)
    except UnavailableError:
        is_receiving = False
        response.status_code = 503
    store = installation.store.kind
    return {
        "is_receiving": is_receiving,
        "ledger_size": installation.ledger.checkpoint()[0].size,
        "origin": installation.config.origin,
        "store": store,
        "store_note": "not protected against this machine's administrator" if store == "directory" else "",
        "canary_good_at": installation.private.read_setting(CANARY_GOOD_AT),
    }

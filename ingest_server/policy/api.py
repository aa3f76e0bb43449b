"""Policy values over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends

from ingest_server.context import ServerState, get_state
from ingest_server.policy.values import load_defaults, read_policy

State = Annotated[ServerState, Depends(get_state)]


def get_policy(state: State) -> list[dict[str, Any]]:
    """Every value in force, with its source."""
    values = read_policy(state.installation)
    return [
        {"key": key, "value": values[key], "default": default.value, "source": default.source, "note": default.note}
        for key, default in sorted(load_defaults().items())
    ]

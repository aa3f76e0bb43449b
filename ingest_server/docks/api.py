"""Enrolment over HTTP, and the registers of docks and recorders."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from ingest_server.context import DockRequest, ServerState, get_state, receive_dock_request
from ingest_server.docks.commands import begin_enrolment, finish_enrolment
from ingest_server.docks.heartbeats import keep_heartbeat
from ingest_server.docks.queries import list_docks, list_recorders
from ingest_server.errors import TooManyRequestsError

State = Annotated[ServerState, Depends(get_state)]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
CodeId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
ATTEMPTS_A_MINUTE = 20
_attempts: deque[float] = deque()
_guard = threading.Lock()


class BeginEnrolment(BaseModel):
    """A dock names a code by its id and shows its key."""

    model_config = ConfigDict(extra="forbid")
    code_id: CodeId
    dock_key: Hex64
    dock_nonce: Hex64


class FinishEnrolment(BeginEnrolment):
    """The dock proves that it knows the code."""

    server_nonce: Hex64
    mac: Hex64


def limit_attempts(request: Request) -> None:
    """Let at most so many enrolment requests a minute through, from everywhere together."""
    _ = request
    now = time.monotonic()
    with _guard:
        while _attempts and now - _attempts[0] > 60:
            _attempts.popleft()
        if len(_attempts) >= ATTEMPTS_A_MINUTE:
            raise TooManyRequestsError("too_many_requests")
        _attempts.append(now)


def post_begin(state: State, asked: BeginEnrolment) -> dict[str, Any]:
    """Show a dock everything of the transcript that it does not know."""
    offer = begin_enrolment(
        state.installation,
        code_id=asked.code_id,
        dock_key=asked.dock_key,
        dock_nonce=asked.dock_nonce,
        spki=state.spki,
        is_behind_proxy=state.is_behind_proxy,
    )
    seen = offer.transcript
    return {
        "origin": seen.origin,
        "vkey": seen.vkey,
        "event_key": seen.event_key,
        "server_nonce": seen.server_nonce,
        "spki": seen.spki,
        "behind_proxy": offer.is_behind_proxy,
    }


def post_finish(state: State, asked: FinishEnrolment) -> dict[str, Any]:
    """Enrol the dock once its proof holds."""
    return finish_enrolment(
        state.installation,
        code_id=asked.code_id,
        dock_key=asked.dock_key,
        dock_nonce=asked.dock_nonce,
        server_nonce=asked.server_nonce,
        mac=asked.mac,
        spki=state.spki,
    )


def post_heartbeat(asked: Annotated[DockRequest, Depends(receive_dock_request)]) -> None:
    """Keep what a dock says of itself."""
    keep_heartbeat(asked.installation, asked.dock.dock_id, asked.body)


def get_docks(state: State) -> list[dict[str, Any]]:
    """Every dock."""
    return list_docks(state.installation.catalogue)


def get_recorders(state: State) -> list[dict[str, Any]]:
    """Every recorder."""
    return list_recorders(state.installation.catalogue)

"""Recordings over HTTP: search, one recording, its history."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.context import ServerState, get_state
from ingest_server.errors import NotFoundError
from ingest_server.recordings.history import read_history
from ingest_server.recordings.queries import (
    PAGE_SIZE,
    RecordingFilter,
    get_recording,
    read_local_time,
    search_recordings,
)

State = Annotated[ServerState, Depends(get_state)]
Text = Annotated[str | None, Query(max_length=200)]


def show_row(row: dict[str, Any]) -> dict[str, Any]:
    """A recording's row as answers show it: the evidence id in its shown form, digests as a digest object."""
    digests = {"sha2-256": row["sha256"], **({"sm3": row["sm3"]} if row["sm3"] else {})}
    shown = {name: value for name, value in row.items() if name not in {"sha256", "sm3", "evidence_id"}}
    return {"evidence_id": show_id(row["evidence_id"]), **shown, "digests": digests}


def read_evidence_id(text: str) -> str:
    """An evidence id in either form; raises NotFoundError where it is none."""
    try:
        return parse_shown_id(text)
    except MalformedError as error:
        raise NotFoundError("not_found", str(error)) from error


def get_recordings(
    state: State,
    officer: Text = None,
    recorder: Text = None,
    since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
    case: Text = None,
    text: Text = None,
    unit: Text = None,
    stage: Text = None,
    label: Text = None,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_SIZE)] = PAGE_SIZE,
) -> dict[str, Any]:
    """One page of recordings, last received first; ``next`` continues below it."""
    wanted = RecordingFilter(
        officer,
        recorder,
        read_local_time(since),
        read_local_time(until),
        case,
        text,
        unit=unit,
        stage=stage,
        label=label,
    )
    rows = search_recordings(state.installation.catalogue, wanted, before=before, limit=limit)
    following = rows[-1]["received_index"] if len(rows) == limit else None
    return {"recordings": [show_row(row) for row in rows], "next": following}


def get_one_recording(state: State, evidence_id: str) -> dict[str, Any]:
    """One recording with its claims and case files."""
    row = get_recording(state.installation.catalogue, read_evidence_id(evidence_id))
    if row is None:
        raise NotFoundError("not_found")
    return show_row(row)


def get_history(state: State, evidence_id: str) -> list[dict[str, Any]]:
    """A recording's custody history."""
    return read_history(state.installation, read_evidence_id(evidence_id))

"""Case files over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from chain_of_custody.identities import show_id
from ingest_server.accounts.tokens import Token
from ingest_server.cases.commands import add_casefile, attach_recordings, detach_recordings
from ingest_server.cases.queries import find_casefile, list_attachments, list_casefiles
from ingest_server.context import ServerState, get_state, require_permission
from ingest_server.custody.actors import Actor
from ingest_server.errors import NotFoundError
from ingest_server.permissions import Permission
from ingest_server.recordings.api import read_evidence_id

State = Annotated[ServerState, Depends(get_state)]
Changer = Annotated[Token, Depends(require_permission(Permission.CASEFILE_CHANGE))]
Text = Annotated[str, Field(min_length=1, max_length=500)]


class NewCasefile(BaseModel):
    """A case file to be opened."""

    model_config = ConfigDict(extra="forbid")
    number: Text
    title: Text


class Attachment(BaseModel):
    """Recordings to be attached to, or detached from, a stage."""

    model_config = ConfigDict(extra="forbid")
    evidence_ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=1000)]
    stage: Text
    reason: Text


def token_actor(token: Token) -> Actor:
    """The program that a token speaks for."""
    return Actor("program", token.name, token.token_id)


def get_casefiles(state: State) -> list[dict[str, Any]]:
    """Every case file."""
    return list_casefiles(state.installation.catalogue)


def get_casefile(state: State, number: str) -> dict[str, Any]:
    """One case file with what is attached."""
    casefile = find_casefile(state.installation.catalogue, number)
    if casefile is None:
        raise NotFoundError("not_found")
    rows = list_attachments(state.installation.catalogue, casefile["casefile_id"])
    return {**casefile, "attachments": [{**row, "evidence_id": show_id(row["evidence_id"])} for row in rows]}


def post_casefile(state: State, token: Changer, asked: NewCasefile) -> dict[str, bool]:
    """Open a case file; the same again changes nothing."""
    return {"is_new": add_casefile(state.installation, token_actor(token), asked.number, asked.title)}


def post_attachment(state: State, token: Changer, number: str, asked: Attachment) -> dict[str, int]:
    """Attach recordings to a stage, all or none."""
    ids = [read_evidence_id(text) for text in asked.evidence_ids]
    count = attach_recordings(
        state.installation, token_actor(token), number, ids, stage=asked.stage, reason=asked.reason
    )
    return {"attached": count}


def post_detachment(state: State, token: Changer, number: str, asked: Attachment) -> dict[str, int]:
    """Detach recordings from a stage, all or none."""
    ids = [read_evidence_id(text) for text in asked.evidence_ids]
    count = detach_recordings(
        state.installation, token_actor(token), number, ids, stage=asked.stage, reason=asked.reason
    )
    return {"detached": count}

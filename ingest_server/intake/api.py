"""The dock protocol over HTTP: parse, call one function, render."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Response
from fastapi.responses import JSONResponse

from chain_of_custody.digests import check_hex64
from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import check_id, parse_shown_id, show_id
from chain_of_custody.instants import format_instant
from ingest_server.context import DockRequest, ServerState, get_state, receive_dock_request
from ingest_server.custody.receipts import make_receipt
from ingest_server.docks.commands import describe_store
from ingest_server.errors import BadRequestError, NotFoundError
from ingest_server.intake.clearings import is_clearing_allowed, record_clearing
from ingest_server.intake.completion import Reception, complete_intake, open_presented, present_again
from ingest_server.intake.dockings import close_docking, get_docking, open_docking
from ingest_server.intake.intakes import (
    CANARY_GOOD_AT,
    abort_intake,
    half_short_lock,
    list_intake_parts,
    load_intake,
    open_intake,
    sign_parts,
)
from ingest_server.policy.values import read_count
from ingest_server.recordings.queries import list_known
from ingest_server.store.contract import UploadedPart

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue

MAX_KNOWN = 1000
MAX_SIGNED = 64
Asked = Annotated[DockRequest, Depends(receive_dock_request)]
State = Annotated[ServerState, Depends(get_state)]


def show_status(asked: Asked) -> dict[str, Any]:
    """What a dock must know before it acts: the server's time, the store's health, what may be cleared."""
    installation = asked.installation
    good_at = installation.private.read_setting(CANARY_GOOD_AT)
    return {
        "server_time": format_instant(installation.clock()),
        "origin": installation.config.origin,
        "dock_id": asked.dock.dock_id,
        "store": describe_store(installation),
        "canary": {"ok": good_at is not None, "at": good_at},
        "clearing": {
            "store": installation.store.kind,
            "directory": "allow" if is_clearing_allowed(installation) else "deny",
            "lock_floor_days": read_count(installation, "lock.floor_days"),
        },
        "checkpoint_size": installation.ledger.checkpoint()[0].size,
    }


def post_docking(asked: Asked) -> dict[str, str]:
    """Record a signed inventory."""
    docking = open_docking(asked.installation, asked.dock, asked.body.get("inventory"))
    return {"docking_id": docking.docking_id, "recorder_id": docking.recorder_id}


def post_known(asked: Asked) -> dict[str, list[bool]]:
    """Say which files (raw path and size) of this docking's recorder are known."""
    docking = get_docking(asked.installation, asked.dock, _read_id(asked.body, "docking_id"))
    files = _read_list(asked.body, "files", MAX_KNOWN)
    pairs = [(_read_path(item), _read_count(item, "size")) for item in files]
    return {"known": list_known(asked.installation.catalogue, docking.recorder_id, pairs)}


def post_intake(asked: Asked) -> dict[str, Any]:
    """Open an upload for one file."""
    docking = get_docking(asked.installation, asked.dock, _read_id(asked.body, "docking_id"))
    intake = open_intake(
        asked.installation,
        docking,
        path_b64=_read_path(asked.body),
        size=_read_count(asked.body, "size"),
        part_size=_read_count(asked.body, "part_size"),
    )
    return {
        "intake_id": intake.intake_id,
        "part_size": intake.part_size,
        "expires": format_instant(intake.opened_at + half_short_lock(asked.installation)),
    }


def post_parts(asked: Asked, intake_id: str) -> dict[str, Any]:
    """Sign part requests."""
    intake = load_intake(asked.installation, _check_path_id(intake_id), asked.dock)
    wanted = [
        (_read_count(item, "number"), _read_count(item, "size"), _read_digest(item, "sha256"))
        for item in _read_list(asked.body, "parts", MAX_SIGNED)
    ]
    requests = sign_parts(asked.installation, intake, wanted)
    return {
        "requests": [
            {"number": r.number, "method": r.method, "url": r.url, "headers": dict(r.headers)} for r in requests
        ],
        "expires": format_instant(min(r.expires for r in requests)) if requests else None,
    }


def get_parts(asked: Asked, intake_id: str) -> dict[str, Any]:
    """List the parts the store holds."""
    intake = load_intake(asked.installation, _check_path_id(intake_id), asked.dock)
    parts = list_intake_parts(asked.installation, intake)
    return {"parts": [{"number": part.number, "size": part.size, "etag": part.etag} for part in parts]}


def post_complete(asked: Asked, state: State, intake_id: str) -> Response:
    """Complete, read back, lock, record; answers with the receipt, or with how far it is."""
    installation = asked.installation
    presented = open_presented(installation, asked.dock, asked.body.get("manifest"))
    parts = [
        UploadedPart(
            _read_count(item, "number"),
            _read_count(item, "size"),
            _read_digest(item, "sha256"),
            _read_text(item, "etag"),
        )
        for item in _read_list(asked.body, "parts", 10_000)
    ]
    run = partial(complete_intake, installation, presented, _check_path_id(intake_id), parts)
    return _answer_work(state, f"{intake_id}:{presented.manifest_sha256}", run, asked)


def post_presentation(asked: Asked, state: State) -> Response:
    """Acknowledge a file that is known, after a fresh read-back."""
    presented = open_presented(asked.installation, asked.dock, asked.body.get("manifest"))
    run = partial(present_again, asked.installation, presented)
    return _answer_work(state, presented.manifest_sha256, run, asked)


def post_receipt(asked: Asked) -> dict[str, Any]:
    """Issue a receipt again for the same leaf."""
    installation = asked.installation
    try:
        evidence_id = parse_shown_id(_read_text(asked.body, "evidence_id"))
    except MalformedError as error:
        raise BadRequestError("bad_request", str(error)) from error
    digest = _read_digest(asked.body, "manifest_sha256")
    for entry in installation.ledger.subject_entries(evidence_id):
        received = entry.record.value("received") if entry.record else None
        if isinstance(received, dict) and received.get("manifest_sha256") == digest:
            return _show_receipt(asked, Reception(entry.index, evidence_id, is_repeat=entry.leaf.seq > 1))
    raise NotFoundError("not_found", "no such reception")


def post_abort(asked: Asked, intake_id: str) -> Response:
    """Throw an open upload away."""
    abort_intake(asked.installation, load_intake(asked.installation, _check_path_id(intake_id), asked.dock))
    return Response(status_code=204)


def post_close(asked: Asked, docking_id: str) -> Response:
    """Record a docking's report."""
    close_docking(asked.installation, asked.dock, _check_path_id(docking_id), asked.body.get("statement"))
    return Response(status_code=204)


def post_clearing(asked: Asked) -> Response:
    """Record that a sealed file was removed from its recorder."""
    record_clearing(asked.installation, asked.dock, asked.body.get("statement"))
    return Response(status_code=204)


def _answer_work(state: ServerState, key: str, run: Any, asked: DockRequest) -> Response:
    result = state.working.ask(key, run)
    if isinstance(result, Reception):
        return JSONResponse(_show_receipt(asked, result))
    progress = {"state": "reading_back", "done_bytes": result.done_bytes, "total_bytes": result.total_bytes}
    return JSONResponse(progress, status_code=202)


def _show_receipt(asked: DockRequest, reception: Reception) -> dict[str, Any]:
    size = _read_count(asked.body, "checkpoint_size")
    receipt = make_receipt(asked.installation.ledger, reception.entry_index, size)
    return {
        "receipt": receipt.to_json(),
        "evidence_id": show_id(reception.evidence_id),
        "presented_again": reception.is_repeat,
    }


def _check_path_id(value: str) -> str:
    try:
        return check_id(value)
    except MalformedError as error:
        raise NotFoundError("not_found") from error


def _read_id(value: JsonValue, name: str) -> str:
    try:
        return check_id(value.get(name) if isinstance(value, dict) else None)
    except MalformedError as error:
        raise BadRequestError("bad_request", f"{name}: {error}") from error


def _read_digest(value: JsonValue, name: str) -> str:
    try:
        return check_hex64(value.get(name) if isinstance(value, dict) else None)
    except MalformedError as error:
        raise BadRequestError("bad_request", f"{name}: {error}") from error


def _read_count(value: JsonValue, name: str) -> int:
    number = value.get(name) if isinstance(value, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise BadRequestError("bad_request", f"{name} is not a count")
    return number


def _read_text(value: JsonValue, name: str) -> str:
    text = value.get(name) if isinstance(value, dict) else None
    if not isinstance(text, str) or len(text) > 1024:
        raise BadRequestError("bad_request", f"{name} is not a text")
    return text


def _read_path(value: JsonValue) -> str:
    text = value.get("path_b64") if isinstance(value, dict) else None
    try:
        if (
            isinstance(text, str)
            and len(text) <= 8192
            and base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
        ):
            return text
    except ValueError:
        pass
    raise BadRequestError("bad_request", "path_b64 is not base64")


def _read_list(value: dict[str, JsonValue], name: str, limit: int) -> list[JsonValue]:
    items = value.get(name)
    if not isinstance(items, list) or len(items) > limit:
        raise BadRequestError("bad_request", f"{name} is not a list of at most {limit}")
    return items

"""Enrolling and revoking docks."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.enrolment import (
    Transcript,
    derive_key,
    find_code_id,
    make_mac,
    new_code,
    new_nonce,
    parse_code,
    verify_mac,
)
from chain_of_custody.errors import DuplicateClaimError, VerificationError
from chain_of_custody.identities import ledger_subject, new_id
from chain_of_custody.instants import format_instant
from chain_of_custody.signing import VerifyKey
from ingest_server.checking import check_text
from ingest_server.custody.actors import Actor, server_actor
from ingest_server.custody.recording import Event
from ingest_server.docks.queries import list_docks
from ingest_server.errors import ConflictedError, ForbiddenError, NotFoundError
from ingest_server.store.settings import S3Settings

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.installation import Installation

CODE_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EnrolmentOffer:
    """What the server shows a dock that named a code: everything of the transcript that the dock does not know."""

    transcript: Transcript
    is_behind_proxy: bool


def add_dock(installation: Installation, actor: Actor, name: str) -> str:
    """Prepare the enrolment of a dock; an event. Returns the code, which is stored nowhere: one hour, once.

    Raises:
        BadRequestError: The name is empty, too long or holds control characters.
    """
    name = check_text(name, "the name")
    code = new_code()
    key = derive_key(parse_code(code))
    now = installation.clock()
    made: JsonValue = {"name": name, "expires": format_instant(now + CODE_LIFE)}
    subject = ledger_subject(installation.config.origin)
    installation.custody.record(actor, Event("dock.code_made", "ledger", subject, {"code": made}))
    with installation.private.transaction():
        installation.private.execute("delete from enrolments where expires_at < ?", format_instant(now))
        installation.private.execute(
            "insert into enrolments (code_id, key, name, expires_at) values (?, ?, ?, ?)",
            find_code_id(key),
            key.hex(),
            name,
            format_instant(now + CODE_LIFE),
        )
    return code


def begin_enrolment(
    installation: Installation,
    *,
    code_id: str,
    dock_key: str,
    dock_nonce: str,
    spki: str | None,
    is_behind_proxy: bool,
) -> EnrolmentOffer:
    """Answer a dock that names a code; proves nothing yet.

    Raises:
        ForbiddenError: The code is unknown, used or expired.
    """
    _find_enrolment(installation, code_id)
    server_nonce = new_nonce()
    installation.private.execute("update enrolments set server_nonce = ? where code_id = ?", server_nonce, code_id)
    return EnrolmentOffer(_make_transcript(installation, dock_key, dock_nonce, server_nonce, spki), is_behind_proxy)


def finish_enrolment(
    installation: Installation,
    *,
    code_id: str,
    dock_key: str,
    dock_nonce: str,
    server_nonce: str,
    mac: str,
    spki: str | None,
) -> dict[str, object]:
    """Enrol the dock once it has proved that it knows the code; the code is deleted, and the enrolment is an event.

    Raises:
        ForbiddenError: The proof fails, or the code is unknown, used or expired.
        ConflictedError: The key belongs to a dock already.
    """
    name, key, expected_nonce = _find_enrolment(installation, code_id)
    if not hmac.compare_digest(expected_nonce.encode(), server_nonce.encode()):
        raise ForbiddenError("bad_proof")
    transcript = _make_transcript(installation, dock_key, dock_nonce, server_nonce, spki)
    try:
        verify_mac(key, "dock", transcript, mac)
    except VerificationError as error:
        # One wrong proof spends the code: a guesser gets one try, and an officer asks for another code.
        installation.private.execute("delete from enrolments where code_id = ?", code_id)
        raise ForbiddenError("bad_proof") from error
    dock_id = new_id()
    event = Event(
        "dock.enrolled",
        "dock",
        dock_id,
        {"key": {"dock_key": dock_key, "algorithm": "ed25519"}, "dock": {"name": name}},
        claims=(f"dock:{dock_key}",),
    )
    try:
        installation.custody.record(server_actor(), event)
    except DuplicateClaimError as error:
        raise ConflictedError("already_exists", "this key is enrolled already") from error
    installation.private.execute("delete from enrolments where code_id = ?", code_id)
    return {
        "mac": make_mac(key, "server", transcript),
        "dock_id": dock_id,
        "name": name,
        "store": describe_store(installation),
        "public_url": installation.public_url,
    }


def revoke_dock(
    installation: Installation, actor: Actor, name: str, reason: str, *, version: int | None = None
) -> None:
    """Revoke a dock by name or id; from then on nothing it signs is taken.

    Args:
        installation: Where.
        actor: Who revokes.
        name: Name or id of an enrolled dock.
        reason: Why; recorded.
        version: The version that the person decided on, or None to take the dock as it is now.

    Raises:
        NotFoundError: No enrolled dock has this name.
        ConflictedError: Somebody changed the dock meanwhile.
        BadRequestError: The reason is empty, too long or holds control characters.
    """
    reason = check_text(reason, "the reason")
    found = [
        dock
        for dock in list_docks(installation.catalogue)
        if dock["status"] == "enrolled" and name in {dock["name"], dock["dock_id"]}
    ]
    if len(found) != 1:
        raise NotFoundError("not_found", f"{len(found)} enrolled docks are called {name}; name one, or give its id")
    dock = found[0]
    head = installation.ledger.head(dock["dock_id"])
    key: dict[str, JsonValue] = {"dock_key": dock["key_hex"], "algorithm": "ed25519"}
    event = Event(
        "dock.revoked",
        "dock",
        dock["dock_id"],
        {"key": key, "reason": check_text(reason, "the reason")},
        expected_version=version if version is not None else (head.version if head else 0),
    )
    installation.custody.record(actor, event)


def describe_store(installation: Installation) -> dict[str, object]:
    """Where docks send parts, with the certificate to believe there."""
    settings = installation.config.store
    if not isinstance(settings, S3Settings):
        return {"kind": "directory"}
    ca_pem = settings.ca_file.read_text(encoding="ascii") if settings.ca_file else None
    return {"kind": "s3", "endpoint": settings.dock_endpoint, "bucket": settings.bucket, "ca_pem": ca_pem}


def _find_enrolment(installation: Installation, code_id: str) -> tuple[str, bytes, str]:
    row = installation.private.fetch_one(
        "select name, key, server_nonce from enrolments where code_id = ? and expires_at >= ?",
        code_id,
        format_instant(installation.clock()),
    )
    if row is None:
        raise ForbiddenError("bad_proof")
    return row["name"], bytes.fromhex(row["key"]), row["server_nonce"] or ""


def _make_transcript(
    installation: Installation, dock_key: str, dock_nonce: str, server_nonce: str, spki: str | None
) -> Transcript:
    VerifyKey.from_hex(dock_key)
    return Transcript(
        origin=installation.config.origin,
        vkey=installation.ledger.vkey,
        event_key=installation.event_key_hex,
        dock_key=dock_key,
        dock_nonce=dock_nonce,
        server_nonce=server_nonce,
        spki=spki,
    )

"""Tokens of programs and auditors: shown once, stored hashed, expiring, revocable."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ForbiddenError, NotFoundError, UnauthorizedError
from ingest_server.permissions import ROLES, Permission

if TYPE_CHECKING:
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

DEFAULT_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Token:
    """Who a bearer token speaks for."""

    token_id: str
    name: str
    role: str


def add_token(installation: Installation, actor: Actor, name: str, role: str, life: timedelta = DEFAULT_LIFE) -> str:
    """Make a token; an event. Returns it, the only time it is shown.

    Raises:
        BadRequestError: No such role, or the name is empty, too long or holds control characters.
    """
    name = check_text(name, "the name")
    if role not in ROLES:
        raise BadRequestError("wrong_usage", f"there is no role {role}; roles are {', '.join(ROLES)}")
    token = secrets.token_urlsafe(32)
    token_id = new_id()
    now = installation.clock()
    expires = format_instant(now + life)
    event = Event("token.added", "account", token_id, {"token": {"name": name, "role": role, "expires": expires}})
    installation.custody.record(actor, event)
    installation.private.execute(
        "insert into tokens (id, name, role, digest, created_at, expires_at) values (?, ?, ?, ?, ?, ?)",
        token_id,
        name,
        role,
        _hash_token(token),
        format_instant(now),
        expires,
    )
    return token


def revoke_token(installation: Installation, actor: Actor, name: str, reason: str) -> None:
    """Revoke every token of a name; events.

    Raises:
        NotFoundError: There is none.
        BadRequestError: The reason is empty, too long or holds control characters.
    """
    reason = check_text(reason, "the reason")
    rows = installation.private.fetch("select id from tokens where name = ? and revoked_at is null", name)
    if not rows:
        raise NotFoundError("not_found", f"there is no token called {name}")
    for row in rows:
        now = format_instant(installation.clock())
        # Revoked first: should the event fail, the token is dead and the command can be repeated by another.
        installation.private.execute("update tokens set revoked_at = ? where id = ?", now, row["id"])
        event = Event("token.revoked", "account", row["id"], {"token": {"name": name}, "reason": reason})
        installation.custody.record(actor, event)


def check_token(installation: Installation, header: str | None, permission: Permission) -> Token:
    """Judge an Authorization header.

    Raises:
        UnauthorizedError: No token, or one that is unknown, expired or revoked.
        ForbiddenError: Its role has not this permission.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("token_needed")
    row = installation.private.fetch_one(
        "select id, name, role from tokens where digest = ? and revoked_at is null and expires_at > ?",
        _hash_token(token.strip()),
        format_instant(installation.clock()),
    )
    if row is None:
        raise UnauthorizedError("token_needed")
    if permission not in ROLES[row["role"]]:
        detail = f"the role {row['role']} has not the permission {permission}"
        raise ForbiddenError("not_allowed", detail, token=row["name"])
    return Token(row["id"], row["name"], row["role"])


def _hash_token(token: str) -> str:
    """A token holds 256 random bits, so one plain hash is enough to store it."""
    return hashlib.sha256(token.encode()).hexdigest()

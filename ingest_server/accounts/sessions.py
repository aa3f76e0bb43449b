"""Sessions: a random cookie, stored hashed; it ends by idleness, by age, by signing out or by revocation."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from ingest_server.accounts.viewers import Viewer
from ingest_server.custody.recording import Event
from ingest_server.errors import NotFoundError
from ingest_server.policy.values import read_count

if TYPE_CHECKING:
    from typing import Any

    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

COOKIE = "evidock_session"
# Written at most so often: every request would otherwise be a commit.
_SEEN_STEP = timedelta(minutes=1)


def open_session(installation: Installation, account_id: str, place: str) -> str:
    """Begin a session of an account; returns the cookie's value, which is stored nowhere.

    Args:
        installation: Where.
        account_id: Whose password or link was just proved.
        place: Address and browser, as the person's own list of sessions shows them.
    """
    cookie = secrets.token_urlsafe(32)
    now = installation.clock()
    installation.private.execute(
        "insert into sessions (session_id, digest, account_id, csrf, place, opened_at, seen_at, expires_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        new_id(),
        _hash_cookie(cookie),
        account_id,
        secrets.token_urlsafe(24),
        place[:300],
        format_instant(now),
        format_instant(now),
        format_instant(now + timedelta(hours=read_count(installation, "account.session_hours"))),
    )
    return cookie


def find_viewer(installation: Installation, cookie: str | None) -> Viewer | None:
    """Who a cookie stands for; None where the session ended or the account may not sign in any more."""
    if not cookie or len(cookie) > 100:
        return None
    now = installation.clock()
    session = installation.private.fetch_one(
        "select * from sessions where digest = ? and ended_at is null and expires_at > ? and seen_at > ?",
        _hash_cookie(cookie),
        format_instant(now),
        format_instant(now - timedelta(minutes=read_count(installation, "account.idle_minutes"))),
    )
    if session is None:
        return None
    account = installation.catalogue.fetch_one(
        "select * from accounts where account_id = ? and status = 'active'", session["account_id"]
    )
    if account is None:
        return None
    if session["seen_at"] < format_instant(now - _SEEN_STEP):
        installation.private.execute(
            "update sessions set seen_at = ? where session_id = ?", format_instant(now), session["session_id"]
        )
    return Viewer(
        account["account_id"],
        account["name"],
        account["role"],
        account["officer"],
        account["unit"],
        session["session_id"],
        session["csrf"],
    )


def end_session(installation: Installation, session_id: str) -> None:
    """End a session; its grants end with it."""
    now = format_instant(installation.clock())
    with installation.private.transaction():
        installation.private.execute(
            "update sessions set ended_at = ? where session_id = ? and ended_at is null", now, session_id
        )
        installation.private.execute(
            "update grants set ended_at = ? where session_id = ? and ended_at is null", now, session_id
        )


def end_sessions(installation: Installation, account_id: str, *, keep: str | None = None) -> None:
    """End every session of an account, but for one that is kept."""
    rows = installation.private.fetch(
        "select session_id from sessions where account_id = ? and ended_at is null", account_id
    )
    for row in rows:
        if row["session_id"] != keep:
            end_session(installation, row["session_id"])


def revoke_session(installation: Installation, actor: Actor, account_id: str, session_id: str) -> None:
    """End an open session of an account; an event. Raises NotFoundError where the account has none such."""
    if session_id not in {session["session_id"] for session in list_sessions(installation, account_id)}:
        raise NotFoundError("not_found")
    event = Event("account.session_revoked", "account", account_id, {"session": {"id": session_id}})
    installation.custody.record(actor, event)
    end_session(installation, session_id)


def list_sessions(installation: Installation, account_id: str) -> list[dict[str, Any]]:
    """An account's sessions that are open, last used first."""
    now = installation.clock()
    idle = timedelta(minutes=read_count(installation, "account.idle_minutes"))
    rows = installation.private.fetch(
        "select session_id, place, opened_at, seen_at, expires_at from sessions"
        " where account_id = ? and ended_at is null and expires_at > ? and seen_at > ? order by seen_at desc",
        account_id,
        format_instant(now),
        format_instant(now - idle),
    )
    return [dict(row) for row in rows]


def _hash_cookie(cookie: str) -> str:
    """A cookie holds 256 random bits, so one plain hash is enough to store it."""
    return hashlib.sha256(cookie.encode()).hexdigest()

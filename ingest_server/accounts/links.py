"""One-time links by which a person sets a password (formats, section 8).

The token stands in the fragment, is stored hashed and is spent by POST.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.instants import format_instant
from ingest_server.accounts.passwords import check_password_rules, store_password
from ingest_server.accounts.queries import get_account
from ingest_server.accounts.sessions import end_sessions
from ingest_server.custody.actors import Actor
from ingest_server.custody.recording import Event
from ingest_server.errors import ForbiddenError
from ingest_server.policy.values import read_count

if TYPE_CHECKING:
    from ingest_server.installation import Installation


def make_link(installation: Installation, actor: Actor, account_id: str) -> str:
    """Make an account's link and end its earlier ones; an event. The address is stored nowhere."""
    token = secrets.token_urlsafe(32)
    now = installation.clock()
    expires = format_instant(now + timedelta(hours=read_count(installation, "account.link_hours")))
    event = Event("account.link_made", "account", account_id, {"link": {"expires": expires}})
    installation.custody.record(actor, event)
    with installation.private.transaction():
        installation.private.execute("delete from links where account_id = ?", account_id)
        installation.private.execute(
            "insert into links (digest, account_id, made_at, expires_at) values (?, ?, ?, ?)",
            _hash_token(token),
            account_id,
            format_instant(now),
            expires,
        )
    return f"{installation.public_url}/link#{token}"


def spend_link(installation: Installation, token: str, password: str) -> str:
    """Set the password of the account that a link was made for; an event. Returns the account's identity.

    The link is spent, and every session of the account ends.

    Raises:
        ForbiddenError: The link is unknown, spent or expired, or the account is disabled.
        BadRequestError: The password is too short or too long; the link stays good.
    """
    now = format_instant(installation.clock())
    row = installation.private.fetch_one(
        "select * from links where digest = ? and used_at is null and expires_at > ?", _hash_token(token), now
    )
    account = get_account(installation.catalogue, row["account_id"]) if row else None
    if row is None or account is None or account["status"] != "active":
        raise ForbiddenError("link_spent")
    check_password_rules(installation, password, account["name"])
    with installation.private.transaction():
        is_ours = installation.private.execute(
            "update links set used_at = ? where digest = ? and used_at is null", now, row["digest"]
        )
        if not is_ours:
            raise ForbiddenError("link_spent")
        store_password(installation, row["account_id"], password)
    end_sessions(installation, row["account_id"])
    actor = Actor("account", account["name"], row["account_id"])
    installation.custody.record(actor, Event("account.password_set", "account", row["account_id"], {}))
    return str(row["account_id"])


def _hash_token(token: str) -> str:
    """A token holds 256 random bits, so one plain hash is enough to store it."""
    return hashlib.sha256(token.encode()).hexdigest()

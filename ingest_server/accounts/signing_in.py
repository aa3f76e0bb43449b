"""Signing in: throttled by account and by address, the same answer whatever was wrong, failures are events."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from chain_of_custody.identities import ledger_subject
from chain_of_custody.instants import format_instant
from ingest_server.accounts.passwords import is_password_right
from ingest_server.accounts.queries import find_account
from ingest_server.accounts.sessions import open_session
from ingest_server.custody.actors import Actor, server_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, TooManyRequestsError, UnauthorizedError
from ingest_server.policy.values import read_count

if TYPE_CHECKING:
    from typing import Any

    from chain_of_custody.canonical import JsonValue
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation


# The first that fits counts: most browsers also name those they descend from.
_BROWSERS = (
    ("Edge", r"Edg/([0-9]{1,4})"),
    ("Opera", r"OPR/([0-9]{1,4})"),
    ("Firefox", r"Firefox/([0-9]{1,4})"),
    ("Chrome", r"Chrome/([0-9]{1,4})"),
    ("Safari", r"Version/([0-9]{1,4})[0-9.]* .*Safari/"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def sign_in(installation: Installation, name: str, password: str, *, address: str, browser: str) -> str:
    """Open a session and give its cookie; an event, as is a failure.

    Raises:
        UnauthorizedError: Name or password are wrong, or the account is disabled; which, is not said.
        TooManyRequestsError: Too many failures of this name or from this address within the window.
    """
    keys = (_throttle_key("account", name.casefold()), _throttle_key("address", address))
    _check_throttle(installation, keys)
    account = find_account(installation.catalogue, name)
    is_right = is_password_right(installation, account["account_id"] if account else None, password)
    # Passwords are tried one at a time, so of many guesses sent at once the late ones learn nothing.
    _check_throttle(installation, keys)
    if account is None or not is_right or account["status"] != "active":
        _note_failure(installation, keys, account, address)
        raise UnauthorizedError("sign_in_failed")
    installation.private.execute("delete from attempts where key = ?", keys[0])
    return begin_session(installation, account, address=address, browser=browser)


def prove_password(installation: Installation, viewer: Viewer, password: str, *, address: str) -> None:
    """Let through who knows the password of their own session's account; guessing counts as at the sign-in page.

    Raises:
        BadRequestError: ``password_wrong``; an event.
        TooManyRequestsError: Too many failures.
    """
    keys = (_throttle_key("account", viewer.name.casefold()), _throttle_key("address", address))
    _check_throttle(installation, keys)
    is_right = is_password_right(installation, viewer.account_id, password)
    _check_throttle(installation, keys)
    if not is_right:
        _note_failure(installation, keys, {"account_id": viewer.account_id}, address)
        raise BadRequestError("password_wrong")


def begin_session(installation: Installation, account: dict[str, Any], *, address: str, browser: str) -> str:
    """Open the session of somebody who has just proved who they are; the event comes first."""
    actor = Actor("account", account["name"], account["account_id"])
    browser = name_browser(browser)
    source: JsonValue = {"address": address, "browser": browser}
    installation.custody.record(actor, Event("account.signed_in", "account", account["account_id"], {"source": source}))
    return open_session(installation, account["account_id"], f"{address} · {browser}")


def name_browser(agent: str) -> str:
    """Browser and system as people call them, from what the browser says of itself; only a hint for its owner."""
    product = next(
        (f"{name} {found[1]}" for name, sign in _BROWSERS if (found := re.search(sign, agent))), "another browser"
    )
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return f"{product}, {system}" if system else product


def _check_throttle(installation: Installation, keys: tuple[str, str]) -> None:
    since = installation.clock() - timedelta(minutes=read_count(installation, "account.throttle_minutes"))
    limits = (
        read_count(installation, "account.throttle_failures"),
        read_count(installation, "account.throttle_failures_address"),
    )
    installation.private.execute("delete from attempts where at < ?", format_instant(since))
    for key, limit in zip(keys, limits, strict=True):
        row = installation.private.fetch_one("select count(*) as failures from attempts where key = ?", key)
        if row is not None and row["failures"] >= limit:
            raise TooManyRequestsError("too_many_attempts")


def _note_failure(
    installation: Installation, keys: tuple[str, str], account: dict[str, Any] | None, address: str
) -> None:
    now = format_instant(installation.clock())
    with installation.private.transaction():
        for key in keys:
            installation.private.execute("insert into attempts (key, at) values (?, ?)", key, now)
    source: JsonValue = {"address": address}
    # What was typed as a name may be a password, so an unknown one is not recorded.
    event = (
        Event("account.sign_in_failed", "account", account["account_id"], {"source": source})
        if account
        else Event("account.sign_in_failed", "ledger", ledger_subject(installation.config.origin), {"source": source})
    )
    installation.custody.record(server_actor(), event)


def _throttle_key(kind: str, value: str) -> str:
    return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()[:32]}"

"""Passwords: argon2id (RFC 9106) through argon2-cffi; only the hash is kept, in ``private.db``."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chain_of_custody.instants import format_instant
from ingest_server.errors import BadRequestError
from ingest_server.policy.values import read_count

if TYPE_CHECKING:
    from ingest_server.installation import Installation

MAX_PASSWORD = 256
_HASHER = PasswordHasher()
# Each hash takes 64 MiB; one at a time bounds memory, and slows guessing from many addresses.
_ONE_AT_A_TIME = threading.Lock()


def check_password_rules(installation: Installation, password: str, name: str) -> None:
    """Refuse a password that is too short, too long or the account's own name.

    Length is what counts; rules about kinds of characters are not asked for (NIST SP 800-63B, section 3.1.1).

    Raises:
        BadRequestError: It is one of these.
    """
    shortest = read_count(installation, "account.password_min_length")
    if not shortest <= len(password) <= MAX_PASSWORD:
        raise BadRequestError("password_short", shortest=shortest)
    if password.casefold() == name.casefold() or len(set(password)) < 4:
        raise BadRequestError("password_simple")


def store_password(installation: Installation, account_id: str, password: str) -> None:
    """Keep the hash of a password."""
    with _ONE_AT_A_TIME:
        hashed = _HASHER.hash(password)
    now = format_instant(installation.clock())
    installation.private.execute(
        "insert or replace into passwords (account_id, hash, set_at) values (?, ?, ?)", account_id, hashed, now
    )


def is_password_right(installation: Installation, account_id: str | None, password: str) -> bool:
    """Whether a password is an account's; takes as long for an account that does not exist."""
    row = None
    if account_id is not None:
        row = installation.private.fetch_one("select hash from passwords where account_id = ?", account_id)
    hashed = str(row["hash"]) if row else _hash_of_nobody()
    try:
        with _ONE_AT_A_TIME:
            _HASHER.verify(hashed, password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    if row is not None and account_id is not None and _HASHER.check_needs_rehash(hashed):
        store_password(installation, account_id, password)
    return row is not None


@cache
def _hash_of_nobody() -> str:
    import secrets

    return _HASHER.hash(secrets.token_urlsafe(32))

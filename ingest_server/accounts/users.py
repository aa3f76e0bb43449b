"""Accounts of people: made by somebody with the right to, changed, disabled; each change is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.digests import sha256_hex
from chain_of_custody.errors import DuplicateClaimError
from chain_of_custody.identities import new_id
from ingest_server.accounts.links import make_link
from ingest_server.accounts.queries import find_account, find_officer, find_unit, get_account
from ingest_server.accounts.sessions import end_sessions
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, ForbiddenError, NotFoundError
from ingest_server.permissions import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain_of_custody.canonical import JsonValue
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

STATUSES = ("active", "disabled")
MAX_NAME = 80
TRIES = 20


def add_user(
    installation: Installation,
    actor: Actor,
    name: str,
    role: str,
    *,
    officer: str | None = None,
    unit: str | None = None,
) -> str:
    """Make an account; an event. Returns its one-time link, by which the person sets a password.

    Args:
        installation: Where.
        actor: Who makes it.
        name: What the person signs in with; the record shows it.
        role: One of ``permissions.ROLES``.
        officer: The officer number it belongs to; must be registered.
        unit: The unit it belongs to; that of the officer where none is given.

    Raises:
        ConflictedError: There is an account of that name.
        NotFoundError: There is no such officer or unit.
        BadRequestError: No such role, or the name is no name.
    """
    name = check_text(name, "the name", MAX_NAME)
    facts = {"name": name, **_check_facts(installation, role, officer, unit)}
    account_id = new_id()
    claim = f"account:{sha256_hex(name.casefold().encode())}"
    event = Event("account.added", "account", account_id, {"account": facts}, expected_version=0, claims=(claim,))
    try:
        installation.custody.record(actor, event)
    except DuplicateClaimError as error:
        raise ConflictedError("already_exists", f"there is an account called {name}") from error
    return make_link(installation, actor, account_id)


def renew_link(installation: Installation, actor: Actor, name: str) -> str:
    """Make another one-time link for an account, as after a forgotten password; earlier links end.

    Raises:
        NotFoundError: There is no such account, or it is disabled.
    """
    account = find_account(installation.catalogue, name)
    if account is None or account["status"] != "active":
        raise NotFoundError("not_found", f"there is no active account called {name}")
    return make_link(installation, actor, account["account_id"])


def change_user(
    installation: Installation,
    actor: Actor,
    account_id: str,
    *,
    role: str,
    officer: str | None,
    unit: str | None,
    status: str,
    reason: str,
    version: int | None = None,
) -> bool:
    """Change an account's role, officer, unit or status; an event. Says whether anything changed.

    Its sessions end, since they were opened under what it was before.

    Args:
        installation: Where.
        actor: Who changes it.
        account_id: Which account.
        role: The role it has from now on.
        officer: Its officer number, or None.
        unit: Its unit, or None.
        status: ``active`` or ``disabled``.
        reason: Why; recorded.
        version: What :func:`read_version` gave when the person decided; refused where the account moved on.

    Raises:
        ConflictedError: Somebody else changed it meanwhile.
        ForbiddenError: It is the actor's own, and role or status would change.
    """
    account = get_account(installation.catalogue, account_id)
    if account is None:
        raise NotFoundError("not_found")
    if status not in STATUSES:
        raise BadRequestError("wrong_usage", f"there is no status {status}")
    after = {**_check_facts(installation, role, officer, unit), "status": status}
    before: dict[str, JsonValue] = {name: account[name] for name in ("role", "officer", "unit", "status")}
    is_own = actor.kind == "account" and actor.identity == account_id
    if is_own and (after["role"], after["status"]) != (before["role"], before["status"]):
        raise ForbiddenError("own_account", account_id=account_id)
    if version is not None and version != read_version(installation, account_id):
        raise ConflictedError("conflict")
    if before == after:
        return False
    change: JsonValue = {"before": before, "after": after}
    parts: dict[str, JsonValue] = {"change": change, "reason": check_text(reason, "the reason")}
    _record_change(installation, actor, account_id, parts, read_version(installation, account_id))
    end_sessions(installation, account_id)
    return True


def read_version(installation: Installation, account_id: str) -> int:
    """The number of the event that made an account what it is; signing in and out does not move it."""
    row = installation.catalogue.fetch_one(
        "select max(seq) as seq from events where subject = ? and type in ('account.added', 'account.changed')",
        account_id,
    )
    return int(row["seq"] or 0) if row else 0


def _record_change(
    installation: Installation, actor: Actor, account_id: str, parts: Mapping[str, JsonValue], version: int
) -> None:
    """Append unless the account itself moved on; its person may sign in meanwhile."""
    for _ in range(TRIES):
        head = installation.ledger.head(account_id)
        if read_version(installation, account_id) != version:
            raise ConflictedError("conflict")
        expected = head.version if head else 0
        try:
            installation.custody.record(
                actor, Event("account.changed", "account", account_id, parts, expected_version=expected)
            )
        except ConflictedError:
            continue
        return
    raise ConflictedError("conflict", "the account keeps changing")


def _check_facts(installation: Installation, role: str, officer: str | None, unit: str | None) -> dict[str, JsonValue]:
    if role not in ROLES:
        raise BadRequestError("wrong_usage", f"there is no role {role}; roles are {', '.join(ROLES)}")
    if officer is not None:
        registered = find_officer(installation.catalogue, officer)
        if registered is None:
            raise NotFoundError("not_found", f"there is no officer {officer}")
        unit = unit or registered["unit"]
    if unit is not None and find_unit(installation.catalogue, unit) is None:
        raise NotFoundError("not_found", f"there is no unit {unit}")
    return {"role": role, "officer": officer, "unit": unit}

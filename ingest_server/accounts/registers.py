"""Units and officers: the registers that claims on recordings are compared with."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from chain_of_custody.digests import sha256_hex
from chain_of_custody.errors import DuplicateClaimError
from chain_of_custody.identities import new_id
from ingest_server.accounts.queries import find_officer, find_unit
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation


def add_unit(installation: Installation, actor: Actor, code: str, name: str, parent: str | None = None) -> bool:
    """Register a unit below another or at the top; says whether it is new. The same again changes nothing.

    Raises:
        ConflictedError: The code stands under another name or parent.
        NotFoundError: There is no such parent.
    """
    unit: dict[str, JsonValue] = {
        "code": check_text(code, "the code"),
        "name": check_text(name, "the name"),
        "parent": _check_unit(installation, parent),
    }
    return _register(installation, actor, "unit", str(unit["code"]), unit)


def add_officer(
    installation: Installation,
    actor: Actor,
    number: str,
    name: str,
    *,
    unit: str | None = None,
    certificate: str | None = None,
    valid_until: str | None = None,
) -> bool:
    """Register an officer; says whether it is new. The same again changes nothing.

    Args:
        installation: Where.
        actor: Who registers.
        number: The officer number, as recorders and names claim it.
        name: The officer's name.
        unit: Code of the unit, if any.
        certificate: Number of the law-enforcement certificate (执法证), if any.
        valid_until: Its last day, ``YYYY-MM-DD``, if any.

    Raises:
        ConflictedError: The number is registered with other facts.
        NotFoundError: There is no such unit.
        BadRequestError: A text or the day is not one.
    """
    if valid_until is not None:
        try:
            date.fromisoformat(valid_until)
        except ValueError as error:
            raise BadRequestError("wrong_usage", f"{valid_until} is not a day YYYY-MM-DD") from error
    officer: dict[str, JsonValue] = {
        "number": check_text(number, "the number"),
        "name": check_text(name, "the name"),
        "unit": _check_unit(installation, unit),
        "certificate": check_text(certificate, "the certificate") if certificate else None,
        "valid_until": valid_until,
    }
    return _register(installation, actor, "officer", str(officer["number"]), officer)


def _check_unit(installation: Installation, code: str | None) -> str | None:
    if code is None:
        return None
    if find_unit(installation.catalogue, code) is None:
        raise NotFoundError("not_found", f"there is no unit {code}")
    return code


def _register(installation: Installation, actor: Actor, kind: str, key: str, facts: dict[str, JsonValue]) -> bool:
    find = find_unit if kind == "unit" else find_officer
    existing = find(installation.catalogue, key)
    if existing is None:
        claim = f"{kind}:{sha256_hex(key.encode())}"
        event = Event(f"{kind}.added", kind, new_id(), {kind: facts}, expected_version=0, claims=(claim,))
        try:
            installation.custody.record(actor, event)
        except DuplicateClaimError:
            existing = find(installation.catalogue, key)
        else:
            return True
    if existing is None or any(existing[name] != value for name, value in facts.items()):
        raise ConflictedError("already_exists", f"{kind} {key} is registered with other facts")
    return False

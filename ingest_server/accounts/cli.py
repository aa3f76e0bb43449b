"""Commands ``token``, ``auditor``, ``unit``, ``officer`` and ``user``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ingest_server.commands import (
    clean,
    data_option,
    json_option,
    open_installation,
    print_json,
    reason_option,
    refuse_in_words,
)
from ingest_server.permissions import ROLES

if TYPE_CHECKING:
    from pathlib import Path

days_option = click.option(
    "--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long it is good, in days."
)


def _add(data: Path, name: str, role: str, days: int) -> None:
    from ingest_server.accounts.tokens import add_token
    from ingest_server.custody.actors import operator_actor

    with open_installation(data) as installation:
        click.echo(add_token(installation, operator_actor(), name, role, timedelta(days=days)))


@click.group()
def token() -> None:
    """Tokens for programs that use the API."""


@token.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What the token may do.")
@days_option
@data_option
@refuse_in_words
def add_token_command(name: str, role: str, days: int, data: Path) -> None:
    """Make a token; it is printed once, alone on the last line."""
    _add(data, name, role, days)


@token.command("revoke")
@click.argument("name")
@reason_option
@data_option
@refuse_in_words
def revoke_token_command(name: str, reason: str, data: Path) -> None:
    """Revoke every token of a name."""
    from ingest_server.accounts.tokens import revoke_token
    from ingest_server.custody.actors import operator_actor

    with open_installation(data) as installation:
        revoke_token(installation, operator_actor(), name, reason)


@click.group()
def auditor() -> None:
    """Tokens for outsiders who read the ledger."""


@auditor.command("add")
@click.argument("name")
@days_option
@data_option
@refuse_in_words
def add_auditor_command(name: str, days: int, data: Path) -> None:
    """Make a token for /ledger; it is printed once, alone on the last line."""
    _add(data, name, "auditor", days)


@click.group()
def unit() -> None:
    """Units of the agency, one below another."""


@unit.command("add")
@click.argument("code")
@click.option("--name", required=True, help="What the unit is called.")
@click.option("--parent", help="Code of the unit it belongs to.")
@data_option
@refuse_in_words
def add_unit_command(code: str, name: str, parent: str | None, data: Path) -> None:
    """Register a unit; the same again changes nothing."""
    from ingest_server.accounts.registers import add_unit
    from ingest_server.custody.actors import operator_actor

    with open_installation(data) as installation:
        is_new = add_unit(installation, operator_actor(), code, name, parent)
    click.echo(f"{'registered' if is_new else 'already there'}: {clean(code)}", err=True)


@click.group()
def officer() -> None:
    """Officers and their numbers, which recorders and names claim."""


@officer.command("add")
@click.argument("number")
@click.option("--name", required=True, help="The officer's name.")
@click.option("--unit", "unit_code", help="Code of the officer's unit.")
@click.option("--certificate", help="Number of the law-enforcement certificate (执法证).")
@click.option("--valid-until", help="Last day of the certificate, YYYY-MM-DD.")
@data_option
@refuse_in_words
def add_officer_command(
    number: str, name: str, unit_code: str | None, certificate: str | None, valid_until: str | None, data: Path
) -> None:
    """Register an officer; the same again changes nothing."""
    from ingest_server.accounts.registers import add_officer
    from ingest_server.custody.actors import operator_actor

    with open_installation(data) as installation:
        is_new = add_officer(
            installation,
            operator_actor(),
            number,
            name,
            unit=unit_code,
            certificate=certificate,
            valid_until=valid_until,
        )
    click.echo(f"{'registered' if is_new else 'already there'}: {clean(number)}", err=True)


@click.group()
def user() -> None:
    """Accounts of people who sign in to the pages."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What the account may do.")
@click.option("--officer", "officer_number", help="The officer number it belongs to.")
@click.option("--unit", "unit_code", help="Code of its unit; the officer's unit where it is left out.")
@data_option
@refuse_in_words
def add_user_command(name: str, role: str, officer_number: str | None, unit_code: str | None, data: Path) -> None:
    """Make an account; prints the one-time link by which the person sets a password, alone on the last line."""
    from ingest_server.accounts.users import add_user
    from ingest_server.custody.actors import operator_actor

    with open_installation(data) as installation:
        click.echo(add_user(installation, operator_actor(), name, role, officer=officer_number, unit=unit_code))


@user.command("link")
@click.argument("name")
@data_option
@refuse_in_words
def renew_link_command(name: str, data: Path) -> None:
    """Make another one-time link, as after a forgotten password; printed alone on the last line."""
    from ingest_server.accounts.users import renew_link
    from ingest_server.custody.actors import operator_actor

    with open_installation(data) as installation:
        click.echo(renew_link(installation, operator_actor(), name))


@user.command("list")
@data_option
@json_option
@refuse_in_words
def list_users_command(data: Path, *, as_json: bool) -> None:
    """List the accounts."""
    from ingest_server.accounts.queries import list_accounts

    with open_installation(data) as installation:
        rows = list_accounts(installation.catalogue)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        facts = f"{row['role']:<22}  officer {row['officer'] or '-'}  unit {row['unit'] or '-'}"
        click.echo(f"{row['status']:<8}  {clean(row['name'])}  {clean(facts)}")
    if not rows:
        click.echo("no accounts yet; make one: ingest-server user add NAME --role ROLE", err=True)


commands: list[click.Command] = [token, auditor, unit, officer, user]

"""Commands ``token`` and ``auditor``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ingest_server.commands import data_option, open_installation, reason_option, refuse_in_words
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


commands: list[click.Command] = [token, auditor]

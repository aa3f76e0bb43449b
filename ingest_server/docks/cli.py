"""Commands ``dock`` and ``recorder``."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def dock() -> None:
    """Docks: enrolment, register, revocation."""


@dock.command("add")
@click.argument("name")
@data_option
@refuse_in_words
def add_dock_command(name: str, data: Path) -> None:
    """Prepare a dock's enrolment; prints the code, good for one hour, once."""
    from ingest_server.custody.actors import operator_actor
    from ingest_server.docks.commands import add_dock

    with open_installation(data) as installation:
        code = add_dock(installation, operator_actor(), name)
        click.echo("enrolment code, good for one hour, once:", err=True)
        click.echo(code)


@dock.command("list")
@data_option
@json_option
@refuse_in_words
def list_docks_command(data: Path, *, as_json: bool) -> None:
    """List the docks."""
    from ingest_server.docks.queries import list_docks

    with open_installation(data) as installation:
        rows = list_docks(installation.catalogue)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        last = row["last_docked_at"] or "-"
        click.echo(f"{row['dock_id']}  {row['status']:<8}  {clean(row['name'])}  last docking {last}")
    if not rows:
        click.echo("no docks yet; enrol one: ingest-server dock add NAME", err=True)


@dock.command("revoke")
@click.argument("name")
@reason_option
@data_option
@refuse_in_words
def revoke_dock_command(name: str, reason: str, data: Path) -> None:
    """Revoke a dock by name or id; nothing it signs is taken from then on."""
    from ingest_server.custody.actors import operator_actor
    from ingest_server.docks.commands import revoke_dock

    with open_installation(data) as installation:
        revoke_dock(installation, operator_actor(), name, reason)


@click.group()
def recorder() -> None:
    """Recorders seen at docks."""


@recorder.command("list")
@data_option
@json_option
@refuse_in_words
def list_recorders_command(data: Path, *, as_json: bool) -> None:
    """List the recorders, last docked first."""
    from ingest_server.docks.queries import list_recorders

    with open_installation(data) as installation:
        rows = list_recorders(installation.catalogue)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        serial = clean(row["hardware_serial"] or row["serial"] or "-")
        click.echo(f"{row['recorder_id']}  {serial}  by {row['basis']}  last docked {row['last_docked_at']}")


commands: list[click.Command] = [dock, recorder]

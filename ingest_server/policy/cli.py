"""Command ``policy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest_server.commands import (
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
def policy() -> None:
    """Policy values: data with a source, changed only by events."""


@policy.command()
@data_option
@json_option
@refuse_in_words
def show(data: Path, *, as_json: bool) -> None:
    """Show every value in force with its source."""
    from ingest_server.policy.values import load_defaults, read_policy

    with open_installation(data) as installation:
        values = read_policy(installation)
    if as_json:
        print_json(values)
        return
    for key, default in sorted(load_defaults().items()):
        mark = "" if values[key] == default.value else f" (default {default.value})"
        click.echo(f"{key} = {values[key]}{mark}\n    {default.note}\n    source: {default.source}")


@policy.command("set")
@click.argument("key")
@click.argument("value")
@reason_option
@data_option
@refuse_in_words
def set_command(key: str, value: str, reason: str, data: Path) -> None:
    """Change one value; an event."""
    from ingest_server.custody.actors import operator_actor
    from ingest_server.policy.values import change_policy

    with open_installation(data) as installation:
        is_changed = change_policy(installation, operator_actor(), key, value, reason)
    click.echo(f"{key} = {value}{'' if is_changed else ' (as before)'}", err=True)


commands: list[click.Command] = [policy]

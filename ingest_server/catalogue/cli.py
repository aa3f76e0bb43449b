"""Command ``catalogue``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ingest_server.commands import clean, data_option, open_installation, refuse_in_words

if TYPE_CHECKING:
    from pathlib import Path


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {total} events", nl=done == total, err=True)


@click.group()
def catalogue() -> None:
    """The catalogue: tables derived from the ledger, which may be deleted at any time."""


@catalogue.command()
@data_option
@refuse_in_words
def rebuild(data: Path) -> None:
    """Build the catalogue anew from the ledger."""
    with open_installation(data) as installation:
        count = installation.catalogue.rebuild(_tell)
    click.echo(f"rebuilt from {count} events")


@catalogue.command()
@data_option
@refuse_in_words
def check(data: Path) -> None:
    """Compare the catalogue with one built anew, row for row; exit 1 names what differs."""
    with open_installation(data) as installation:
        differences = installation.catalogue.check(_tell)
    for line in differences:
        click.echo(clean(line))
    click.echo("the catalogue differs from the ledger" if differences else "the catalogue is what the ledger says")
    sys.exit(1 if differences else 0)


commands: list[click.Command] = [catalogue]

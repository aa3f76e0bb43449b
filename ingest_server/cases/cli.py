"""Command ``casefile``."""

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

stage_option = click.option(
    "--stage",
    required=True,
    help="Procedural stage: initiation, investigation, review, decision, service, execution or archiving.",
)


@click.group()
def casefile() -> None:
    """Case files (案卷) and what is attached to their stages."""


@casefile.command("add")
@click.argument("number")
@click.option("--title", required=True, help="What the matter is.")
@data_option
@refuse_in_words
def add_command(number: str, title: str, data: Path) -> None:
    """Open a case file; the same again changes nothing."""
    from ingest_server.cases.commands import add_casefile
    from ingest_server.custody.actors import operator_actor

    with open_installation(data) as installation:
        is_new = add_casefile(installation, operator_actor(), number, title)
    click.echo(f"case file {clean(number)} {'opened' if is_new else 'was there already'}", err=True)


@casefile.command("attach")
@click.argument("number")
@click.argument("evidence_ids", metavar="EVIDENCE_ID…", nargs=-1, required=True)
@stage_option
@reason_option
@data_option
@refuse_in_words
def attach_command(number: str, evidence_ids: tuple[str, ...], stage: str, reason: str, data: Path) -> None:
    """Attach recordings to a stage, all or none."""
    from ingest_server.cases.commands import attach_recordings
    from ingest_server.custody.actors import operator_actor
    from ingest_server.recordings.api import read_evidence_id

    with open_installation(data) as installation:
        ids = [read_evidence_id(text) for text in evidence_ids]
        count = attach_recordings(installation, operator_actor(), number, ids, stage=stage, reason=reason)
    click.echo(f"{count} attached, {len(set(ids)) - count} were already", err=True)


@casefile.command("detach")
@click.argument("number")
@click.argument("evidence_ids", metavar="EVIDENCE_ID…", nargs=-1, required=True)
@stage_option
@reason_option
@data_option
@refuse_in_words
def detach_command(number: str, evidence_ids: tuple[str, ...], stage: str, reason: str, data: Path) -> None:
    """Detach recordings from a stage, all or none; the history keeps both acts."""
    from ingest_server.cases.commands import detach_recordings
    from ingest_server.custody.actors import operator_actor
    from ingest_server.recordings.api import read_evidence_id

    with open_installation(data) as installation:
        ids = [read_evidence_id(text) for text in evidence_ids]
        count = detach_recordings(installation, operator_actor(), number, ids, stage=stage, reason=reason)
    click.echo(f"{count} detached", err=True)


@casefile.command("list")
@data_option
@json_option
@refuse_in_words
def list_command(data: Path, *, as_json: bool) -> None:
    """List the case files."""
    from ingest_server.cases.queries import list_casefiles

    with open_installation(data) as installation:
        rows = list_casefiles(installation.catalogue)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{clean(row['number'])}  {row['recordings']} recordings  {clean(row['title'])}")
    if not rows:
        click.echo("no case files yet; open one: ingest-server casefile add NUMBER --title …", err=True)


commands: list[click.Command] = [casefile]

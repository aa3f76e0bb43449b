"""Commands ``search``, ``history`` and ``fixity``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ingest_server.commands import clean, data_option, json_option, open_installation, print_json, refuse_in_words

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_server.recordings.fixity import FixityResult


def _read_time(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    from ingest_server.errors import BadRequestError
    from ingest_server.recordings.queries import read_local_time

    try:
        return read_local_time(text)
    except BadRequestError as error:
        raise click.BadParameter(error.detail) from error


@click.command()
@click.option("--officer", help="Officer number as claimed by names or sidecars.")
@click.option("--recorder", help="Recorder id, or serial as claimed.")
@click.option(
    "--from",
    "since",
    callback=_read_time,
    help="Earliest start by the recorder's clock: YYYY-MM-DD or with THH:MM:SS.",
)
@click.option(
    "--to",
    "until",
    callback=_read_time,
    help="Latest start by the recorder's clock; a day alone means the whole day.",
)
@click.option("--case", help="Number of the case file it is attached to.")
@click.option("--text", help="Words, each found in path, claims, evidence id, officer's name, case number or title.")
@click.option("--unit", help="Code of a unit; units below it count.")
@click.option("--stage", help="Procedural stage at which it is attached.")
@click.option("--label", help="A label it carries, whole as the policy lists it or as it was typed.")
@data_option
@json_option
@refuse_in_words
def search(
    officer: str | None,
    recorder: str | None,
    since: str | None,
    until: str | None,
    case: str | None,
    text: str | None,
    unit: str | None,
    stage: str | None,
    label: str | None,
    data: Path,
    *,
    as_json: bool,
) -> None:
    """Find recordings; every given condition must hold."""
    from ingest_server.recordings.api import show_row
    from ingest_server.recordings.queries import PAGE_SIZE, RecordingFilter, search_recordings

    wanted = RecordingFilter(officer, recorder, since, until, case, text, unit=unit, stage=stage, label=label)
    found = []
    before = None
    with open_installation(data) as installation:
        while page := search_recordings(installation.catalogue, wanted, before=before):
            found += [show_row(row) for row in page]
            before = page[-1]["received_index"]
            if len(page) < PAGE_SIZE:
                break
        size = installation.ledger.checkpoint()[0].size
    if as_json:
        print_json(found)
        return
    for row in found:
        started = row["started_local"] or "no time claimed"
        click.echo(f"{row['evidence_id']}  {started:<19}  {row['size']:>12}  {clean(row['path'])}")
    click.echo(f"{len(found)} found; searched everything recorded up to ledger index {size - 1}", err=True)


@click.command()
@click.argument("evidence_id")
@data_option
@json_option
@refuse_in_words
def history(evidence_id: str, data: Path, *, as_json: bool) -> None:
    """Show the custody history of a recording, with where each event stands in the ledger."""
    from ingest_server.recordings.api import read_evidence_id
    from ingest_server.recordings.history import read_history

    with open_installation(data) as installation:
        events = read_history(installation, read_evidence_id(evidence_id))
    if as_json:
        print_json(events)
        return
    for event in events:
        actor = event["parts"].get("actor") or {}
        reason = event["parts"].get("reason")
        state = "proved" if event["is_proved"] else "waiting for a checkpoint"
        line = (
            f"{event['time']}  {event['type']:<26}  {clean(actor.get('name', '(erased)'))}  [{event['index']}: {state}]"
        )
        click.echo(f"{line}  {clean(reason)}" if reason else line)
    click.echo(f"{len(events)} events; no outside witness is configured", err=True)


@click.command()
@click.argument("evidence_ids", metavar="[EVIDENCE_ID]…", nargs=-1)
@data_option
@json_option
@refuse_in_words
def fixity(evidence_ids: tuple[str, ...], data: Path, *, as_json: bool) -> None:
    """Read originals and their locks again, all or the named ones; exit 1 names what is wrong."""
    from chain_of_custody.identities import show_id
    from ingest_server.custody.actors import operator_actor
    from ingest_server.recordings.api import read_evidence_id
    from ingest_server.recordings.fixity import check_fixity

    def tell(result: FixityResult, number: int, count: int) -> None:
        if sys.stderr.isatty() or number == count:
            click.echo(f"\r{number} of {count} read again", nl=number == count, err=True)
        if result.problem and not as_json:
            click.echo(f"{show_id(result.evidence_id)}  {result.problem}")

    with open_installation(data) as installation:
        ids = [read_evidence_id(text) for text in evidence_ids]
        results = check_fixity(installation, operator_actor(), ids, tell)
    failed = [result for result in results if result.problem]
    if as_json:
        shown = [{"evidence_id": show_id(result.evidence_id), "problem": result.problem} for result in failed]
        print_json({"checked": len(results), "failed": shown})
    else:
        click.echo(f"{len(results)} read again, {len(failed)} wrong")
    sys.exit(1 if failed else 0)


commands: list[click.Command] = [search, history, fixity]

"""Command ``export``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ingest_server.commands import data_option, open_installation, reason_option, refuse_in_words


@click.command()
@click.argument("number")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The package's file; never overwritten.",
)
@reason_option
@data_option
@refuse_in_words
def export(number: str, out: Path, reason: str, data: Path) -> None:
    """Export a case file as a package that a stranger verifies offline."""
    from ingest_server.custody.actors import operator_actor
    from ingest_server.exports.commands import export_casefile

    columns = (TextColumn("writing · 写入"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True))
    task = progress.add_task("writing", total=None)

    def tell(done: int, total: int) -> None:
        # Begun with the first byte: an export that is refused before says its one line and nothing else.
        progress.start()
        progress.update(task, completed=done, total=total)

    with open_installation(data) as installation:
        try:
            result = export_casefile(installation, operator_actor(), number, out, reason, tell)
        finally:
            if progress.live.is_started:
                progress.stop()
    click.echo(f"{result.recordings} recordings, {result.size} bytes, sha2-256 {result.sha256}", err=True)
    click.echo(str(out))


commands: list[click.Command] = [export]

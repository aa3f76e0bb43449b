"""The command ``ingest-server demo``."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("demo-data"),
    show_default=True,
    help="Folder for everything the demonstration makes.",
)
@click.option(
    "--footage",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Use the files of this folder instead of made footage.",
)
@click.option(
    "--store",
    type=click.Choice(["directory", "minio"]),
    default="directory",
    show_default=True,
    help="Where originals go; minio starts a real one on the loopback address.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the server; 0 chooses 8400 or a free one."
)
def demo(data: Path, footage: Path | None, store: str, port: int) -> None:
    """Dock recorders, seal, link to a case file, export and verify, with the real programs.

    EVIDOCK_DEMO=once ends after the verification and prints one JSON line last.
    """
    from ingest_server.demo.programs import ProgramFailedError
    from ingest_server.demo.walk import DemoOptions, run_demo

    once = os.environ.get("EVIDOCK_DEMO") == "once"
    try:
        code = run_demo(DemoOptions(data.absolute(), footage, store, port, once))
    except ProgramFailedError as error:
        click.echo(str(error), err=True)
        code = 1
    except KeyboardInterrupt:
        code = 0
    raise SystemExit(code)


commands: list[click.Command] = [demo]

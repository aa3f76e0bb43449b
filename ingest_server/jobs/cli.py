"""Command ``worker``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingest_server.commands import data_option, open_installation, refuse_in_words

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@data_option
@click.option(
    "--jobs", type=click.IntRange(1, 16), default=1, show_default=True, help="Jobs at once; each takes a processor."
)
@click.option("--until-idle", is_flag=True, help="End when nothing is left to do now.")
@click.option("--again", metavar="EVIDENCE_ID", help="Ask for one recording to be looked at again, and end.")
@click.option("--child", is_flag=True, hidden=True, help="End with the standard input; how serve starts it.")
@refuse_in_words
def worker(data: Path, *, jobs: int, until_idle: bool, again: str | None, child: bool) -> None:
    """Do background work: facts, posters, thumbnails and first signs of quality; serve runs one by itself.

    Several may run on one data folder. SIGTERM or Ctrl-C ends it after the step under way; nothing is lost however it
    ends.
    """
    if again is not None:
        from chain_of_custody.identities import parse_shown_id
        from ingest_server.custody.actors import operator_actor
        from ingest_server.jobs.commands import request_work

        with open_installation(data) as installation:
            request_work(installation, operator_actor(), parse_shown_id(again))
        return
    from ingest_server.jobs.working import run_worker
    from ingest_server.log import set_up_logging

    set_up_logging()
    with open_installation(data) as installation:
        run_worker(installation, threads=jobs, until_idle=until_idle, is_child=child)


commands: list[click.Command] = [worker]

"""What every command of the command line shares: the data folder, exit codes, and where text goes."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chain_of_custody.errors import CustodyError
from chain_of_custody.instants import utc_clock
from ingest_server.errors import ServerError
from ingest_server.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest_server.installation import Installation

CommandT = TypeVar("CommandT", bound="Callable[..., Any]")

# Where the detail says it all, the general sentence before it would only be in the way.
_GENERAL = frozenset({"already_exists", "catalogue_damaged", "database_damaged", "not_found", "wrong_usage"})

data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="The data folder."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
reason_option = click.option("--reason", required=True, help="Why; recorded with the act.")


def refuse_in_words(function: CommandT) -> CommandT:
    """Turn every refusal into one line on standard error and exit code 1."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except (ServerError, CustodyError, StoreError, OSError) as error:
            message = " ".join(_say(error).split())
            click.echo(f"{click.get_current_context().command_path}: {message}", err=True)
            sys.exit(1)

    return run  # type: ignore[return-value]  # wraps keeps the signature


def _say(error: Exception) -> str:
    return error.detail if isinstance(error, ServerError) and error.code in _GENERAL and error.detail else str(error)


def open_installation(data: Path) -> Installation:
    """Open the data folder of a command."""
    from ingest_server.installation import Installation

    return Installation.open(data, utc_clock)


def print_json(value: Any) -> None:
    """Print one JSON value on one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def clean(text: object) -> str:
    """A text that came from outside, without control and bidirectional characters, for a terminal."""
    from chain_of_custody.sentences import show_safely

    return show_safely(str(text))

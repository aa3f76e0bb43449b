"""The command line ``dock-agent``."""

from __future__ import annotations

import functools
import io
import json
import logging
import signal
import sys
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.errors import AgentError
from chain_of_custody.errors import CustodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.dock import Dock
    from agent.progress import Reporter
    from agent.rack.board import Board

CommandT = TypeVar("CommandT", bound="Callable[..., Any]")
home_option = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), required=True, help="The dock home."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def refuse_in_words(function: CommandT) -> CommandT:
    """Turn every refusal into one line on standard error and exit code 1."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except (AgentError, CustodyError, OSError) as error:
            message = " ".join(str(error).split())
            click.echo(f"{click.get_current_context().command_path}: {message}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("stopped; what was sealed is sealed, the rest stays on the recorder · 已停止", err=True)
            sys.exit(1)

    return run  # type: ignore[return-value]  # wraps keeps the signature


@contextmanager
def open_dock(home: Path, wait_s: float, reporter: Reporter) -> Iterator[Dock]:
    """Hold a dock home, open everything in it, and remove what a crash left in its spool."""
    from agent.config import hold_home
    from agent.dock import Dock
    from agent.pending import sweep_leftovers
    from agent.retrying import Patience
    from chain_of_custody.instants import utc_clock

    with hold_home(home):
        dock = Dock.open(home, Patience(wait_s, reporter.say), reporter, utc_clock)
        try:
            sweep_leftovers(dock)
            yield dock
        finally:
            dock.close()


@contextmanager
def _open_screen(dock: Dock, board: Board, address: str | None) -> Iterator[None]:
    """Serve the dock's screen where an address is given."""
    if address is None:
        yield
        return
    from agent.screen.serving import read_dock, serve_screen

    with serve_screen(read_dock(dock, board, threading.Event()), address) as url:
        dock.reporter.say(f"the dock's screen is at {url} · 采集站屏幕")
        yield


def _stop_on_signals() -> None:
    """Let the service manager's request end a run as the person's Ctrl-C does, also one that a script started."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evidock")
def main() -> None:
    """Take recordings from docked recorders, send them and prove it. · 采集、上传、固证。

    Results go to standard output, progress and messages to standard error. Exit status: 0 done, 1 refused or failed
    with the reason in one line, 2 wrong usage.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end a docking.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@main.command()
@click.option("--server", required=True, help="The server's address.")
@click.option("--code", required=True, help="The enrolment code, from: ingest-server dock add NAME.")
@home_option
@click.option(
    "--ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificates to believe, for a server behind a proxy.",
)
@refuse_in_words
def enrol(server: str, code: str, home: Path, ca: Path | None) -> None:
    """Enrol this dock: both sides prove that they know the code, and keys are pinned."""
    from agent.enrolling import enrol as run

    config = run(home, server, code, str(ca.absolute()) if ca else None)
    click.echo(f"enrolled as {config.name} at {config.server}; ledger {config.origin}", err=True)
    click.echo(config.dock_id)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False))
@home_option
@click.option("--clear", is_flag=True, help="Clear sealed files from the recorder, where policy allows it now.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Seconds to retry an unreachable server.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line as states change.")
@refuse_in_words
def acquire(path: Path, home: Path, wait_s: float, *, clear: bool, as_json: bool) -> None:
    """Take everything one recorder volume holds; exit 0 only if everything found is sealed."""
    from agent.acquisition import acquire_volume
    from agent.pending import finish_pending
    from agent.progress import Reporter

    _stop_on_signals()
    with Reporter(as_json=as_json) as reporter, open_dock(home, wait_s, reporter) as dock:
        run = acquire_volume(dock, path, is_clearing=clear)
        try:
            if not dock.is_offline and not dock.patience.is_ended:
                # The recorder at hand comes first; then what earlier dockings left at this dock.
                finish_pending(dock, lambda row: nullcontext(not run.has_taken(row)))
        finally:
            # Whatever becomes of the rest: how this recorder ended is told.
            reporter.finish(run.summary)
    sys.exit(0 if run.summary.is_complete else 1)


@main.command()
@home_option
@click.option(
    "--watch",
    "folders",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    help="Folder whose direct subfolders are volumes; may be given again.",
)
@click.option(
    "--quiet",
    "quiet_s",
    type=click.FloatRange(0.1),
    default=10.0,
    show_default=True,
    help="Seconds a watched folder must be unchanged.",
)
@click.option(
    "--slots",
    type=click.IntRange(1, 64),
    default=24,
    show_default=True,
    help="Recorders taken at a time; more wait for a free slot.",
)
@click.option(
    "--screen",
    is_flag=False,
    flag_value="127.0.0.1:8765",
    metavar="[HOST:PORT]",
    help="Serve the dock's screen, a page for a browser on this machine.  [without an address: 127.0.0.1:8765]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line as states change.")
@refuse_in_words
def run(
    home: Path, folders: tuple[Path, ...], quiet_s: float, slots: int, screen: str | None, *, as_json: bool
) -> None:
    """Watch for recorders and take what each holds, until stopped; a table of the slots where there is a terminal."""
    from agent.daemon import Daemon
    from agent.progress import Reporter
    from agent.rack.table import make_table

    ended = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: ended.set())
    with Reporter(as_json=as_json) as reporter, open_dock(home, 60.0, reporter) as dock:
        daemon = Daemon(dock, folders, quiet_s=quiet_s, slots=slots)
        reporter.show_instead(lambda: make_table(daemon.board.read()[1]))
        with _open_screen(dock, daemon.board, screen):
            daemon.run(ended)


@main.command()
@home_option
@json_option
@refuse_in_words
def status(home: Path, *, as_json: bool) -> None:
    """Say what this dock has taken and what is not safe yet."""
    from agent.health import read_status
    from chain_of_custody.instants import utc_clock

    value = read_status(home, utc_clock)
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False))
        return
    click.echo(f"{value['name']} at {value['server']}, ledger {value['origin']}")
    for state, count in sorted(value["files"].items()):
        click.echo(f"  {state:<12} {count}")
    spool = value["spool"]
    click.echo(
        f"  spool ({spool['policy']}): {spool['files']} files, {spool['bytes']} bytes, {spool['per_cent']} % full"
    )
    if value["not_sealed"]:
        click.echo(f"{value['not_sealed']} files are not sealed · {value['not_sealed']} 个文件尚未固证")
        for file in value["unsafe"]:
            reason = f": {file['reason']}" if file["reason"] else ""
            click.echo(f"  {file['state']:<12} {file['path']} (bytes are in the {file['bytes_are']}){reason}")
        click.echo("Keep their recorders as they are and dock them again · 请保留记录仪内容，重新接入")
    else:
        click.echo("everything taken is sealed · 全部已固证")


@main.command()
@home_option
@json_option
@refuse_in_words
def doctor(home: Path, *, as_json: bool) -> None:
    """Look for everything that can be wrong and say how to mend it; exit 1 if something is."""
    from dataclasses import asdict

    from agent.health import diagnose
    from chain_of_custody.instants import utc_clock

    found = diagnose(home, utc_clock)
    if as_json:
        click.echo(json.dumps([asdict(item) for item in found], ensure_ascii=False))
    else:
        for item in found:
            click.echo(f"{'ok   ' if item.is_well else 'WRONG'}  {item.name:<9} {item.seen}")
            if item.mend:
                click.echo(f"       {'':<9} → {item.mend}")
    sys.exit(0 if all(item.is_well for item in found) else 1)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--recorders", type=click.IntRange(1, 64), default=4, show_default=True, help="How many to make.")
@click.option("--recordings", type=click.IntRange(1, 10_000), default=4, show_default=True, help="Recordings on each.")
@click.option("--size", "size_mib", type=click.FloatRange(0.001), default=4.0, show_default=True, help="MiB of one.")
@click.option(
    "--footage",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of real clips to take the content from; without it, noise in a container.",
)
@click.option("--fault", "faults", multiple=True, help="NAME or NUMBER=NAME: a fault of the next or that recorder.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same recorders.")
@json_option
@refuse_in_words
def simulate(
    folder: Path,
    recorders: int,
    recordings: int,
    size_mib: float,
    footage: Path | None,
    faults: tuple[str, ...],
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Make simulated recorders as folders below FOLDER, to try a dock with; nothing is ever written over."""
    from agent.recorders.making import make_recorders

    for line in make_recorders(
        folder, recorders, recordings, int(size_mib * 2**20), footage, faults, seed, as_json=as_json
    ):
        click.echo(line)


@main.command("profile-check")
@click.argument("profile", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--volume",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Also say what of this real volume is understood; nothing is written to it.",
)
@refuse_in_words
def profile_check(profile: Path, volume: Path | None) -> None:
    """Check a recorder profile: its examples, its patterns, hostile names; exit 1 if something is wrong."""
    from agent.recorders.conformance import check_profile, read_volume
    from agent.recorders.profile import ProfileError, parse_profile

    try:
        read = parse_profile(profile.read_text(encoding="utf-8"))
    except (ProfileError, UnicodeDecodeError) as error:
        raise AgentError(f"{profile} is no profile: {error}") from error
    checks = check_profile(read)
    for check in checks:
        click.echo(
            f"{'WRONG' if check.problem else 'ok   '}  {check.what}{': ' if check.problem else ''}{check.problem}"
        )
    if volume is not None:
        seen = read_volume(volume, read)
        click.echo(f"{volume}: recognised as {seen.family}, {seen.files} files")
        for name, count in sorted(seen.claims.items()):
            click.echo(f"  {name:<14} claimed by {count}")
        for shown in seen.unparsed:
            click.echo(f"  unknown name   {shown}")
    sys.exit(1 if any(check.problem for check in checks) else 0)

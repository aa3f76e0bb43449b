"""``custody``: verify, inspect, fsck and keygen; for anyone, without a server."""

import json
import os
import sys
from pathlib import Path

import click

from chain_of_custody.errors import CustodyError, MalformedError, VerificationError
from chain_of_custody.findings import Finding
from chain_of_custody.inspecting import inspect_file
from chain_of_custody.log_export import check_log_export
from chain_of_custody.note import Verifier, check_key_name, format_vkey, parse_vkey
from chain_of_custody.remote_ledger import open_remote_ledger
from chain_of_custody.sentences import show_safely
from chain_of_custody.signing import SigningKey, write_key
from chain_of_custody.standalone import choose_language, verify_and_print

__all__ = ["main"]


@click.group()
def main() -> None:
    """Check packages, receipts and ledgers of Evidock alone, offline and without the agency's server."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A terminal that cannot show a character gets its escape, never a traceback.
            reconfigure(errors="backslashreplace")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--vkey", "vkeys", multiple=True, metavar="KEY", help="A log's verifier key, obtained from the agency.")
@click.option("--policy", "policies", multiple=True, metavar="FILE", help="A C2SP tlog-policy file.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer for programs.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="Language of the answer (default: by LANG).")
def verify(file: Path, vkeys: tuple[str, ...], policies: tuple[str, ...], *, as_json: bool, lang: str | None) -> None:
    """Verify a package or receipt.

    Exit status: 0 everything is proved under the trust given from outside; 1 something is false; 2 it cannot be
    judged (no trust given, unreadable, unknown format).
    """
    language = choose_language(lang, os.environ.get("LC_ALL") or os.environ.get("LANG") or "")
    try:
        status = verify_and_print(str(file), vkeys, policies, as_json=as_json, language=language, out=sys.stdout)
    except (MalformedError, OSError) as error:
        raise click.UsageError(str(error)) from error
    sys.exit(status)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def inspect(file: Path) -> None:
    """Show what a package or receipt says, as JSON, without judging any of it."""
    try:
        found = inspect_file(file)
    except (CustodyError, OSError) as error:
        click.echo(f"custody inspect: {show_safely(str(error))}", err=True)
        sys.exit(1)
    click.echo(json.dumps(found, ensure_ascii=True, indent=2))


@main.command()
@click.argument("place", metavar="DIR_OR_URL")
@click.option("--vkey", metavar="KEY", help="The log's verifier key; without it structure only is checked.")
@click.option("--token", metavar="TOKEN", help="An auditor's token, for a URL.")
@click.option("--json", "as_json", is_flag=True, help="Print findings for programs.")
def fsck(place: str, vkey: str | None, token: str | None, *, as_json: bool) -> None:
    """Check a whole ledger: a data folder, a folder of tiles, or a server's ledger.

    Exit status: 0 nothing is wrong; 1 something is, or it could not be read; 2 wrong usage, or no ledger there.
    """
    # The ledger's own store is loaded only here, so that verifying starts at once and needs none of it.
    from chain_of_custody.fsck import check_ledger

    try:
        source = open_remote_ledger(place, token) if "://" in place else Path(place)
        findings = check_ledger(source, vkey)
    except (CustodyError, OSError, ValueError) as error:
        click.echo(f"custody fsck: {show_safely(str(error))}", err=True)
        sys.exit(1 if isinstance(error, OSError) else 2)
    _print_findings(findings, is_signer_checked=vkey is not None, as_json=as_json)
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


def _print_findings(findings: list[Finding], *, is_signer_checked: bool, as_json: bool) -> None:
    is_clean = not any(finding.severity == "error" for finding in findings)
    if as_json:
        answer = {
            "clean": is_clean,
            "signer_checked": is_signer_checked,
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity,
                    "where": finding.where,
                    "message": finding.message,
                }
                for finding in findings
            ],
        }
        click.echo(json.dumps(answer, ensure_ascii=True, indent=2))
        return
    for finding in findings:
        click.echo(show_safely(f"{finding.severity}: {finding.where}: {finding.message} [{finding.code}]"))
    click.echo("clean" if is_clean else "NOT CLEAN")
    if not is_signer_checked:
        click.echo("signer not checked: no verifier key was given (--vkey)")


@main.command("check-log")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--vkey", metavar="KEY", required=True, help="The log's verifier key, obtained from the agency.")
def check_log(file: Path, vkey: str) -> None:
    """Check an export of the custody log with proofs, line by line.

    Exit status: 0 every line is in the log and says what was committed to; 1 something is false; 2 it is no such export
    or cannot be read. That no line between two others was left out is not checked: an export follows a filter.
    """
    count = 0
    try:
        with file.open(encoding="utf-8", newline="\n") as lines:
            for _ in check_log_export(lines, [parse_vkey(vkey)]):
                count += 1
    except VerificationError as error:
        click.echo(show_safely(f"FALSE after {count} lines: {error} [{error.code}]"))
        sys.exit(1)
    except (CustodyError, OSError, ValueError) as error:
        click.echo(f"custody check-log: {show_safely(str(error))}", err=True)
        sys.exit(2)
    click.echo(f"{count} lines are in the log and say what was committed to")


@main.command()
@click.option("--name", default="localhost/log", show_default=True, help="The key's name: for a log its origin.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="log-key.pem",
    show_default=True,
    help="The private key's new file.",
)
def keygen(name: str, out: Path) -> None:
    """Make a key pair for a log.

    The private key goes to a new file that only its owner can read, the verifier key to standard output.
    """
    key = SigningKey.generate()
    try:
        vkey = format_vkey(Verifier(check_key_name(name), key.public))
        if out.exists():
            raise FileExistsError(f"{out} exists")
        write_key(out, key)
    except (CustodyError, OSError) as error:
        click.echo(f"custody keygen: {error}", err=True)
        sys.exit(1)
    click.echo(f"private key: {out}", err=True)
    click.echo(vkey)

"""The command line ``ingest-server``; every command works on the data folder whether or not the server runs."""

from __future__ import annotations

from pathlib import Path

import click

from ingest_server.accounts import cli as accounts
from ingest_server.cases import cli as cases
from ingest_server.catalogue import cli as catalogue
from ingest_server.commands import data_option, open_installation, refuse_in_words
from ingest_server.demo import cli as demo
from ingest_server.docks import cli as docks
from ingest_server.exports import cli as exports
from ingest_server.jobs import cli as jobs
from ingest_server.policy import cli as policy
from ingest_server.recordings import cli as recordings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evidock")
def main() -> None:
    """Receive recordings, keep the custody ledger, link and export. · 接收、台账、关联、导出。

    Results go to standard output, progress and messages to standard error. Exit status: 0 done, 1 refused or failed
    with the reason in one line, 2 wrong usage.
    """


@main.command()
@data_option
@click.option("--origin", help="The ledger's name, DOMAIN/AGENCY; default localhost/FOLDER. The year is added.")
@click.option("--public-url", help="The server's address in links and part requests; default the one last served.")
@click.option(
    "--store",
    type=click.Choice(["directory", "s3"]),
    default="directory",
    show_default=True,
    help="Where originals go.",
)
@click.option("--s3-endpoint", help="Address of the S3 store as the server reaches it.")
@click.option("--s3-bucket", help="Bucket of the originals; made with versioning and Object Lock where it is missing.")
@click.option("--s3-dock-endpoint", help="Address of the same store as docks reach it; default --s3-endpoint.")
@click.option(
    "--s3-ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificates to believe at the store.",
)
@refuse_in_words
def init(
    data: Path,
    origin: str | None,
    public_url: str | None,
    store: str,
    s3_endpoint: str | None,
    s3_bucket: str | None,
    s3_dock_endpoint: str | None,
    s3_ca: Path | None,
) -> None:
    """Make a data folder: keys, ledger, store. The same again changes nothing.

    Credentials of an S3 store come from MINIO_ACCESS_KEY and MINIO_SECRET_KEY.
    """
    from chain_of_custody.instants import utc_clock
    from ingest_server.config import Config, check_public_url, make_origin
    from ingest_server.errors import BadRequestError
    from ingest_server.setup import read_vkey, set_up
    from ingest_server.store.settings import DirectorySettings, S3Settings

    if store == "s3":
        if not s3_endpoint or not s3_bucket:
            raise click.UsageError("--store s3 needs --s3-endpoint and --s3-bucket")
        try:
            settings: DirectorySettings | S3Settings = S3Settings(
                s3_endpoint, s3_bucket, s3_dock_endpoint or "", ca_file=s3_ca.absolute() if s3_ca else None
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    else:
        if s3_endpoint or s3_bucket or s3_dock_endpoint or s3_ca:
            raise click.UsageError("--s3-… options need --store s3")
        settings = DirectorySettings(data / "store")
    try:
        address = check_public_url(public_url) if public_url else None
        wanted = Config(make_origin(origin, data, utc_clock().year), address, settings)
    except BadRequestError as error:
        raise click.UsageError(error.detail) from error
    findings = set_up(data, wanted, utc_clock)
    click.echo(f"{'already there' if findings is None else 'made'}: {data}", err=True)
    if store == "directory":
        click.echo("the directory store is not protected against this machine's administrator", err=True)
    else:
        for finding in findings or ():
            click.echo(finding.message, err=True)
    click.echo(read_vkey(data))


@main.command()
@data_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8400, show_default=True, help="Port; 0 for any free one."
)
@click.option(
    "--tls-cert", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Certificate chain, PEM."
)
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its private key, PEM.")
@click.option("--behind-proxy", is_flag=True, help="Somebody else ends TLS in front of this server.")
@click.option("--no-worker", is_flag=True, help="Start no worker; run ingest-server worker elsewhere.")
@click.option("--open-ledger", is_flag=True, help="Let anyone read checkpoint and tiles, without a token.")
@refuse_in_words
def serve(
    data: Path,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    *,
    behind_proxy: bool,
    open_ledger: bool,
    no_worker: bool,
) -> None:
    """Serve docks and programs until stopped; prints one line when it accepts requests."""
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together")
    from ingest_server.log import set_up_logging
    from ingest_server.serving import serve as run

    set_up_logging()
    with open_installation(data) as installation:
        run(
            installation,
            host=host,
            port=port,
            tls_cert=tls_cert,
            tls_key=tls_key,
            is_behind_proxy=behind_proxy,
            is_ledger_open=open_ledger,
            has_worker=not no_worker,
        )


@main.command("ledger-key")
@data_option
@refuse_in_words
def ledger_key(data: Path) -> None:
    """Print the log's verifier key (vkey): what a stranger needs to verify packages."""
    from ingest_server.setup import read_vkey

    click.echo(read_vkey(data))


for _commands in (accounts, docks, cases, recordings, exports, catalogue, policy, jobs, demo):
    for _command in _commands.commands:
        main.add_command(_command)

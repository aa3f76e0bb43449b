"""``serve``: the server process, from the open data folder to the last request."""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import uvicorn

from chain_of_custody.enrolment import read_spki_digest
from chain_of_custody.errors import CustodyError
from chain_of_custody.instants import format_instant
from ingest_server.app import make_app
from ingest_server.context import ServerState
from ingest_server.custody.actors import server_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ServerError
from ingest_server.exports.jobs import sweep_packages
from ingest_server.exports.runner import ExportRunner
from ingest_server.installation import LAST_URL, Installation
from ingest_server.intake.intakes import CANARY_GOOD_AT, sweep_intakes
from ingest_server.intake.working import Working
from ingest_server.jobs.supervising import WorkerKeeper
from ingest_server.policy.values import read_count
from ingest_server.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chain_of_custody.canonical import JsonValue

log = logging.getLogger(__name__)
RETRY_CANARY = timedelta(minutes=1)


class Watch:
    """Background duties of a serving process: the canary on its schedule, and uploads nobody will finish."""

    def __init__(self, installation: Installation) -> None:
        """Watch over one installation."""
        self._installation = installation
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin; the first canary runs at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after what runs now."""
        self._ended.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._ended.is_set():
            pause = RETRY_CANARY
            try:
                if run_canary(self._installation):
                    pause = timedelta(hours=read_count(self._installation, "canary.every_hours"))
                sweep_intakes(self._installation)
                sweep_packages(self._installation)
            except (ServerError, StoreError, CustodyError):
                log.exception("a background duty failed; it is tried again")
            self._ended.wait(pause.total_seconds())


def run_canary(installation: Installation) -> bool:
    """Try the store, record the outcome as ``store.checked``, and say whether it held."""
    now = installation.clock()
    try:
        report = installation.store.run_canary(now)
        checks: list[JsonValue] = [
            {"name": check.name, "passed": check.passed, "detail": check.detail} for check in report.checks
        ]
        findings: list[JsonValue] = [
            {"code": f.code, "severity": f.severity, "where": f.where, "message": f.message} for f in report.findings
        ]
        is_good = report.ok
        for finding in report.findings:
            log.warning("%s: %s", finding.code, finding.message)
    except StoreError as error:
        checks, findings, is_good = [], [], False
        log.warning("the canary could not run: %s", error)
        if error.retryable:
            return False
    if is_good:
        installation.private.write_setting(CANARY_GOOD_AT, format_instant(now))
    else:
        failed = ", ".join(str(check["name"]) for check in checks if isinstance(check, dict) and not check["passed"])
        log.warning("the store failed the canary (%s); nothing is received until it holds", failed or "it refused")
        installation.private.execute("delete from settings where name = ?", CANARY_GOOD_AT)
    subject = store_subject(installation)
    event = Event(
        "store.checked", "store", subject, {"canary": {"ok": is_good, "checks": checks}, "findings": findings}
    )
    installation.custody.record(server_actor(), event)
    return is_good


def store_subject(installation: Installation) -> str:
    """The subject of events about the store as a whole."""
    from chain_of_custody.digests import sha256_hex

    return sha256_hex(f"evidock/subject/store/v1\n{installation.config.origin}".encode())[:32]


def serve(
    installation: Installation,
    *,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    is_behind_proxy: bool,
    is_ledger_open: bool,
    has_worker: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then end what is under way; prints one line when requests are accepted.

    Raises:
        BadRequestError: The address is reachable from outside and nothing protects the connection.
        StoreRefusedError: There is no account for the store.
    """
    if tls_cert is None and not is_behind_proxy and not _is_loopback(host):
        raise BadRequestError(
            "wrong_usage", f"{host} is reachable from outside: give --tls-cert and --tls-key, or --behind-proxy"
        )
    spki = read_spki_digest(tls_cert.read_bytes()) if tls_cert and not is_behind_proxy else None
    # Opened here, so that a server without an account for its store does not come up at all.
    log.debug("originals are in a store of kind %s", installation.store.kind)
    working = Working()
    state = ServerState(installation, working, spki, is_behind_proxy, is_ledger_open)
    config = uvicorn.Config(
        make_app(state),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        timeout_keep_alive=75,
        server_header=False,
        proxy_headers=is_behind_proxy,
    )
    listener = _listen(config)
    scheme = "https" if tls_cert else "http"
    url = f"{scheme}://{_show_host(host)}:{listener.getsockname()[1]}"
    installation.private.write_setting(LAST_URL, url)
    watch = Watch(installation)
    keeper = WorkerKeeper(installation.data) if has_worker else None
    server = _AnnouncingServer(config, url)
    exports = ExportRunner(installation)
    watch.start()
    if keeper:
        keeper.start()
    exports.start()
    try:
        server.run(sockets=[listener])
    finally:
        exports.stop()
        if keeper:
            keeper.stop()
        watch.stop()
        working.close()
        listener.close()


class _AnnouncingServer(uvicorn.Server):
    """Prints its address once it really accepts requests, and takes a signal as the order to stop, not as an error."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"accepting requests at {self._url}\n")
            sys.stdout.flush()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            # They were obeyed: raised again, as uvicorn does, they would make an orderly end look like a failure.
            self._captured_signals.clear()


def _listen(config: uvicorn.Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # Named as TCP, so that asyncio sets TCP_NODELAY: an answer of two small writes would else wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
        listener.listen(config.backlog)
    except OSError as error:
        listener.close()
        raise BadRequestError(
            "wrong_usage", f"cannot listen on {config.host}:{config.port}: {error.strerror}"
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _show_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""A proxy in front of a real MinIO that breaks one promise at a time.

It has the store account, so it can alter a request and sign it again: what reaches MinIO is always well-formed, and the
lie is only in what the client believes it asked for.
"""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

import urllib3
from minio.credentials.credentials import Credentials

from ingest_server.store.signing import encode_checksum, sign_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.minio_server import MinioServer


class Exchange(NamedTuple):
    """One request as it came, or as it is to be forwarded."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def tell_truth(exchange: Exchange) -> Exchange | Reply:
    """Forward everything as it is."""
    return exchange


def strip_locks(exchange: Exchange) -> Exchange | Reply:
    """Accept lock headers and forget them, as several stores do."""
    kept = {name: value for name, value in exchange.headers.items() if "object-lock" not in name}
    is_bucket = "x-amz-bucket-object-lock-enabled" in exchange.headers
    return exchange if is_bucket else exchange._replace(headers=kept)


def strip_locks_of_uploads(exchange: Exchange) -> Exchange | Reply:
    """Lock what comes in one request and forget the lock of a multipart upload."""
    return strip_locks(exchange) if exchange.method == "POST" and "uploads=" in exchange.target else exchange


def weaken_locks(exchange: Exchange) -> Exchange | Reply:
    """Take GOVERNANCE locks for COMPLIANCE ones; ``call_strong`` makes them read back as asked."""
    headers = {name: value.replace("COMPLIANCE", "GOVERNANCE") for name, value in exchange.headers.items()}
    return exchange._replace(headers=headers, body=exchange.body.replace(b"COMPLIANCE", b"GOVERNANCE"))


def call_strong(reply: Reply) -> Reply:
    """Let every lock read back as COMPLIANCE."""
    body = reply.body.replace(b"GOVERNANCE", b"COMPLIANCE")
    return reply._replace(body=body)


def swallow_deletes(exchange: Exchange) -> Exchange | Reply:
    """Say that versions were deleted and delete nothing: locked ones seem to hold, and so does everything else."""
    is_delete = exchange.method == "DELETE" and "versionId" in exchange.target
    if is_delete or (exchange.method == "POST" and "delete=" in exchange.target):
        return Reply(204, {}, b"")
    return exchange


def forbid_deletes(exchange: Exchange) -> Exchange | Reply:
    """Refuse every deletion for want of rights, so that a refused delete says nothing about locks."""
    if exchange.method == "DELETE" or "delete=" in exchange.target:
        text = b"<Error><Code>AccessDenied</Code></Error>"
        return Reply(403, {"content-type": "application/xml"}, text)
    return exchange


def forbid_extensions(exchange: Exchange) -> Exchange | Reply:
    """Say that retention was put and put none."""
    return Reply(200, {}, b"") if exchange.method == "PUT" and "retention=" in exchange.target else exchange


def accept_any_bytes(exchange: Exchange) -> Exchange | Reply:
    """Sign whatever body came, whatever digest it was signed for."""
    kept = {name: value for name, value in exchange.headers.items() if "checksum-sha256" not in name}
    return exchange._replace(headers=kept) if "partNumber=" in exchange.target else exchange


def fail_always(exchange: Exchange) -> Exchange | Reply:
    """Be out of order."""
    return Reply(503, {"content-type": "application/xml"}, b"<Error><Code>SlowDown</Code></Error>")


class LyingProxy:
    """The proxy; ``endpoint`` is where the store seems to be."""

    def __init__(
        self,
        server: MinioServer,
        alter: Callable[[Exchange], Exchange | Reply],
        answer: Callable[[Reply], Reply] = lambda reply: reply,
    ) -> None:
        """Start on a free loopback port in front of ``server``."""
        self._minio = server
        self._alter = alter
        self._answer = answer
        self._keys = Credentials(server.access_key, server.secret_key)
        self._pool = urllib3.PoolManager(retries=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._pool.clear()

    def exchange(self, exchange: Exchange) -> Reply:
        """Alter, sign again, forward, alter the answer."""
        altered = self._alter(exchange)
        if isinstance(altered, Reply):
            return altered
        kept = {
            name: value
            for name, value in altered.headers.items()
            if (name.startswith("x-amz-") and name not in {"x-amz-date", "x-amz-content-sha256"})
            or name in {"content-type", "range"}
        }
        url = self._minio.endpoint + altered.target
        digest = exchange.headers["x-amz-content-sha256"]
        if altered.body != exchange.body or self._alter is accept_any_bytes:
            digest = hashlib.sha256(altered.body).hexdigest()
            if "x-amz-checksum-sha256" in kept:
                kept["x-amz-checksum-sha256"] = encode_checksum(digest)
        signed = sign_headers(
            altered.method, url, kept, sha256_hex=digest, keys=self._keys, region="us-east-1", now=datetime.now(UTC)
        )
        del signed["host"]
        body = altered.body if altered.method in {"PUT", "POST"} else None
        got = self._pool.request(altered.method, url, headers=signed, body=body, redirect=False)
        headers = {name.lower(): value for name, value in got.headers.items()}
        return self._answer(Reply(got.status, headers, got.data))

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = proxy.exchange(Exchange(self.command, self.path, headers, body))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    if name not in {"date", "server", "content-length", "connection", "transfer-encoding"}:
                        self.send_header(name, value)
                # A liar that closes early has announced more bytes than it gives.
                self.close_connection = reply.headers.get("connection") == "close"
                is_head = self.command == "HEAD"
                length = reply.headers.get("content-length", "0") if is_head else str(len(reply.body))
                self.send_header("Content-Length", length)
                self.end_headers()
                if not is_head and reply.status != 204:
                    self.wfile.write(reply.body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 (the standard library's names)

            def log_message(self, *args: object) -> None:
                pass

        return Handler

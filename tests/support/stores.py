"""Object stores for tests, each with the way a dock sends a part to it."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import urllib3

from ingest_server.store import (
    DirectorySettings,
    ObjectStore,
    PartRefusedError,
    PartRequest,
    S3Settings,
    StoreError,
    StoreSecrets,
    UploadedPart,
    create_store,
)
from ingest_server.store.directory import PART_ROUTE, DirectoryStore
from ingest_server.store.directory_parts import PartReceiver, verify_part_request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.minio_server import MinioServer

MIB = 1024 * 1024
PART_SIZE = 5 * MIB


def now() -> datetime:
    """The time by this machine's clock, in UTC."""
    return datetime.now(UTC)


def new_key() -> str:
    """A store key as formats.md §2 makes them."""
    return f"originals/2026/{secrets.token_hex(16)}"


@dataclass(frozen=True)
class Sent:
    """What a store answered to a part request."""

    status: int
    etag: str
    code: str


@dataclass(frozen=True)
class StoreCase:
    """A store and the HTTP client a dock would use for it."""

    store: ObjectStore
    pool: urllib3.PoolManager

    def send(self, request: PartRequest, body: bytes) -> Sent:
        """Send a part request as a dock does: these headers, this body."""
        answer = self.pool.request(request.method, request.url, headers=dict(request.headers), body=body, retries=False)
        code = "" if answer.status == 200 else answer.data.decode(errors="replace")
        return Sent(answer.status, answer.headers.get("etag", "").strip('"'), code)

    def send_part(self, key: str, upload_id: str, number: int, data: bytes) -> UploadedPart:
        """Sign and send one part that must be accepted."""
        digest = hashlib.sha256(data).hexdigest()
        request = self.store.sign_part(key, upload_id, number, len(data), digest, now=now())
        sent = self.send(request, data)
        assert sent.status == 200, sent
        return UploadedPart(number, len(data), digest, sent.etag)

    def send_parts(self, key: str, upload_id: str, *pieces: bytes) -> list[UploadedPart]:
        """Send several parts in order."""
        return [self.send_part(key, upload_id, number, piece) for number, piece in enumerate(pieces, 1)]


class PartServer:
    """A bare HTTP server with nothing but the directory store's part endpoint."""

    def __init__(self) -> None:
        """Bind a free loopback port; the store is set before the first request."""
        self.store: DirectoryStore | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def receive(self, target: str, handler: BaseHTTPRequestHandler) -> tuple[int, str, str]:
        """Hand one request to the store; return status, etag and error code."""
        assert self.store is not None
        split = urlsplit(target)
        query = parse_qs(split.query)
        left = int(handler.headers.get("content-length") or 0)
        try:
            part = verify_part_request(
                self.store,
                key=split.path.removeprefix(PART_ROUTE),
                upload_id=query["uploadId"][0],
                part_number=query["partNumber"][0],
                headers=dict(handler.headers.items()),
                now=now(),
            )
            with PartReceiver(self.store, part) as receiver:
                while left:
                    chunk = handler.rfile.read(min(left, MIB))
                    left -= len(chunk)
                    receiver.write(chunk)
                return 200, receiver.finish().etag, ""
        except PartRefusedError as error:
            handler.rfile.read(left)
            return error.status, "", error.code
        except StoreError as error:
            handler.rfile.read(left)
            return 503, "", error.code

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_PUT(self) -> None:
                status, etag, code = server.receive(self.path, self)
                self.send_response(status)
                if etag:
                    self.send_header("ETag", f'"{etag}"')
                self.send_header("Content-Length", str(len(code)))
                self.end_headers()
                self.wfile.write(code.encode())

            def log_message(self, *args: object) -> None:
                pass

        return Handler


def make_directory_case(root: Path, server: PartServer) -> StoreCase:
    """Make a directory store below ``root`` whose parts arrive at ``server``."""
    secret = StoreSecrets(part_secret=secrets.token_hex(32))
    store = create_store(DirectorySettings(root), secret, public_url=lambda: server.url, clock=now)
    assert isinstance(store, DirectoryStore)
    server.store = store
    return StoreCase(store, urllib3.PoolManager(retries=False))


def s3_settings(server: MinioServer, bucket: str = "") -> S3Settings:
    """Settings for a bucket of the test's own on a running MinIO."""
    return S3Settings(server.endpoint, bucket or f"evidock-{secrets.token_hex(6)}", ca_file=server.ca_file)


def make_s3_case(server: MinioServer, bucket: str = "") -> StoreCase:
    """Make (or open again) an S3 store in a bucket on a running MinIO."""
    secret = StoreSecrets(access_key=server.access_key, secret_key=server.secret_key)
    store = create_store(s3_settings(server, bucket), secret, public_url=lambda: "", clock=now)
    ca = str(server.ca_file) if server.ca_file else None
    return StoreCase(store, urllib3.PoolManager(retries=False, cert_reqs="CERT_REQUIRED", ca_certs=ca))

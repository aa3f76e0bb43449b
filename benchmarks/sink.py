"""A store that discards bodies, so that the client's own cost is measured and nothing else.

It answers just enough of S3 for an uploader to be content: create, part, complete, head; and it signs part requests for
a dock as the server does. It checks nothing and keeps nothing; no test uses it.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from ingest_server.store.s3 import S3Store
from ingest_server.store.settings import S3Settings, StoreSecrets

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'
_CREATED = (
    '<?xml version="1.0"?><InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>'
    "<UploadId>sink</UploadId></InitiateMultipartUploadResult>"
)
_COMPLETED = (
    '<?xml version="1.0"?><CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>'
    f"<ETag>{ETAG}</ETag></CompleteMultipartUploadResult>"
)


class Sink:
    """The sink in a process of its own; use as a context manager.

    Attributes:
        endpoint: Its URL on the loopback address.
    """

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self.endpoint = f"http://127.0.0.1:{ours.recv()}"
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.join()


def _serve(ready: Connection) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    settings = S3Settings(f"http://127.0.0.1:{port}", "sink-bucket")
    store = S3Store(settings, StoreSecrets("key", "secret"), lambda: datetime.now(UTC))
    ready.send(port)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer_requests, args=(connection, store), daemon=True).start()


def _answer_requests(connection: socket.socket, store: S3Store) -> None:
    view = memoryview(bytearray(1 << 20))
    rest = b""
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            while b"\r\n\r\n" not in rest:
                got = connection.recv(65536)
                if not got:
                    return
                rest += got
            head, rest = rest.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            if headers.get("expect", "").lower() == "100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            method, target, _ = lines[0].split(" ")
            left = int(headers.get("content-length", "0"))
            if target.startswith("/dock/v1/"):
                while len(rest) < left:
                    rest += connection.recv(left - len(rest))
                body, rest = rest[:left], rest[left:]
                connection.sendall(_make_answer(200, _sign_parts(store, body), "application/json"))
                continue
            used = min(left, len(rest))
            rest, left = rest[used:], left - used
            while left:
                # The kernel drops the bytes instead of copying them (tcp(7), MSG_TRUNC).
                got_bytes = connection.recv_into(view[: min(left, len(view))], 0, socket.MSG_TRUNC)
                if not got_bytes:
                    return
                left -= got_bytes
            connection.sendall(_answer_s3(method, target))


def _sign_parts(store: S3Store, body: bytes) -> str:
    requests = []
    for part in json.loads(body)["parts"]:
        signed = store.sign_part(
            "originals/2026/bench", "upload", part["number"], part["size"], part["sha256"], now=datetime.now(UTC)
        )
        requests.append({"number": part["number"], "url": signed.url, "headers": dict(signed.headers)})
    return json.dumps({"requests": requests})


def _answer_s3(method: str, target: str) -> bytes:
    body = ""
    if method == "POST":
        body = _CREATED if "uploads" in target.partition("?")[2].partition("&")[0] else _COMPLETED
    return _make_answer(404 if method in {"HEAD", "GET"} else 200, body, "application/xml")


def _make_answer(status: int, body: str, media_type: str) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nETag: {ETAG}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()

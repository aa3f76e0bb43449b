"""A store that discards bodies, so that the client's own cost is measured and nothing else.

It answers just enough of S3 for an uploader to be content: create, part, complete, head. It checks nothing and keeps
nothing; no test uses it.
"""

from __future__ import annotations

import multiprocessing
import socket
import threading
from typing import TYPE_CHECKING, Self

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
    ready.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer_requests, args=(connection,), daemon=True).start()


def _answer_requests(connection: socket.socket) -> None:
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
            left = int(headers.get("content-length", "0"))
            used = min(left, len(rest))
            rest, left = rest[used:], left - used
            while left:
                # The kernel drops the bytes instead of copying them (tcp(7), MSG_TRUNC).
                got_bytes = connection.recv_into(view[: min(left, len(view))], 0, socket.MSG_TRUNC)
                if not got_bytes:
                    return
                left -= got_bytes
            connection.sendall(_make_answer(*lines[0].split(" ")[:2]))


def _make_answer(method: str, target: str) -> bytes:
    body = ""
    if method == "POST":
        body = _CREATED if "uploads" in target.partition("?")[2].partition("&")[0] else _COMPLETED
    status = "404 Not Found" if method in {"HEAD", "GET"} else "200 OK"
    head = f"HTTP/1.1 {status}\r\nETag: {ETAG}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()

"""Reading a ledger's tiles over HTTP."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chain_of_custody import remote_ledger
from chain_of_custody.errors import UndecidableError
from chain_of_custody.remote_ledger import open_remote_ledger


class Handler(BaseHTTPRequestHandler):
    seen: list
    elsewhere = ""

    def do_GET(self):
        self.seen.append((self.path, self.headers.get("Authorization")))
        if self.path.endswith("/away"):
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
            self.end_headers()
            return
        status = {"/ledger/checkpoint": 200, "/ledger/large": 200, "/ledger/missing": 404}.get(self.path, 500)
        body = b"x" * 5000 if self.path.endswith("large") else b"note"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serve():
    handler = type("H", (Handler,), {"seen": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ledger", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_path_is_read_with_the_token():
    with serve() as (url, handler):
        assert open_remote_ledger(url + "/", "secret")("checkpoint") == b"note"
        assert handler.seen == [("/ledger/checkpoint", "Bearer secret")]


def test_server_alone_means_its_ledger():
    with serve() as (url, handler):
        open_remote_ledger(url.removesuffix("/ledger"), None)("checkpoint")
        assert handler.seen[0][0] == "/ledger/checkpoint"


def test_missing_path_is_told_apart():
    with serve() as (url, _), pytest.raises(FileNotFoundError):
        open_remote_ledger(url, None)("missing")


def test_refusal_of_the_server_is_told():
    with serve() as (url, _), pytest.raises(ConnectionError, match="500"):
        open_remote_ledger(url, None)("other")


def test_redirect_to_another_host_is_not_followed():
    with serve() as (url, handler), serve() as (other, other_handler):
        handler.elsewhere = other + "/checkpoint"
        with pytest.raises(ConnectionError, match="another host"):
            open_remote_ledger(url, "secret")("away")
        assert other_handler.seen == []


def test_answer_larger_than_any_tile_is_refused(monkeypatch):
    monkeypatch.setattr(remote_ledger, "_MAX_ANSWER", 4000)
    with serve() as (url, _), pytest.raises(ConnectionError, match="larger"):
        open_remote_ledger(url, None)("large")


def test_unreachable_server_is_told():
    with serve() as (url, _):
        read_path = open_remote_ledger(url, None)
    with pytest.raises(ConnectionError, match="could not be read"):
        read_path("checkpoint")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://", "https://x/y?z"])
def test_other_addresses_are_refused(url):
    with pytest.raises(UndecidableError):
        open_remote_ledger(url, None)

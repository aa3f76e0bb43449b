"""The dock's side of the protocol: signed requests to the server, and parts to the store.

Only the backend says what is permanent; patience stands in :mod:`agent.retrying`.
"""

from __future__ import annotations

import json
import secrets
import ssl
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from agent.errors import RefusedError, UnreachableError
from chain_of_custody.canonical import parse_json
from chain_of_custody.enrolment import read_spki_digest
from chain_of_custody.errors import MalformedError
from chain_of_custody.instants import parse_instant
from chain_of_custody.request_signatures import sign_request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from agent.config import DockConfig
    from chain_of_custody.instants import Clock
    from chain_of_custody.signing import SigningKey

ValueT = TypeVar("ValueT")
CONNECT_S = 10
READ_S = 120
MAX_ANSWER = 16 << 20
MAX_STORE_ANSWER = 64 << 10
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class PinnedConnection(HTTPSConnection):
    """TLS to the one public key that was pinned at enrolment; a renewed certificate keeps its key."""

    pinned_spki = ""

    def connect(self) -> None:
        """Connect, then compare the key before a byte of a request is sent."""
        super().connect()
        if read_peer_spki(self) != self.pinned_spki:
            self.close()
            raise ssl.SSLError("the server shows another key than the one pinned at enrolment")
        # The pin is the proof; without this the library would warn that no certificate was believed.
        self.is_verified = True


def read_peer_spki(connection: HTTPSConnection) -> str:
    """SHA-256 of the public key that the other side of a TLS connection shows."""
    assert isinstance(connection.sock, ssl.SSLSocket)
    certificate = connection.sock.getpeercert(binary_form=True)
    return read_spki_digest(certificate or b"")


def make_pool(url: str, *, spki: str | None = None, ca_file: str | None = None) -> urllib3.HTTPConnectionPool:
    """Connections to one server: plain only to this machine, else TLS pinned to a key or believed by certificates.

    Raises:
        UnreachableError: Plain HTTP to another machine.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    if parts.scheme == "http":
        if host not in _LOOPBACK:
            raise UnreachableError(f"{url}: plain HTTP is for this machine only; the server needs TLS")
        return urllib3.HTTPConnectionPool(host, parts.port or 80, timeout=timeout, retries=False, maxsize=8, block=True)
    if spki is None:
        return urllib3.HTTPSConnectionPool(
            host, parts.port or 443, timeout=timeout, retries=False, maxsize=8, block=True, ca_certs=ca_file
        )
    pool = urllib3.HTTPSConnectionPool(
        host, parts.port or 443, timeout=timeout, retries=False, maxsize=8, block=True, cert_reqs="CERT_NONE",
        assert_hostname=False,
    )  # fmt: skip
    pool.ConnectionCls = type("Pinned", (PinnedConnection,), {"pinned_spki": spki})
    return pool


class ServerClient:
    """Talks to the server and the store on behalf of an enrolled dock; any thread may call anything."""

    def __init__(self, config: DockConfig, key: SigningKey, clock: Clock) -> None:
        """Connect on demand."""
        self._config = config
        self._key = key
        self._clock = clock
        self._offset = timedelta(0)
        self._pool = make_pool(config.server, spki=config.spki, ca_file=config.ca_file)
        self._store_pools: dict[str, urllib3.HTTPConnectionPool] = {}
        self._store_ca: str | None = None
        self._guard = threading.Lock()

    @property
    def offset(self) -> timedelta:
        """How far the server's clock is from ours, once it has refused a request for its time."""
        return self._offset

    def trust_store(self, ca_pem: str | None) -> None:
        """Believe these certificates at the store; told once, later calls change nothing."""
        if ca_pem is not None and self._store_ca is None:
            with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False, encoding="ascii") as file:
                file.write(ca_pem)
            self._store_ca = file.name

    def close(self) -> None:
        """Close connections."""
        self._pool.close()
        for pool in self._store_pools.values():
            pool.close()
        if self._store_ca:
            Path(self._store_ca).unlink(missing_ok=True)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Send one signed request; returns status and answer.

        A refusal for time is answered once by signing with the server's time; the clock itself is never set.

        Raises:
            UnreachableError: No answer, or trouble of the server's own.
            RefusedError: The server refused.
        """
        try:
            return self._call_once(method, path, body)
        except RefusedError as error:
            if error.code != "bad_time" or "server_time" not in error.extras:
                raise
            self._offset = _read_time(error.extras["server_time"]) - self._clock()
        return self._call_once(method, path, body)

    def put_part(self, request: Mapping[str, Any], body: memoryview) -> str:
        """Send one part exactly as it was signed; returns the store's etag.

        Raises:
            UnreachableError: No answer, or trouble of the store's own.
            RefusedError: The store refused the part.
        """
        url = str(request["url"])
        headers = {str(name): str(value) for name, value in request["headers"].items()}
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}"
        try:
            answer = self._find_store_pool(url).request(
                "PUT",
                target,
                body=body,  # type: ignore[arg-type]  # any buffer is sent as it is; bytes would copy 16 MiB a part
                headers=headers,
                redirect=False,
            )
        except (HTTPError, OSError) as error:
            raise UnreachableError(f"the store does not answer: {_reason(error)}") from error
        if answer.status >= 500 or answer.status in {408, 429}:
            raise UnreachableError(f"the store answered {answer.status}")
        if answer.status != 200:
            raise RefusedError(answer.status, "part_refused", f"the store refused a part ({answer.status})")
        return str(answer.headers.get("ETag", "")).strip('"')

    def _find_store_pool(self, url: str) -> urllib3.HTTPConnectionPool:
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        if place == self._config.server:
            return self._pool
        with self._guard:
            if place not in self._store_pools:
                self._store_pools[place] = make_pool(place, ca_file=self._store_ca)
            return self._store_pools[place]

    def _call_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        content = b"" if body is None else json.dumps(body).encode()
        headers = sign_request(
            method,
            self._config.server + path,
            content,
            self._key,
            created=self._clock() + self._offset,
            nonce=secrets.token_hex(16),
        )
        if content:
            headers["Content-Type"] = "application/json"
        return send_json(self._pool, method, path, content, headers)


def send_json(
    pool: urllib3.HTTPConnectionPool, method: str, path: str, content: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    """Send one request and read a JSON object as the answer; raises UnreachableError or RefusedError."""
    try:
        answer = pool.request(
            method, path, body=content or None, headers=dict(headers), redirect=False, preload_content=False
        )
        value = _parse_answer(_read_bounded(answer, MAX_ANSWER))
    except (HTTPError, OSError, MalformedError) as error:
        raise UnreachableError(f"the server does not answer: {_reason(error)}") from error
    if answer.status >= 400:
        code = str(value.get("code", "unknown"))
        sentence = str(value.get("detail") or value.get("title") or f"the server answered {answer.status}")
        if answer.status >= 500 and value.get("retryable", True):
            raise UnreachableError(sentence)
        raise RefusedError(answer.status, code, sentence, value)
    return answer.status, value


def _read_time(value: object) -> datetime:
    try:
        return parse_instant(value)
    except MalformedError as error:
        raise RefusedError(502, "bad_answer", "the server's time is not one") from error


def _read_bounded(answer: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """Read an answer that may not be longer than the limit; one that is counts as none."""
    data = answer.read(limit + 1, decode_content=False)
    if len(data) > limit:
        answer.close()
        raise MalformedError("an answer longer than any of ours")
    answer.release_conn()
    return data


def _parse_answer(data: bytes) -> dict[str, Any]:
    try:
        value = parse_json(data or b"{}", MAX_ANSWER)
    except MalformedError:
        return {}
    return dict(value) if isinstance(value, dict) else {}


def read_answer(answer: Mapping[str, Any], name: str, kind: type[ValueT]) -> ValueT:
    """One member of an answer; raises RefusedError where the answer is not one of ours."""
    value = answer.get(name)
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise RefusedError(502, "bad_answer", f"the server's answer is not one of ours: {name}")
    return value


def _reason(error: BaseException) -> str:
    """The innermost reason of a connection that failed, in few words."""
    inner = getattr(error, "reason", None) or error.__cause__ or error
    return str(inner).rsplit(": ", 1)[-1] or type(inner).__name__

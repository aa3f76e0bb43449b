"""One signed HTTP exchange with an S3 server, over our own connection pool.

The SDK's default client waits up to half an hour for a hung store (300 s six times) and sends ``UNSIGNED-PAYLOAD``
with MD5 over TLS; here every request is signed over the SHA-256 of its body, and a store that does not answer is given
up after a minute and left to the caller, who knows what may be repeated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3
from minio.credentials.credentials import Credentials
from urllib3.util import Retry, Timeout

from ingest_server.store.errors import StoreRefusedError, StoreUnavailableError
from ingest_server.store.s3_answers import MAX_ANSWER, parse_error_code
from ingest_server.store.signing import build_url, object_path, sign_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ingest_server.store.settings import S3Settings, StoreSecrets

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
COMPLETE_TIMEOUT_S = 300.0
POOL_SIZE = 16

# A request that never reached the store may always be sent again; one whose answer was lost only if it changes nothing.
_RETRIES = Retry(total=2, connect=2, read=1, redirect=0, status=0, other=0, allowed_methods={"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered: ``code`` is its error code, empty on success; ``headers`` by lower-case name."""

    status: int
    code: str
    headers: Mapping[str, str]
    data: bytes

    @property
    def is_success(self) -> bool:
        """Whether the server claims to have done it."""
        return self.status in {200, 204, 206}


class S3Connection:
    """Signs and sends requests to one S3 server; safe to use from several threads."""

    def __init__(self, settings: S3Settings, secrets: StoreSecrets, clock: Callable[[], datetime]) -> None:
        """Prepare a pool; nothing is connected yet.

        Raises:
            StoreRefusedError: There is no account to sign with.
        """
        self.endpoint = settings.endpoint
        self.region = settings.region
        if not secrets.access_key or not secrets.secret_key:
            raise StoreRefusedError("no store account was given (MINIO_ACCESS_KEY and MINIO_SECRET_KEY)")
        self.keys = Credentials(secrets.access_key, secrets.secret_key)
        self.clock = clock
        self.pool = urllib3.PoolManager(
            maxsize=POOL_SIZE,
            timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            retries=_RETRIES,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(settings.ca_file) if settings.ca_file else None,
        )

    def send(
        self,
        method: str,
        bucket: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        signed_sha256: str | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> Answer:
        """Send one request and return its whole answer, failed or not.

        Args:
            method: The HTTP method.
            bucket: The bucket.
            key: The object; empty for the bucket itself.
            query: Query parameters.
            headers: Headers beside those the signature adds.
            body: The body, at most a few MiB.
            signed_sha256: Digest to sign instead of the body's own; the canary lies with it.
            read_timeout_s: Longest silence in seconds.

        Raises:
            StoreUnavailableError: There was no whole answer.
        """
        response = self._open(method, bucket, key, query or {}, headers or {}, body, signed_sha256, read_timeout_s)
        try:
            data = response.read(MAX_ANSWER + 1, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            response.close()
            raise StoreUnavailableError("the store broke off its answer") from error
        if len(data) > MAX_ANSWER:
            response.close()
        response.release_conn()
        return _make_answer(response, data)

    def open_stream(
        self, bucket: str, key: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse | Answer:
        """Start a GET whose body the caller reads and closes; a failed answer is returned whole.

        Raises:
            StoreUnavailableError: There was no answer.
        """
        response = self._open("GET", bucket, key, query, headers, b"", None, READ_TIMEOUT_S)
        if response.status in {200, 206}:
            return response
        try:
            data = response.read(64 * 1024, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailableError("the store broke off its answer") from error
        finally:
            response.close()
        return _make_answer(response, data)

    def close(self) -> None:
        """Close all connections."""
        self.pool.clear()

    def _open(
        self,
        method: str,
        bucket: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        signed_sha256: str | None,
        read_timeout_s: float,
    ) -> urllib3.BaseHTTPResponse:
        """Sign and send; the body of the answer is still to be read."""
        url = build_url(self.endpoint, object_path(bucket, key) if key else f"/{bucket}", query)
        signed = sign_headers(
            method,
            url,
            headers,
            sha256_hex=signed_sha256 or hashlib.sha256(body).hexdigest(),
            keys=self.keys,
            region=self.region,
            now=self.clock(),
        )
        # The HTTP client writes the host by itself, from the same address.
        del signed["host"]
        try:
            return self.pool.urlopen(
                method,
                url,
                body=body if method in {"PUT", "POST"} else None,
                headers=signed,
                redirect=False,
                preload_content=False,
                timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # The address may be told, the signed headers in the error's own text must not be.
            raise StoreUnavailableError(f"{self.endpoint} does not answer ({_name_cause(error)})") from error


def _make_answer(response: urllib3.BaseHTTPResponse, data: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    answer = Answer(response.status, "", headers, data)
    if answer.is_success:
        return answer
    return Answer(response.status, parse_error_code(response.status, headers, data), headers, data)


def _name_cause(error: BaseException) -> str:
    """Name the innermost reason of a connection error by its class."""
    reason = getattr(error, "reason", None)
    return type(reason).__name__ if isinstance(reason, BaseException) else type(error).__name__

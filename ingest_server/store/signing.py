"""Signature version 4 for S3 requests, made by the ``minio`` SDK's signer over headers that we choose.

The signer is handed the SHA-256 of the body, so every request, also over TLS, binds its bytes; nothing here ever
computes MD5. Part requests (formats.md §7) bind host, date, length and digest in headers: on MinIO an unsigned checksum
beside a presigned URL is refused, and a presigned URL binds no header at all.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from minio.signer import sign_v4_s3

from ingest_server.store.contract import MAX_PART_SIZE, MAX_PARTS, PART_VALIDITY, PartRequest, check_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from minio.credentials.credentials import Credentials

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def build_url(endpoint: str, path: str, query: Mapping[str, str]) -> str:
    """Build a request URL whose path and query are encoded as the signature demands, parameters sorted."""
    parameters = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
    return f"{endpoint}{quote(path, safe='/-_.~')}" + (f"?{parameters}" if parameters else "")


def sign_headers(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    sha256_hex: str,
    keys: Credentials,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """Return ``headers`` with host, date, body digest and the signature over all of them.

    Args:
        method: The HTTP method.
        url: As from ``build_url``.
        headers: Further headers; every one is signed.
        sha256_hex: SHA-256 of the body, lowercase hex.
        keys: The store account.
        region: The store's region.
        now: UTC; the store refuses the request about 15 minutes later.
    """
    split = urlsplit(url)
    signed: dict[str, Any] = {name.lower(): value for name, value in headers.items()}
    signed["host"] = split.netloc
    signed["x-amz-date"] = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    signed["x-amz-content-sha256"] = sha256_hex
    if keys.session_token:
        signed["x-amz-security-token"] = keys.session_token
    sign_v4_s3(
        method=method,
        url=split,
        region=region,
        headers=signed,
        credentials=keys,
        content_sha256=sha256_hex,
        date=now.astimezone(UTC),
    )
    signed["authorization"] = signed.pop("Authorization")
    return signed


def sign_part_request(
    endpoint: str,
    path: str,
    upload_id: str,
    number: int,
    size: int,
    sha256_hex: str,
    *,
    keys: Credentials,
    region: str,
    now: datetime,
) -> PartRequest:
    """Sign the request for one part; exactly its length and digest are accepted by the store.

    Raises:
        ValueError: The number or the size is outside what a part may be, or the digest is none.
    """
    if not 1 <= number <= MAX_PARTS or not 0 <= size <= MAX_PART_SIZE:
        raise ValueError("a part has a number from 1 to 10,000 and at most 5 GiB")
    url = build_url(endpoint, path, {"partNumber": str(number), "uploadId": upload_id})
    headers = {"content-length": str(size), "x-amz-checksum-sha256": encode_checksum(sha256_hex)}
    signed = sign_headers("PUT", url, headers, sha256_hex=sha256_hex, keys=keys, region=region, now=now)
    return PartRequest(number, "PUT", url, signed, now.astimezone(UTC) + PART_VALIDITY)


def encode_checksum(sha256_hex: str) -> str:
    """Give a SHA-256 as ``x-amz-checksum-sha256`` wants it: base64 of its 32 bytes.

    Raises:
        ValueError: It is not 64 lowercase hexadecimal digits.
    """
    raw = bytes.fromhex(sha256_hex)
    if len(raw) != 32 or sha256_hex != raw.hex():
        raise ValueError("not a SHA-256 in lowercase hex")
    return base64.b64encode(raw).decode()


def composite_checksum(digests: list[str]) -> str:
    """Give the checksum of checksums an S3 server reports for a multipart object: ``<base64>-<parts>``."""
    whole = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).digest()
    return f"{base64.b64encode(whole).decode()}-{len(digests)}"


def object_path(bucket: str, key: str) -> str:
    """Give the path of an object in path style, the one form every S3 server and any host name understands."""
    return f"/{bucket}/{check_key(key)}"

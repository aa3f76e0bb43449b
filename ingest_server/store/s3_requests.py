"""Bodies and headers of the S3 requests that locks and completion need."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from ingest_server.store.signing import encode_checksum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.store.contract import LockMode, UploadedPart

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
BYPASS_HEADERS = {"x-amz-bypass-governance-retention": "true"}


def checksum_headers(body: bytes) -> dict[str, str]:
    """Give the checksum that S3 demands, in place of MD5, beside bodies about locks, versioning and bulk deletion."""
    return {"x-amz-checksum-sha256": encode_checksum(hashlib.sha256(body).hexdigest())}


def lock_headers(mode: LockMode, until: datetime) -> dict[str, str]:
    """Give the headers that lock a version at its creation."""
    return {"x-amz-object-lock-mode": mode.value, "x-amz-object-lock-retain-until-date": _format_lock_date(until)}


def retention_body(mode: LockMode, until: datetime) -> bytes:
    """Give the body of PutObjectRetention."""
    return (
        f'<Retention xmlns="{NAMESPACE}">'
        f"<Mode>{mode.value}</Mode><RetainUntilDate>{_format_lock_date(until)}</RetainUntilDate></Retention>"
    ).encode()


def completion_body(parts: Sequence[UploadedPart]) -> bytes:
    """Give the body of CompleteMultipartUpload, with the SHA-256 of every part."""
    rows = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>{escape(part.etag)}</ETag>"
        f"<ChecksumSHA256>{encode_checksum(part.sha256_hex)}</ChecksumSHA256></Part>"
        for part in parts
    )
    return (f'<CompleteMultipartUpload xmlns="{NAMESPACE}">{rows}</CompleteMultipartUpload>').encode()


def _format_lock_date(until: datetime) -> str:
    """Round up to the whole second, so that the lock read back is never shorter than the one asked for."""
    whole = until.astimezone(UTC)
    if whole.microsecond:
        whole = whole.replace(microsecond=0) + timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")


def versioning_body(status: str) -> bytes:
    """Give the body of PutBucketVersioning; the status is ``Enabled`` or ``Suspended``."""
    return f'<VersioningConfiguration xmlns="{NAMESPACE}"><Status>{status}</Status></VersioningConfiguration>'.encode()


def deletion_body(key: str, version_id: str) -> bytes:
    """Give the body of DeleteObjects for one version."""
    row = f"<Object><Key>{escape(key)}</Key><VersionId>{escape(version_id)}</VersionId></Object>"
    return f'<Delete xmlns="{NAMESPACE}">{row}</Delete>'.encode()

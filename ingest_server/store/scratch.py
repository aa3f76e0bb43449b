"""The scratch bucket: small objects that the canary may try to destroy, and what is still there afterwards."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest_server.store.contract import LockMode, LockState, UploadedPart
from ingest_server.store.errors import StoreRefusedError
from ingest_server.store.s3_answers import (
    find_text,
    is_temporary,
    parse_answer,
    parse_part_page,
    parse_retention,
    parse_s3_instant,
    refuse_answer,
    require_text,
)
from ingest_server.store.s3_requests import checksum_headers, completion_body, lock_headers, versioning_body
from ingest_server.store.signing import encode_checksum

if TYPE_CHECKING:
    from datetime import datetime
    from xml.etree import ElementTree as ET

    from ingest_server.store.s3_connection import Answer, S3Connection

PREFIX = "canary/"
OBJECT_SIZE = 2048


class Way(StrEnum):
    """How an object is written; several stores lock one way and forget the other."""

    SINGLE = "single"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class Specimen:
    """One version written for a trial: its bytes and the lock it was asked to have (null for none)."""

    key: str
    version_id: str
    data: bytes
    locked_until: datetime | None


class Scratch:
    """Writes and looks at specimens in one bucket."""

    def __init__(self, connection: S3Connection, bucket: str) -> None:
        """Use ``bucket``, in which nothing but the canary's objects may lie."""
        self.connection = connection
        self.bucket = bucket

    def write(self, way: Way, locked_until: datetime | None) -> Specimen:
        """Write fresh random bytes under a fresh key.

        Raises:
            StoreRefusedError: The store did not take them or gave no version id.
        """
        key = PREFIX + secrets.token_hex(16)
        data = secrets.token_bytes(OBJECT_SIZE)
        headers = lock_headers(LockMode.COMPLIANCE, locked_until) if locked_until else {}
        put = self.put(key, data, headers) if way is Way.SINGLE else self._put_multipart(key, data, headers)
        version_id = put.headers.get("x-amz-version-id", "")
        if not version_id or version_id == "null":
            raise StoreRefusedError("the store gave no version id")
        return Specimen(key, version_id, data, locked_until)

    def put(self, key: str, data: bytes, headers: dict[str, str]) -> Answer:
        """Write one object in one request; raises StoreRefusedError when it was not taken."""
        headers = {**headers, **checksum_headers(data)}
        return _require(self.connection.send("PUT", self.bucket, key, headers=headers, body=data))

    def open_upload(self, key: str, headers: dict[str, str]) -> str:
        """Create a multipart upload and return its id."""
        asked = {**headers, "x-amz-checksum-algorithm": "SHA256"}
        answer = self.connection.send("POST", self.bucket, key, query={"uploads": ""}, headers=asked)
        return require_text(parse_answer(_require(answer).data), "UploadId")

    def send_part(self, key: str, upload_id: str, data: bytes, sha256_hex: str) -> Answer:
        """Send part 1, signed for ``sha256_hex``, which need not be the digest of ``data``."""
        return self.connection.send(
            "PUT",
            self.bucket,
            key,
            query={"uploadId": upload_id, "partNumber": "1"},
            headers={"x-amz-checksum-sha256": encode_checksum(sha256_hex)},
            body=data,
            signed_sha256=sha256_hex,
        )

    def has_part(self, key: str, upload_id: str) -> bool:
        """Whether the store lists any part of the upload."""
        answer = self.connection.send("GET", self.bucket, key, query={"uploadId": upload_id})
        return bool(parse_part_page(_require(answer).data).parts)

    def abort(self, key: str, upload_id: str) -> None:
        """Throw an upload away."""
        self.connection.send("DELETE", self.bucket, key, query={"uploadId": upload_id})

    def read(self, specimen: Specimen) -> bytes | None:
        """Return the bytes of exactly this version, or None when the store no longer gives them."""
        query = {"versionId": specimen.version_id}
        answer = _judge(self.connection.send("GET", self.bucket, specimen.key, query=query))
        return answer.data if answer.is_success else None

    def read_lock(self, specimen: Specimen) -> LockState:
        """Return the lock of exactly this version; no lock when the store cannot tell one."""
        query = {"retention": "", "versionId": specimen.version_id}
        answer = _judge(self.connection.send("GET", self.bucket, specimen.key, query=query))
        try:
            return parse_retention(answer.data) if answer.is_success else LockState(LockMode.NONE, None)
        except StoreRefusedError:
            return LockState(LockMode.NONE, None)

    def describe_damage(self, specimen: Specimen) -> str:
        """Say what is no longer there of a locked specimen; empty when bytes and lock are whole."""
        data = self.read(specimen)
        if data is None:
            return "the version is gone"
        if data != specimen.data:
            return "the version holds other bytes"
        lock = self.read_lock(specimen)
        if lock.mode is not LockMode.COMPLIANCE or lock.retain_until is None:
            return f"the lock is {lock.mode.value}"
        if specimen.locked_until is not None and lock.retain_until < specimen.locked_until:
            return "the lock ends earlier than asked"
        return ""

    def read_versioning(self) -> str:
        """Return the bucket's versioning status as the store tells it; empty when it tells none."""
        answer = _judge(self.connection.send("GET", self.bucket, query={"versioning": ""}))
        try:
            return (find_text(parse_answer(answer.data), "Status") or "") if answer.is_success else ""
        except StoreRefusedError:
            return ""

    def set_versioning(self, status: str) -> None:
        """Ask for a versioning status; what came of it is for ``read_versioning`` to say."""
        body = versioning_body(status)
        self.connection.send("PUT", self.bucket, query={"versioning": ""}, headers=checksum_headers(body), body=body)

    def sweep(self, before: datetime | None = None) -> int:
        """Delete what the store lets go of (locks of earlier canaries that ran out) and return how many are left.

        Args:
            before: Leave alone what was written since; another server's canary may be at work on it.
        """
        answer = self.connection.send("GET", self.bucket, query={"versions": "", "prefix": PREFIX})
        if not answer.is_success:
            # A store that knows no versions lists plain contents; they are removed just the same.
            answer = self.connection.send("GET", self.bucket, query={"list-type": "2", "prefix": PREFIX})
        if not answer.is_success:
            return 0
        root = parse_answer(answer.data)
        rows = [row for kind in ("Version", "DeleteMarker", "Contents") for row in root.findall(f"{{*}}{kind}")]
        old = [row for row in rows if before is None or _is_older(row, before)]
        return sum(not self._delete_row(row) for row in old)

    def _delete_row(self, row: ET.Element) -> bool:
        """Delete one listed version, marker or object if it is the canary's; False when it is still held."""
        key, version_id = find_text(row, "Key") or "", find_text(row, "VersionId") or ""
        query = {"versionId": version_id} if version_id else {}
        is_ours = key.startswith(PREFIX)
        return not is_ours or self.connection.send("DELETE", self.bucket, key, query=query).is_success

    def _put_multipart(self, key: str, data: bytes, headers: dict[str, str]) -> Answer:
        """Write one object as an upload of one part."""
        digest = hashlib.sha256(data).hexdigest()
        upload_id = self.open_upload(key, headers)
        part = _require(self.send_part(key, upload_id, data, digest))
        body = completion_body([UploadedPart(1, len(data), digest, part.headers.get("etag", ""))])
        return _require(self.connection.send("POST", self.bucket, key, query={"uploadId": upload_id}, body=body))


def _is_older(row: ET.Element, before: datetime) -> bool:
    try:
        return parse_s3_instant(find_text(row, "LastModified") or "") < before
    except StoreRefusedError:
        return False


def _judge(answer: Answer) -> Answer:
    """Let success and refusal through; a store that is out of order for the moment is not to be judged by it."""
    if is_temporary(answer.status, answer.code):
        raise refuse_answer(answer.status, answer.code, "the canary")
    return answer


def _require(answer: Answer) -> Answer:
    if not _judge(answer).is_success:
        raise StoreRefusedError(f"the store answered {answer.status} {answer.code}")
    return answer

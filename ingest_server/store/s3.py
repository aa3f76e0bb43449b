"""The S3 store: a bucket with versioning and Object Lock, on MinIO or any server that passes the canary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import urllib3

from chain_of_custody.digests import sha256_hex
from ingest_server.store import canary, probe
from ingest_server.store.contract import (
    READ_CHUNK,
    CanaryReport,
    CapabilityReport,
    LockMode,
    LockState,
    PartRequest,
    StoredPart,
    StoredVersion,
    UploadedPart,
    check_derivative,
    check_key,
)
from ingest_server.store.errors import (
    StoreRefusedError,
    StoreUnavailableError,
    UploadGoneError,
    VersionMissingError,
)
from ingest_server.store.s3_answers import (
    find_text,
    parse_answer,
    parse_part_page,
    parse_retention,
    refuse_answer,
    require_text,
)
from ingest_server.store.s3_connection import COMPLETE_TIMEOUT_S, READ_TIMEOUT_S, Answer, S3Connection
from ingest_server.store.s3_requests import checksum_headers, completion_body, lock_headers, retention_body
from ingest_server.store.signing import composite_checksum, object_path, sign_part_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ingest_server.store.settings import S3Settings, StoreSecrets

_GONE_CODES = frozenset({"NoSuchUpload"})
# A version id that the server cannot even read names no version of ours.
_MISSING_CODES = frozenset({"NoSuchKey", "NoSuchVersion", "InvalidArgument", "MethodNotAllowed"})
_UNLOCKED_CODES = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"})


class S3Store:
    """Keeps the contract of ``ObjectStore`` on an S3 server."""

    kind: Literal["s3"] = "s3"

    def __init__(self, settings: S3Settings, secrets: StoreSecrets, clock: Callable[[], datetime]) -> None:
        """Prepare the store; the server is first asked by ``probe``."""
        self.settings = settings
        self.connection = S3Connection(settings, secrets, clock)
        self._bucket = settings.bucket

    def create_upload(self, key: str, *, lock_until: datetime | None, part_size: int) -> str:  # noqa: ARG002 (S3 is not told)
        """Create a multipart upload whose version is locked from its first moment on.

        S3 refuses parts under 5 MiB, save the last, at completion; ``part_size`` is not sent.
        """
        headers = {"content-type": "application/octet-stream", "x-amz-checksum-algorithm": "SHA256"}
        if lock_until is not None:
            headers |= lock_headers(LockMode.COMPLIANCE, lock_until)
        answer = self._ask("open the upload", "POST", key, {"uploads": ""}, headers)
        return require_text(parse_answer(answer.data), "UploadId")

    def sign_part(
        self, key: str, upload_id: str, number: int, size: int, sha256_hex: str, *, now: datetime
    ) -> PartRequest:
        """Sign a part request for the address under which docks reach the store."""
        return sign_part_request(
            self.settings.dock_endpoint,
            object_path(self._bucket, key),
            upload_id,
            number,
            size,
            sha256_hex,
            keys=self.connection.keys,
            region=self.connection.region,
            now=now,
        )

    def store_part(self, key: str, upload_id: str, number: int, data: bytes) -> UploadedPart:
        """Send the part with its SHA-256, which the server checks; the address is the server's own, not the docks'."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        answer = self._send("PUT", key, query, checksum_headers(data), data)
        if answer.code in _GONE_CODES:
            raise UploadGoneError("the store no longer knows the upload")
        if not answer.is_success:
            raise refuse_answer(answer.status, answer.code, "store the part")
        return UploadedPart(number, len(data), sha256_hex(data), answer.headers.get("etag", "").strip('"'))

    def list_parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """List all parts, page by page (S3 gives 1,000 at a time)."""
        parts: list[StoredPart] = []
        query = {"uploadId": upload_id, "max-parts": "1000"}
        while True:
            page = parse_part_page(self._ask("list the parts", "GET", key, query).data)
            parts.extend(page.parts)
            if page.next_marker is None:
                return parts
            if page.next_marker == query.get("part-number-marker"):
                raise StoreRefusedError("the store lists the same parts for ever")
            query["part-number-marker"] = page.next_marker

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> StoredVersion:
        """Compare the store's parts with ours, complete, and check size and composite checksum of what came out."""
        total = sum(part.size for part in parts)
        try:
            _compare_parts(parts, self.list_parts(key, upload_id))
            version_id = self._complete(key, upload_id, parts)
        except UploadGoneError:
            # The first call's answer was lost: its version is the only one this key can have, as keys are used once.
            made = self.find_version(key)
            if made is None or made.size != total:
                raise
            version_id = made.version_id
        return self._check_completed(key, version_id, parts, total)

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Abort; an upload that is gone is aborted."""
        answer = self._send("DELETE", key, {"uploadId": upload_id})
        if not answer.is_success and answer.code not in _GONE_CODES:
            raise refuse_answer(answer.status, answer.code, "abort the upload")

    def find_version(self, key: str) -> StoredVersion | None:
        """HEAD the key."""
        answer = self._send("HEAD", key)
        if answer.status == 404:
            return None
        if not answer.is_success:
            raise refuse_answer(answer.status, answer.code, "look for the object")
        return StoredVersion(key, _read_version_id(answer), _read_length(answer))

    def put_derivative(self, key: str, data: bytes) -> StoredVersion:
        """Put the object unless it is there; two callers at once make two versions of the same bytes."""
        made = self.find_version(check_derivative(key, data))
        if made is not None:
            if made.size != len(data) or b"".join(self.read(key, made.version_id)) != data:
                raise StoreRefusedError("this key has been used for another derivative")
            return made
        headers = {"content-type": "application/octet-stream", **checksum_headers(data)}
        answer = self._send("PUT", key, headers=headers, body=data)
        if not answer.is_success:
            raise refuse_answer(answer.status, answer.code, "store the derivative")
        return StoredVersion(key, _read_version_id(answer), len(data))

    def read(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Stream one version; the byte count is enforced against what the server announced."""
        if length == 0:
            return
        last = "" if length is None else str(offset + length - 1)
        is_partial = bool(offset) or length is not None
        headers = {"range": f"bytes={offset}-{last}"} if is_partial else {}
        opened = self.connection.open_stream(
            self._bucket, check_key(key), query={"versionId": version_id}, headers=headers
        )
        if isinstance(opened, Answer):
            if opened.status == 416:
                return
            raise _version_error(opened, "read the version")
        if is_partial and opened.status != 206:
            opened.close()
            raise StoreRefusedError("the store does not serve ranges")
        yield from _stream(opened)

    def read_lock(self, key: str, version_id: str) -> LockState:
        """Ask GetObjectRetention for exactly this version."""
        query = {"retention": "", "versionId": version_id}
        answer = self._send("GET", key, query)
        if answer.is_success:
            return parse_retention(answer.data)
        if answer.code in _UNLOCKED_CODES:
            return LockState(LockMode.NONE, None)
        raise _version_error(answer, "read the lock")

    def extend_lock(self, key: str, version_id: str, until: datetime) -> None:
        """PutObjectRetention for exactly this version."""
        query = {"retention": "", "versionId": version_id}
        body = retention_body(LockMode.COMPLIANCE, until)
        headers = checksum_headers(body)
        answer = self._send("PUT", key, query, headers, body)
        if not answer.is_success:
            raise _version_error(answer, "extend the lock")

    def probe(self, now: datetime) -> CapabilityReport:
        """Look at buckets, clock and the account's rights."""
        return probe.probe_s3(self.connection, self.settings, now)

    def run_canary(self, now: datetime) -> CanaryReport:
        """Try to break locked versions in the scratch bucket."""
        return canary.run_canary(self.connection, self.settings, now)

    def close(self) -> None:
        """Close all connections."""
        self.connection.close()

    def _send(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> Answer:
        """Send a request about one object; an empty key would address the bucket itself and is refused."""
        return self.connection.send(
            method,
            self._bucket,
            check_key(key),
            query=query,
            headers=headers,
            body=body,
            read_timeout_s=read_timeout_s,
        )

    def _ask(
        self, what: str, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request about an upload and raise unless it succeeded."""
        answer = self._send(method, key, query, headers)
        if answer.code in _GONE_CODES:
            raise UploadGoneError("the store no longer knows the upload")
        if not answer.is_success:
            raise refuse_answer(answer.status, answer.code, what)
        return answer

    def _complete(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> str:
        """Send CompleteMultipartUpload with our own SHA-256 of every part and return the version id."""
        answer = self._send(
            "POST",
            key,
            {"uploadId": upload_id},
            {"content-type": "application/xml"},
            completion_body(parts),
            read_timeout_s=COMPLETE_TIMEOUT_S,
        )
        if answer.code in _GONE_CODES:
            raise UploadGoneError("the store no longer knows the upload")
        if not answer.is_success:
            raise refuse_answer(answer.status, answer.code, "complete the upload")
        # S3 may say 200 first and name an error in the body afterwards, when joining the parts took long.
        root = parse_answer(answer.data)
        if root.tag.rpartition("}")[2] == "Error":
            code = find_text(root, "Code") or "Unknown"
            if code in _GONE_CODES:
                raise UploadGoneError("the store no longer knows the upload")
            raise refuse_answer(500 if code == "InternalError" else 400, code, "complete the upload")
        return _read_version_id(answer)

    def _check_completed(self, key: str, version_id: str, parts: Sequence[UploadedPart], total: int) -> StoredVersion:
        """Compare size and, where the store keeps one, composite checksum of the new version with ours."""
        answer = self._send("HEAD", key, {"versionId": version_id}, {"x-amz-checksum-mode": "ENABLED"})
        if not answer.is_success:
            raise _version_error(answer, "look at the new version")
        if _read_length(answer) != total:
            raise StoreRefusedError("the new version has another size than its parts")
        stored = answer.headers.get("x-amz-checksum-sha256")
        if stored is not None and stored != composite_checksum([part.sha256_hex for part in parts]):
            raise StoreRefusedError("the new version's checksum is not that of its parts")
        return StoredVersion(key, version_id, total)


def _compare_parts(sent: Sequence[UploadedPart], stored: Sequence[StoredPart]) -> None:
    """Refuse unless the store holds exactly the parts that were sent, numbered from 1 without a gap."""
    if [part.number for part in sent] != list(range(1, len(sent) + 1)) or not sent:
        raise StoreRefusedError("parts are numbered from 1 without a gap")
    ours = [(part.number, part.size, part.etag.strip('"')) for part in sent]
    theirs = [(part.number, part.size, part.etag) for part in stored]
    if ours != theirs:
        raise StoreRefusedError("the store's parts are not the parts that were sent")


def _read_version_id(answer: Answer) -> str:
    """Return the version id of an answer; without one nothing can be pinned and nothing is evidence."""
    version_id = answer.headers.get("x-amz-version-id", "")
    if not version_id or version_id == "null":
        raise StoreRefusedError("the store gave no version id: the bucket is not versioned")
    return version_id


def _read_length(answer: Answer) -> int:
    try:
        return int(answer.headers["content-length"])
    except (KeyError, ValueError) as error:
        raise StoreRefusedError("the store gave no size") from error


def _version_error(answer: Answer, what: str) -> VersionMissingError | StoreRefusedError | StoreUnavailableError:
    """Make the error for a failed request about one version."""
    if answer.status == 404 or answer.code in _MISSING_CODES:
        return VersionMissingError(f"{what}: there is no such version")
    return refuse_answer(answer.status, answer.code, what)


def _stream(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Give the body in pieces; the connection is reused only when all of it was read."""
    is_whole = False
    try:
        yield from response.stream(READ_CHUNK, decode_content=False)
        is_whole = True
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailableError("the store broke off while reading") from error
    finally:
        if is_whole:
            response.release_conn()
        else:
            response.close()

"""Receiving parts for the directory store: the server's own endpoint for the same signed requests an S3 store takes.

A request is judged by signing it again: whatever the server would have signed for this key, upload, part, length,
digest and date must be what came, compared in constant time. The body is hashed while it is written to its place; a
part whose bytes are not the signed ones leaves no trace in the journal. The host is taken from the server's public
address and not from the request, since a proxy in front may rewrite it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest_server.store.contract import MAX_PART_SIZE, MAX_PARTS, PART_VALIDITY, StoredPart
from ingest_server.store.directory import translate_disk_errors
from ingest_server.store.directory_uploads import (
    OpenUpload,
    hold_part,
    hold_upload,
    load_upload,
    note_part,
    open_data,
    read_parts,
)
from ingest_server.store.errors import PartRefusedError
from ingest_server.store.signing import encode_checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from ingest_server.store.directory import DirectoryStore

_DIGITS = re.compile(r"[0-9]{1,13}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIGNED = ("authorization", "x-amz-date", "content-length", "x-amz-content-sha256", "x-amz-checksum-sha256")


@dataclass(frozen=True, slots=True)
class SignedPart:
    """A part request whose signature is ours and still valid."""

    key: str
    upload_id: str
    number: int
    size: int
    sha256_hex: str


def verify_part_request(
    store: DirectoryStore,
    *,
    key: str,
    upload_id: str,
    part_number: str,
    headers: Mapping[str, str],
    now: datetime,
) -> SignedPart:
    """Return what a part request was signed for.

    Args:
        store: The store that signed it.
        key: From the request's path.
        upload_id: From its query, ``uploadId``.
        part_number: From its query, ``partNumber``, as text.
        headers: As received; names in any case.
        now: UTC.

    Raises:
        PartRefusedError: With the code ``malformed_request``, ``request_expired`` or ``wrong_signature``.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in _SIGNED if name not in given]
    if missing:
        raise PartRefusedError("malformed_request", f"the header {missing[0]} is missing", 400)
    number = _parse_count(part_number, MAX_PARTS, "part number")
    size = _parse_count(given["content-length"], MAX_PART_SIZE, "length")
    digest = given["x-amz-content-sha256"]
    if not _SHA256.fullmatch(digest) or given["x-amz-checksum-sha256"] != encode_checksum(digest):
        raise PartRefusedError("malformed_request", "the digests are none or differ", 400)
    date = _parse_date(given["x-amz-date"])
    if abs(now - date) > PART_VALIDITY:
        raise PartRefusedError("request_expired", "the signed request is no longer valid; ask for another")
    try:
        ours = store.sign_part(key, upload_id, number, size, digest, now=date)
    except ValueError as error:
        raise PartRefusedError("malformed_request", str(error), 400) from error
    if not hmac.compare_digest(ours.headers["authorization"].encode(), given["authorization"].encode()):
        raise PartRefusedError("wrong_signature", "the request was not signed by this server")
    return SignedPart(key, upload_id, number, size, digest)


class PartReceiver:
    """Writes one part while it arrives; a context manager that keeps nothing of a part that was not finished.

    All methods block on the disk and are to be called from one thread at a time.
    """

    def __init__(self, store: DirectoryStore, part: SignedPart) -> None:
        """Prepare for ``part``; nothing is touched before the context is entered."""
        self._store = store
        self._part = part
        self._hasher = hashlib.sha256()
        self._received = 0
        self._held = contextlib.ExitStack()
        self._upload: OpenUpload | None = None
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Hold upload and part, and take back the journal's word about other bytes under this number.

        Raises:
            UploadGoneError: The upload is not open any more.
            StoreUnavailableError: Somebody is sending the same part, or the disk fails.
        """
        upload = load_upload(self._store.uploads, self._part.key, self._part.upload_id)
        with contextlib.ExitStack() as held:
            held.enter_context(hold_upload(upload, alone=False))
            held.enter_context(hold_part(upload, self._part.number))
            self._check_size(upload)
            stored = read_parts(upload).get(self._part.number)
            if stored is None or stored.sha256_hex != self._part.sha256_hex or stored.size != self._part.size:
                with translate_disk_errors("receive the part"):
                    self._descriptor = open_data(upload)
                    held.callback(os.close, self._descriptor)
                    if stored is not None:
                        note_part(upload, stored.number, stored.size, None)
            # Bytes that are there already are hashed again and not written again: the same part may be sent twice.
            self._held = held.pop_all()
        self._upload = upload
        return self

    def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the body.

        Raises:
            PartRefusedError: More than the signed length arrived (``wrong_length``).
            StoreUnavailableError: The disk is full or fails.
        """
        assert self._upload is not None
        if self._received + len(chunk) > self._part.size:
            raise PartRefusedError("wrong_length", "the body is longer than was signed", 400)
        if self._descriptor is not None:
            position = self._upload.offset_of(self._part.number) + self._received
            with translate_disk_errors("receive the part"):
                _write_all(self._descriptor, chunk, position)
        self._hasher.update(chunk)
        self._received += len(chunk)

    def finish(self) -> StoredPart:
        """Judge the body and make the part count; durable on return.

        Raises:
            PartRefusedError: The body ended early (``wrong_length``) or is not what was signed (``wrong_digest``).
            StoreUnavailableError: The disk is full or fails.
        """
        assert self._upload is not None
        part = self._part
        if self._received != part.size:
            raise PartRefusedError("wrong_length", "the body is shorter than was signed", 400)
        if not hmac.compare_digest(self._hasher.hexdigest(), part.sha256_hex):
            raise PartRefusedError("wrong_digest", "the body's SHA-256 is not the signed one", 400)
        if self._descriptor is not None:
            with translate_disk_errors("receive the part"):
                os.fdatasync(self._descriptor)
                note_part(self._upload, part.number, part.size, part.sha256_hex)
        return StoredPart(part.number, part.size, part.sha256_hex)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of the part; what was written of an unfinished one stands in no journal."""
        self._held.close()
        self._descriptor = None

    def _check_size(self, upload: OpenUpload) -> None:
        """A longer part would run into the next one's place."""
        if self._part.size > upload.part_size:
            raise PartRefusedError("wrong_length", "the part is longer than the upload's part size", 400)


def receive_part(
    store: DirectoryStore,
    *,
    key: str,
    upload_id: str,
    part_number: str,
    headers: Mapping[str, str],
    body: Iterable[bytes],
    now: datetime,
) -> StoredPart:
    """Verify a part request and store its body; durable on return. The whole of what ``PartReceiver`` does in pieces.

    Raises:
        PartRefusedError: The request or its body is wrong; nothing counts as stored.
        UploadGoneError: The upload is not open any more.
        StoreUnavailableError: The disk is full or fails, or the same part is being received.
    """
    part = verify_part_request(store, key=key, upload_id=upload_id, part_number=part_number, headers=headers, now=now)
    with PartReceiver(store, part) as receiver:
        for chunk in body:
            receiver.write(chunk)
        return receiver.finish()


def _parse_count(text: str, limit: int, what: str) -> int:
    if not _DIGITS.fullmatch(text) or int(text) > limit:
        raise PartRefusedError("malformed_request", f"the {what} is none", 400)
    return int(text)


def _parse_date(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise PartRefusedError("malformed_request", "x-amz-date is no date", 400) from error


def _write_all(descriptor: int, chunk: bytes | memoryview, position: int) -> None:
    """Write all of ``chunk``; the system may take less at once."""
    left = memoryview(chunk)
    while left:
        written = os.pwrite(descriptor, left, position)
        left, position = left[written:], position + written

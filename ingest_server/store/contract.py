"""The contract of an object store: where original bytes live, write-once.

Two stores keep it: ``directory`` (files on this machine) and ``s3`` (MinIO, or any S3 with versioning and Object
Lock). An object is written once, in parts, under a key chosen at random before the bytes are known, and is from then
on named by (key, version id). Nothing is ever believed because a call returned: completion is followed by reading the
bytes and the lock back by version id, and a store counts at all only after its canary.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from chain_of_custody.findings import Finding

PART_VALIDITY = timedelta(minutes=15)
"""How long a signed part request is valid (formats.md §7); S3 servers refuse anything older by themselves."""

MAX_PARTS = 10_000
"""Most parts of one upload, as in S3."""

MAX_PART_SIZE = 5 * 1024**3
"""Largest part in bytes, as in S3."""

READ_CHUNK = 1024 * 1024
"""Size in bytes of the pieces ``read`` gives; memory stays flat whatever the object's size."""

MAX_DERIVATIVE = 8 * 1024 * 1024
"""Largest derivative in bytes that ``put_derivative`` takes: it is sent whole."""

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class LockMode(StrEnum):
    """How a stored version is protected against deletion."""

    COMPLIANCE = "COMPLIANCE"
    GOVERNANCE = "GOVERNANCE"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PartRequest:
    """A request for one part, signed by the server and sent by the dock exactly as it stands.

    The headers bind length and SHA-256 of the body; the store refuses any other bytes. It holds no credential.
    """

    number: int
    method: str
    url: str
    headers: Mapping[str, str]
    expires: datetime


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part as the store lists it."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part as the dock says it sent it, with the answer it got."""

    number: int
    size: int
    sha256_hex: str
    etag: str


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of one object; ``size`` is what the store says, not yet what was read."""

    key: str
    version_id: str
    size: int


@dataclass(frozen=True, slots=True)
class LockState:
    """The lock of one version as read back from the store; ``retain_until`` is UTC, null when there is no lock."""

    mode: LockMode
    retain_until: datetime | None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried on a store, and whether the store came through."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class CapabilityReport:
    """What a store can do (``checks``) and what a person should know about it (``findings``)."""

    kind: Literal["directory", "s3"]
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every capability the product needs is there."""
        return all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """Whether the store held locked versions against everything that was tried just now."""

    at: datetime
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the canary ran and every check passed; an empty list of checks proves nothing."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def check_derivative(key: str, data: bytes) -> str:
    """Return ``key`` if a derivative may stand under it: below ``derivatives/``, and small.

    Raises:
        ValueError: It may not.
    """
    if not key.startswith("derivatives/"):
        raise ValueError("not a derivative's store key")
    if len(data) > MAX_DERIVATIVE:
        raise ValueError("too large for a derivative that is sent whole")
    return check_key(key)


def check_key(key: str) -> str:
    """Return ``key`` if it is a store key: lower-case segments that no file system reads as anything else.

    Raises:
        ValueError: It is not; keys are chosen by the server, so this is a fault of ours or an attack.
    """
    if len(key) > 255 or not _KEY.fullmatch(key):
        raise ValueError("not a store key")
    return key


class ObjectStore(Protocol):
    """Write-once storage of original bytes.

    Every method MAY raise ``StoreUnavailableError``; the caller may repeat any of them, also after a call whose answer
    was lost. Implementations MUST be usable from several threads and processes at once, MUST NOT hold more than a few
    MiB per call, and MUST NOT delete or change a completed version.
    """

    @property
    def kind(self) -> Literal["directory", "s3"]:
        """Which store this is, as written in records."""
        ...

    def create_upload(self, key: str, *, lock_until: datetime | None, part_size: int) -> str:
        """Open an upload for ``key`` and return its upload id; durable on return.

        Args:
            key: From formats.md §2; MUST NOT have been used before.
            lock_until: The version made by this upload is locked (COMPLIANCE) until then from its first moment on;
                the ``directory`` store has no locks and ignores it.
            part_size: Size in bytes of every part but the last, which may be shorter.
        """
        ...

    def sign_part(
        self, key: str, upload_id: str, number: int, size: int, sha256_hex: str, *, now: datetime
    ) -> PartRequest:
        """Sign the request that stores exactly these bytes as part ``number`` (1 to 10,000); asks the store nothing."""
        ...

    def store_part(self, key: str, upload_id: str, number: int, data: bytes) -> UploadedPart:
        """Store one part of an upload that the server itself makes, such as a text record's; durable on return.

        Args:
            key: The upload's object.
            upload_id: The upload.
            number: 1 to 10,000.
            data: The part, as long as ``create_upload`` was told; only the last may be shorter.

        Raises:
            UploadGoneError: The upload is not open any more.
            StoreRefusedError: The store did not take these bytes.
        """
        ...

    def list_parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """List the parts the store holds durably, by number.

        Raises:
            UploadGoneError: The upload was completed, aborted or thrown away by the store.
        """
        ...

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> StoredVersion:
        """Make the parts one version and return it; durable on return.

        A repeat after a lost answer returns the version that the first call made. An empty file is one empty part.

        Raises:
            StoreRefusedError: The store's parts are not these parts; nothing was completed.
            UploadGoneError: Neither the upload nor a version of its key exists.
        """
        ...

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Throw the upload's parts away; an unknown upload is already aborted. Never touches a completed version."""
        ...

    def find_version(self, key: str) -> StoredVersion | None:
        """Return the current version of ``key``, or None when there is none."""
        ...

    def put_derivative(self, key: str, data: bytes) -> StoredVersion:
        """Store a small object that was made from an original (poster, thumbnail, frame); durable on return.

        A repeat with the same bytes returns the version that is there. Derivatives can be made again from the
        original, so no lock is asked for; a bucket's own default lock applies.

        Args:
            key: ``derivatives/<yyyy>/<32 hex>``; MUST NOT be used for other bytes.
            data: At most ``MAX_DERIVATIVE`` bytes.

        Raises:
            StoreRefusedError: Other bytes stand under this key, and stay.
        """
        ...

    def read(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Give the bytes of one version in pieces of at most 1 MiB, from the medium and not from this machine's cache.

        Args:
            key: The object.
            version_id: The version; never "the latest".
            offset: First byte.
            length: How many bytes; null for all that follow. Past the end, fewer are given.

        Raises:
            VersionMissingError: There is no such version.
            StoreUnavailableError: It broke off; what was given so far is not the whole.
        """
        ...

    def read_lock(self, key: str, version_id: str) -> LockState:
        """Read the lock of one version back from the store.

        Raises:
            VersionMissingError: There is no such version.
        """
        ...

    def extend_lock(self, key: str, version_id: str, until: datetime) -> None:
        """Ask for a COMPLIANCE lock until ``until``. The return proves nothing: call ``read_lock``."""
        ...

    def probe(self, now: datetime) -> CapabilityReport:
        """Look, without writing objects, whether the store has what the product needs."""
        ...

    def run_canary(self, now: datetime) -> CanaryReport:
        """Try to break locked versions in the scratch bucket and report what was still there afterwards."""
        ...

    def close(self) -> None:
        """Close connections and files; nothing else may be called afterwards."""
        ...

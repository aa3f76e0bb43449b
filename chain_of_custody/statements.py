"""What a dock signs: inventory, manifest, docking report and clearing statement, each a DSSE envelope.

Each statement names the ledger's origin, the dock, the docking, a counter that only grows, and the dock's time, so that
no statement can be taken for another. They hold personal data and are records, never leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self, TypeVar

from chain_of_custody.canonical import JsonValue, canonical_json, parse_canonical
from chain_of_custody.digests import Digests, check_hex64
from chain_of_custody.dsse import Envelope, sign_envelope, verify_envelope
from chain_of_custody.identities import check_id
from chain_of_custody.signing import SigningKey, VerifyKey
from chain_of_custody.statement_fields import (
    HEADER_FIELDS,
    MAX_CLAIMS,
    MAX_FILES,
    check_claims,
    check_count,
    check_failures,
    check_file,
    check_findings,
    check_list,
    check_object,
    check_path,
    check_recorder_time,
    check_text,
    check_volume,
    read_header,
    take_fields,
)

__all__ = [
    "Clearing",
    "DockingReport",
    "Header",
    "Inventory",
    "Manifest",
    "Statement",
    "open_statement",
    "sign_statement",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What every statement names.

    Attributes:
        origin: The ledger it is meant for.
        dock_id: The dock, 32 hex digits.
        docking_id: The docking, 32 hex digits, chosen by the dock.
        counter: Grows with every statement of this dock key.
        time: Instant by the dock's clock.
    """

    origin: str
    dock_id: str
    docking_id: str
    counter: int
    time: str

    def _header_json(self) -> dict[str, JsonValue]:
        return {"v": 1} | {name: getattr(self, name) for name in HEADER_FIELDS[1:]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory(Header):
    """Everything found on a volume, signed before anything is copied.

    Attributes:
        volume: What the volume says of itself and how it is mounted.
        profile: Name of the recorder profile it was recognised by.
        claims: Values with their source.
        files: One object a directory entry that matters.
        findings: What the scan noticed.
        clock: Evidence about the recorder's clock.
    """

    TYPE: ClassVar[str] = "application/vnd.evidock.inventory.v1+json"
    volume: Mapping[str, JsonValue]
    profile: str
    claims: tuple[JsonValue, ...] = ()
    files: tuple[JsonValue, ...] = ()
    findings: tuple[JsonValue, ...] = ()
    clock: Mapping[str, JsonValue] = field(default_factory=dict)

    def to_json(self) -> dict[str, JsonValue]:
        """The payload's object."""
        return {
            **self._header_json(),
            "volume": dict(self.volume),
            "profile": self.profile,
            "claims": list(self.claims),
            "files": list(self.files),
            "findings": list(self.findings),
            "clock": dict(self.clock),
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read an inventory; raises MalformedError."""
        rest = take_fields(value, "volume profile claims files findings clock")
        files = check_list(rest["files"], MAX_FILES)
        for file in files:
            check_file(file)
        return cls(
            **read_header(rest),
            volume=check_volume(rest["volume"]),
            profile=check_text(rest["profile"]),
            claims=check_claims(rest["claims"]),
            files=tuple(files),
            findings=check_findings(rest["findings"]),
            clock=check_object(rest["clock"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Header):
    """What the dock read of one file.

    Attributes:
        inventory_sha256: SHA-256 of the inventory's envelope bytes.
        path_b64: Raw path from the volume root, base64; evidence.
        path: The path for people; display.
        size: Bytes.
        digests: Of all bytes, from the one read pass.
        mtime: Recorder time claim of the file system, or None.
        claims: Values with their source.
        findings: What was noticed while reading.
    """

    TYPE: ClassVar[str] = "application/vnd.evidock.manifest.v1+json"
    inventory_sha256: str
    path_b64: str
    path: str
    size: int
    digests: Digests
    mtime: JsonValue = None
    claims: tuple[JsonValue, ...] = ()
    findings: tuple[JsonValue, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """The payload's object."""
        return {
            **self._header_json(),
            "inventory_sha256": self.inventory_sha256,
            "path_b64": self.path_b64,
            "path": self.path,
            "size": self.size,
            "digests": self.digests.to_json(),
            "mtime": self.mtime,
            "claims": list(self.claims),
            "findings": list(self.findings),
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a manifest; raises MalformedError."""
        rest = take_fields(value, "inventory_sha256 path_b64 path size digests mtime claims findings")
        return cls(
            **read_header(rest),
            inventory_sha256=check_hex64(rest["inventory_sha256"]),
            path_b64=check_path(rest["path_b64"]),
            path=check_text(rest["path"]),
            size=check_count(rest["size"]),
            digests=Digests.from_json(rest["digests"]),
            mtime=check_recorder_time(rest["mtime"]),
            claims=check_claims(rest["claims"]),
            findings=check_findings(rest["findings"], MAX_CLAIMS),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DockingReport(Header):
    """How a docking ended: counts, and each file that was not sealed with its reason."""

    TYPE: ClassVar[str] = "application/vnd.evidock.docking.v1+json"
    found: int
    sealed: int
    already_sealed: int
    waiting: int
    failed: tuple[JsonValue, ...] = ()
    findings: tuple[JsonValue, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """The payload's object."""
        return {
            **self._header_json(),
            "found": self.found,
            "sealed": self.sealed,
            "already_sealed": self.already_sealed,
            "waiting": self.waiting,
            "failed": list(self.failed),
            "findings": list(self.findings),
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a docking report; raises MalformedError."""
        rest = take_fields(value, "found sealed already_sealed waiting failed findings")
        return cls(
            **read_header(rest),
            found=check_count(rest["found"]),
            sealed=check_count(rest["sealed"]),
            already_sealed=check_count(rest["already_sealed"]),
            waiting=check_count(rest["waiting"]),
            failed=check_failures(rest["failed"]),
            findings=check_findings(rest["findings"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing(Header):
    """That the dock removed one sealed file from the recorder and read back that it is gone."""

    TYPE: ClassVar[str] = "application/vnd.evidock.clearing.v1+json"
    evidence_id: str
    path_b64: str
    size: int
    digests: Digests

    def to_json(self) -> dict[str, JsonValue]:
        """The payload's object."""
        return {
            **self._header_json(),
            "evidence_id": self.evidence_id,
            "path_b64": self.path_b64,
            "size": self.size,
            "digests": self.digests.to_json(),
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a clearing statement; raises MalformedError."""
        rest = take_fields(value, "evidence_id path_b64 size digests")
        return cls(
            **read_header(rest),
            evidence_id=check_id(rest["evidence_id"]),
            path_b64=check_path(rest["path_b64"]),
            size=check_count(rest["size"]),
            digests=Digests.from_json(rest["digests"]),
        )


Statement = Inventory | Manifest | DockingReport | Clearing
StatementT = TypeVar("StatementT", Inventory, Manifest, DockingReport, Clearing)


def sign_statement(statement: Statement, key: SigningKey) -> Envelope:
    """Sign a statement with the dock's key."""
    return sign_envelope(statement.TYPE, canonical_json(statement.to_json()), key)


def open_statement(envelope: Envelope, key: VerifyKey, kind: type[StatementT]) -> StatementT:
    """Return a statement once it is proved to be of this kind and signed by this dock key.

    Raises:
        VerificationError: Another kind, another key, or a signature that does not match.
        MalformedError: The payload is not canonical or not a statement of this kind.
    """
    return kind.from_json(parse_canonical(verify_envelope(envelope, key, kind.TYPE)))

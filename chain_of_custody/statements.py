"""What a dock signs: inventory, manifest, docking report and clearing statement, each a DSSE envelope.

Each statement names the ledger's origin, the dock, the docking, a counter that only grows, and the dock's time, so that
no statement can be taken for another. They hold personal data and are records, never leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeVar

from chain_of_custody.canonical import MAX_INTEGER, JsonValue, canonical_json, parse_canonical
from chain_of_custody.digests import Digests, check_hex64
from chain_of_custody.dsse import Envelope, decode_base64, sign_envelope, verify_envelope
from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import check_id
from chain_of_custody.instants import parse_instant
from chain_of_custody.leaves import check_origin
from chain_of_custody.signing import SigningKey, VerifyKey

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

_MAX_TEXT = 4096
_MAX_FILES = 1_000_000
_MAX_CLAIMS = 1_000
_HEADER_FIELDS = ("v", "origin", "dock_id", "docking_id", "counter", "time")
_FILE_KINDS = frozenset({"file", "symlink", "directory", "other", "unreadable"})
_FILE_STATES = frozenset({"found", "failed", "finding"})


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
        return {"v": 1} | {name: getattr(self, name) for name in _HEADER_FIELDS[1:]}


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
        rest = _take_fields(value, "volume profile claims files findings clock")
        files = _check_list(rest["files"], _MAX_FILES)
        for file in files:
            _check_file(file)
        return cls(
            **_read_header(value),
            volume=_check_object(rest["volume"]),
            profile=_check_text(rest["profile"]),
            claims=tuple(_check_list(rest["claims"], _MAX_CLAIMS)),
            files=tuple(files),
            findings=tuple(_check_list(rest["findings"], _MAX_FILES)),
            clock=_check_object(rest["clock"]),
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
        rest = _take_fields(value, "inventory_sha256 path_b64 path size digests mtime claims findings")
        if rest["mtime"] is not None:
            _check_object(rest["mtime"])
        return cls(
            **_read_header(value),
            inventory_sha256=check_hex64(rest["inventory_sha256"]),
            path_b64=_check_path(rest["path_b64"]),
            path=_check_text(rest["path"]),
            size=_check_count(rest["size"]),
            digests=Digests.from_json(rest["digests"]),
            mtime=rest["mtime"],
            claims=tuple(_check_list(rest["claims"], _MAX_CLAIMS)),
            findings=tuple(_check_list(rest["findings"], _MAX_CLAIMS)),
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
        rest = _take_fields(value, "found sealed already_sealed waiting failed findings")
        failed = _check_list(rest["failed"], _MAX_FILES)
        for item in failed:
            entry = _check_object(item)
            _check_path(entry.get("path_b64"))
            _check_text(entry.get("reason"))
        return cls(
            **_read_header(value),
            found=_check_count(rest["found"]),
            sealed=_check_count(rest["sealed"]),
            already_sealed=_check_count(rest["already_sealed"]),
            waiting=_check_count(rest["waiting"]),
            failed=tuple(failed),
            findings=tuple(_check_list(rest["findings"], _MAX_FILES)),
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
        rest = _take_fields(value, "evidence_id path_b64 size digests")
        return cls(
            **_read_header(value),
            evidence_id=check_id(rest["evidence_id"]),
            path_b64=_check_path(rest["path_b64"]),
            size=_check_count(rest["size"]),
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


def _take_fields(value: JsonValue, names: str) -> dict[str, JsonValue]:
    """Check that an object has exactly the header's fields and these; return it."""
    if not isinstance(value, dict) or value.keys() != {*_HEADER_FIELDS, *names.split()}:
        raise MalformedError("a statement with other fields")
    return value


def _read_header(value: JsonValue) -> dict[str, Any]:
    assert isinstance(value, dict)
    if value["v"] != 1 or value["v"] is True:
        raise MalformedError("not a statement of version 1")
    parse_instant(value["time"])
    return {
        "origin": check_origin(value["origin"]),
        "dock_id": check_id(value["dock_id"]),
        "docking_id": check_id(value["docking_id"]),
        "counter": _check_count(value["counter"]),
        "time": value["time"],
    }


def _check_file(value: JsonValue) -> None:
    file = _check_object(value)
    if file.keys() != {"path_b64", "path", "kind", "size", "mtime", "state", "reason"}:
        raise MalformedError("a file of the inventory with other fields")
    _check_path(file["path_b64"])
    _check_text(file["path"])
    if file["kind"] not in _FILE_KINDS or file["state"] not in _FILE_STATES:
        raise MalformedError("a file of the inventory of unknown kind or state")
    if file["size"] is not None:
        _check_count(file["size"])
    if file["mtime"] is not None:
        _check_object(file["mtime"])
    if file["reason"] is not None:
        _check_text(file["reason"])


def _check_path(value: JsonValue) -> str:
    """A raw path: relative, without NUL, empty or dot-only names; never followed, only compared."""
    raw = decode_base64(value)
    if len(raw) > _MAX_TEXT or b"\0" in raw or any(part in {b"", b".", b".."} for part in raw.split(b"/")):
        raise MalformedError("not a path from the volume root")
    return str(value)


def _check_text(value: JsonValue) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT * 4:
        raise MalformedError("not a text")
    return value


def _check_count(value: JsonValue) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_INTEGER:
        raise MalformedError("not a count")
    return value


def _check_object(value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise MalformedError("not an object")
    return value


def _check_list(value: JsonValue, limit: int) -> list[JsonValue]:
    if not isinstance(value, list) or len(value) > limit:
        raise MalformedError("not a list of allowed length")
    return value

"""A small installation in memory of its own: a real ledger, one dock, recordings, a case file and exports.

It plays the server's and the dock's part with the real formats, so that verifying can be tested without either.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chain_of_custody import bag
from chain_of_custody.canonical import JsonValue
from chain_of_custody.digests import Digests, sha256_hex
from chain_of_custody.gathering import gather_entries, gather_proofs, list_heads, list_subjects
from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from chain_of_custody.ledger import Entry, EventDraft, Ledger
from chain_of_custody.packaging import Original, PackageSummary, write_package
from chain_of_custody.signing import SigningKey
from chain_of_custody.statements import Manifest, sign_statement
from chain_of_custody.ziptrust import MEMBER_MODE

OPERATOR: dict[str, JsonValue] = {"kind": "operator", "name": "operator kim@station"}


class SteppingClock:
    """A clock that moves a millisecond each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Installation:
    """One agency's ledger and dock. ``originals`` is its store."""

    folder: Path
    origin: str = "ledger.example.org/agency/2025"
    clock: SteppingClock = field(default_factory=SteppingClock)
    dock_key: SigningKey = field(default_factory=SigningKey.generate)
    dock_id: str = field(default_factory=new_id)
    docking_id: str = field(default_factory=new_id)
    originals: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    counter: int = 0

    def __post_init__(self) -> None:
        self.actor = new_id()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger.create(
            self.folder,
            origin=self.origin,
            log_key=SigningKey.generate(),
            event_key=SigningKey.generate(),
            clock=self.clock,
            actor=self.actor,
            actor_part=dict(OPERATOR),
        )

    @property
    def vkey(self) -> str:
        return self.ledger.vkey

    def append(
        self, type_: str, subject: str, kind: str, *, device: dict[str, JsonValue] | None = None, **parts: JsonValue
    ) -> Entry:
        parts.setdefault("actor", dict(OPERATOR))
        draft = EventDraft(type_, subject, kind, self.actor, parts, device)
        return self.ledger.append([draft])[0]

    def enrol(self) -> None:
        key = {"dock_key": self.dock_key.public.hex, "algorithm": "ed25519"}
        self.append("dock.enrolled", self.dock_id, "dock", key=key, dock={"name": "Desk 1"})

    def revoke(self) -> None:
        key = {"dock_key": self.dock_key.public.hex, "algorithm": "ed25519"}
        self.append("dock.revoked", self.dock_id, "dock", key=key, reason={"reason": "stolen"})

    def manifest(self, data: bytes, **changes: object) -> Manifest:
        self.counter += 1
        values: dict[str, object] = {
            "origin": self.origin,
            "dock_id": self.dock_id,
            "docking_id": self.docking_id,
            "counter": self.counter,
            "time": format_instant(self.clock()),
            "inventory_sha256": "1" * 64,
            "path_b64": "RENJTS8wMDAxLm1wNA==",
            "path": "DCIM/0001.mp4",
            "size": len(data),
            "digests": Digests(sha256_hex(data)),
            "mtime": None,
            "claims": (),
            "findings": (),
        }
        return Manifest(**{**values, **changes})  # type: ignore[arg-type]

    def receive(
        self,
        data: bytes,
        *,
        type_: str = "recording.received",
        kind: str = "recording",
        evidence_id: str | None = None,
        key: SigningKey | None = None,
        received: dict[str, JsonValue] | None = None,
        sm3: str | None = None,
        device: dict[str, JsonValue] | None = None,
        **changes: object,
    ) -> str:
        """Record a reception; ``changes`` alter the manifest, ``received`` and ``device`` the server's statements."""
        subject = evidence_id or new_id()
        digests = Digests(sha256_hex(data), sm3)
        manifest = self.manifest(data, **{"digests": digests, **changes})
        envelope = sign_statement(manifest, key or self.dock_key)
        spoke: dict[str, JsonValue] = {"key": envelope.key_id, "counter": manifest.counter, "time": manifest.time}
        values: dict[str, JsonValue] = {
            "manifest_sha256": sha256_hex(envelope.to_bytes()),
            "digests": digests.to_json(),
            "size": len(data),
            "store_key": "originals/2025/" + "0" * 32,
            "version_id": "v1",
            "lock_mode": "none",
            "retain_until": None,
            **(received or {}),
        }
        recording: JsonValue = {"docking_id": self.docking_id, "dock_id": self.dock_id, "path": "DCIM/0001.mp4"}
        said: dict[str, JsonValue] = {"received": values, "manifest": envelope.to_json(), "recording": recording}
        self.append(type_, subject, kind, device={**spoke, **(device or {})}, **said)
        self.originals.setdefault(subject, ("0001.MP4", data))
        return subject

    def prepare(
        self, recordings: list[str], others: tuple[str, ...] = (), *, heads: list[JsonValue] | None = None
    ) -> Entry:
        listed = list_heads(self.ledger, list_subjects(self.ledger, recordings, others)) if heads is None else heads
        prepared: JsonValue = {"casefile": None, "number": "2025-1", "title": "Night <shift>", "heads": listed}
        return self.append("export.prepared", new_id(), "export", prepared=prepared, reason={"reason": "court"})

    def export(self, recordings: list[str], others: tuple[str, ...] = ()) -> bytes:
        return self.write(self.prepare(recordings, others), recordings)[0]

    def write(self, prepared: Entry, recordings: list[str]) -> tuple[bytes, PackageSummary]:
        entries = gather_entries(self.ledger, prepared)
        out = io.BytesIO()
        summary = write_package(
            out,
            top="case 2025-1",
            originals=[self.original(evidence_id) for evidence_id in recordings],
            entries=entries,
            ledger_proofs=gather_proofs(self.ledger, entries),
            prepared_index=prepared.index,
            vkey=self.vkey,
        )
        return out.getvalue(), summary

    def original(self, evidence_id: str) -> Original:
        name, data = self.originals[evidence_id]
        return Original(evidence_id, name, len(data), sha256_hex(data), lambda: _pieces(data))


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


def read_members(package: bytes) -> dict[str, bytes]:
    """Return a package's members by their path in the bag's folder."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write_members(members: dict[str, bytes], *, renew: bool = True, top: str = "case-2025-1") -> bytes:
    """Write members as a package; ``renew`` makes the manifests fit, as a forger would."""
    if renew:
        members = renew_manifests(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(f"{top}/{name}", (2025, 3, 4, 5, 6, 6))
            info.external_attr = MEMBER_MODE << 16
            archive.writestr(info, data)
    return out.getvalue()


def renew_manifests(members: dict[str, bytes]) -> dict[str, bytes]:
    """Return the members with manifests that fit them."""
    found = {name: data for name, data in members.items() if not name.endswith("manifest-sha256.txt")}
    payload = {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name.startswith("data/")}
    found[bag.MANIFEST_NAME] = bag.format_manifest(payload)
    tags = {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if not name.startswith("data/")}
    found[bag.TAG_MANIFEST_NAME] = bag.format_manifest(tags)
    return found


def forge(package: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return the package after a change to its members, with manifests that fit again."""
    members = read_members(package)
    change(members)
    return write_members(members)

"""Steps 8 and 9: originals, the events that received them, and the docks that signed for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain_of_custody.canonical import JsonValue
from chain_of_custody.chains import RECEIVED, Completeness
from chain_of_custody.digests import Digests, Hasher, check_hex64, sha256_hex
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.errors import MalformedError, UndecidableError, VerificationError
from chain_of_custody.establishing import KeyPeriod, KeyRegister
from chain_of_custody.identities import show_id
from chain_of_custody.package import DataFile, PackedLeaf, member_name
from chain_of_custody.progress import Progress, Step
from chain_of_custody.receipts import check_lock
from chain_of_custody.statement_fields import check_count
from chain_of_custody.statements import Manifest, open_statement

__all__ = [
    "PRESENTED_AGAIN",
    "Docks",
    "ProvedRecording",
    "ReceivedFile",
    "ReceivedValues",
    "check_dock_signatures",
    "check_files",
    "parse_received",
    "read_received",
]

PRESENTED_AGAIN = "recording.presented_again"


@dataclass(frozen=True)
class ReceivedValues:
    """What the server states in a ``received`` part after its read-back."""

    manifest_sha256: str
    digests: Digests
    size: int
    lock_mode: str
    retain_until: str | None


@dataclass(frozen=True)
class ReceivedFile:
    """A recording whose original is in the package and equals what its event committed to."""

    evidence_id: str
    file: DataFile
    received: PackedLeaf
    values: ReceivedValues
    chain: tuple[PackedLeaf, ...]


@dataclass(frozen=True)
class Docks:
    """What is known of docks: their keys, and whose histories are whole, so that no revocation can be left out."""

    origin: str
    keys: KeyRegister
    listed: frozenset[str]


@dataclass(frozen=True)
class ProvedRecording:
    """A recording whose original, receiving event and dock's signature belong together."""

    evidence_id: str
    file: DataFile
    received: PackedLeaf
    digests: Digests
    lock_mode: str
    manifest: Manifest
    dock: KeyPeriod
    chain: tuple[PackedLeaf, ...]


def read_received(packed: PackedLeaf) -> ReceivedValues:
    """Read the disclosed ``received`` part; raises VerificationError without it, MalformedError in another form."""
    if "received" not in packed.openings:
        raise VerificationError(f"{packed.leaf.type} does not disclose what was received")
    return parse_received(packed.openings["received"].value)


def parse_received(value: JsonValue) -> ReceivedValues:
    """Read a ``received`` part; raises MalformedError, also for a lock that is none and not said to be none."""
    match value:
        case {
            "manifest_sha256": manifest,
            "digests": digests,
            "size": size,
            "lock_mode": str(mode),
            "retain_until": str() | None as until,
        }:
            check_lock(mode, until)
            return ReceivedValues(check_hex64(manifest), Digests.from_json(digests), check_count(size), mode, until)
        case _:
            raise MalformedError("the part 'received' lacks a field")


def check_files(files: Sequence[DataFile], completeness: Completeness, progress: Progress) -> tuple[ReceivedFile, ...]:
    """Step 8: every file under ``data/`` is a listed recording's, every listed recording has its file, bytes are equal.

    Raises:
        VerificationError: A file belongs to no opened ``recording.received``, one is missing, or bytes differ.
        UndecidableError: The export lists no recording at all.
    """
    by_id: dict[str, DataFile] = {}
    listed = dict.fromkeys(completeness.of_kind("recording"))
    for file in files:
        progress.at(Step.FILES, file.name)
        if file.evidence_id not in listed or file.evidence_id in by_id:
            raise VerificationError("no opened recording.received of a listed recording commits to this file")
        by_id[file.evidence_id] = file
    found = []
    for evidence_id in listed:
        chain = completeness.chains[evidence_id]
        progress.at(Step.FILES, f"recording {show_id(evidence_id)}")
        if evidence_id not in by_id:
            raise VerificationError("export.prepared lists it, but its file is missing")
        received = _find_received(chain)
        progress.at(Step.FILES, member_name("openings", received.index))
        values = read_received(received)
        progress.at(Step.FILES, by_id[evidence_id].name)
        _compare_file(by_id[evidence_id], values, progress)
        found.append(ReceivedFile(evidence_id, by_id[evidence_id], received, values, chain))
    if not found:
        raise UndecidableError("the package proves no recording")
    return tuple(found)


def _find_received(chain: Sequence[PackedLeaf]) -> PackedLeaf:
    if chain[0].leaf.type != RECEIVED or any(packed.leaf.type == RECEIVED for packed in chain[1:]):
        raise VerificationError("a recording's history begins with its one recording.received")
    return chain[0]


def _compare_file(file: DataFile, values: ReceivedValues, progress: Progress) -> None:
    if file.size != values.size or file.sha2_256 != values.digests.sha2_256:
        raise VerificationError("its size or SHA-256 is not what recording.received committed to")
    if values.digests.sm3 is None:
        return
    try:
        state = Hasher(sm3=True)
    except ValueError:
        # Some builds of OpenSSL have no SM3. SHA-256 has decided already; that SM3 was not looked at is said.
        progress.leave_open("sm3_unavailable", file=file.name)
        return
    # SM3 costs four times SHA-256, so the bytes are read for it only where a digest was committed to.
    for piece in file.read():
        state.update(piece)
    if state.digests() != values.digests:
        raise VerificationError("its SM3 is not what recording.received committed to")


def check_dock_signatures(
    found: Sequence[ReceivedFile], docks: Docks, progress: Progress
) -> tuple[ProvedRecording, ...]:
    """Step 9: each reception, first or repeated, carries the manifest of a dock whose key counted at that index.

    Raises:
        VerificationError: A manifest is missing, false, of a dock not established, or differs from what was received.
        MalformedError: A manifest is not in its format.
    """
    proved = []
    for item in found:
        for again in item.chain:
            if again.leaf.type == PRESENTED_AGAIN:
                _check_presented_again(again, item.values, docks, progress)
        manifest, dock = _check_manifest(item.received, item.values, docks, progress)
        proved.append(
            ProvedRecording(
                item.evidence_id,
                item.file,
                item.received,
                item.values.digests,
                item.values.lock_mode,
                manifest,
                dock,
                item.chain,
            )
        )
        progress.prove(
            "recording",
            file=item.file.name,
            size=item.file.size,
            dock=dock.name or dock.holder,
            index=item.received.index,
            time=item.received.leaf.time,
        )
    return tuple(proved)


def _check_presented_again(packed: PackedLeaf, first: ReceivedValues, docks: Docks, progress: Progress) -> None:
    progress.at(Step.DOCK_SIGNATURES, member_name("openings", packed.index))
    values = read_received(packed)
    both_sm3 = {values.digests.sm3, first.digests.sm3} - {None}
    if values.size != first.size or values.digests.sha2_256 != first.digests.sha2_256 or len(both_sm3) > 1:
        raise VerificationError("what was presented again is not what was received first")
    _check_manifest(packed, values, docks, progress)


def _check_manifest(
    packed: PackedLeaf, values: ReceivedValues, docks: Docks, progress: Progress
) -> tuple[Manifest, KeyPeriod]:
    progress.at(Step.DOCK_SIGNATURES, member_name("openings", packed.index))
    if "manifest" not in packed.openings:
        raise VerificationError(f"{packed.leaf.type} does not disclose the dock's manifest")
    envelope = parse_envelope(packed.openings["manifest"].value)
    if sha256_hex(envelope.to_bytes()) != values.manifest_sha256:
        raise VerificationError("the manifest is not the one whose digest was received")
    dock = docks.keys.dock_key(envelope.key_id, packed.index)
    if dock.holder not in docks.listed:
        raise VerificationError("export.prepared does not list the dock that signed: a revocation could be left out")
    manifest = open_statement(envelope, dock.key, Manifest)
    device = {"key": envelope.key_id, "counter": manifest.counter, "time": manifest.time}
    if packed.leaf.device is not None and packed.leaf.device != device:
        raise VerificationError("the leaf names another device, counter or time than the manifest's")
    if manifest.origin != docks.origin or manifest.dock_id != dock.holder:
        raise VerificationError("the manifest was signed for another ledger or as another dock")
    if manifest.size != values.size or manifest.digests != values.digests:
        raise VerificationError("the manifest names another size or digest than what was received")
    _compare_recording(packed.openings["recording"].value if "recording" in packed.openings else {}, manifest)
    return manifest, dock


def _compare_recording(part: JsonValue, manifest: Manifest) -> None:
    """What the server says of the file's origin must be what the dock signed, as far as it is disclosed."""
    stated: Mapping[str, JsonValue] = part if isinstance(part, dict) else {}
    signed = {"path_b64": manifest.path_b64, "docking_id": manifest.docking_id, "dock_id": manifest.dock_id}
    for name, value in signed.items():
        if name in stated and stated[name] != value:
            raise VerificationError(f"the server's '{name}' is not what the dock signed")

"""Dockings: the signed inventory first, the report last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chain_of_custody.canonical import canonical_json
from chain_of_custody.digests import sha256_hex
from chain_of_custody.dsse import Envelope, parse_envelope
from chain_of_custody.errors import DuplicateClaimError, MalformedError, VerificationError
from chain_of_custody.identities import new_id
from chain_of_custody.signing import VerifyKey
from chain_of_custody.statements import DockingReport, Inventory, Statement, StatementT, open_statement
from ingest_server.custody.actors import dock_actor
from ingest_server.custody.recording import Event
from ingest_server.docks.queries import Dock, find_docking
from ingest_server.errors import BadRequestError, ConflictedError, ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.installation import Installation


@dataclass(frozen=True, slots=True)
class Docking:
    """One docking of one recorder at one dock."""

    docking_id: str
    recorder_id: str
    dock_id: str
    inventory_sha256: str


def open_signed(
    installation: Installation, dock: Dock, value: JsonValue, kind: type[StatementT]
) -> tuple[StatementT, Envelope, str]:
    """Verify a statement of this dock for this ledger, whose counter was not used for another one.

    Returns:
        The statement, its envelope and the envelope's SHA-256.

    Raises:
        BadRequestError: Not a statement of this kind.
        ForbiddenError: Another signer, ledger or dock.
        ConflictedError: The counter stands under another statement.
    """
    try:
        envelope = parse_envelope(value)
        statement = open_statement(envelope, VerifyKey.from_hex(dock.key_hex), kind)
    except MalformedError as error:
        raise BadRequestError("bad_request", str(error)) from error
    except VerificationError as error:
        raise ForbiddenError("bad_signature", str(error)) from error
    if statement.origin != installation.config.origin or statement.dock_id != dock.dock_id:
        raise ForbiddenError("manifest_mismatch", "the statement is for another ledger or of another dock")
    digest = sha256_hex(envelope.to_bytes())
    _keep_counter(installation, envelope.key_id, statement, digest)
    return statement, envelope, digest


def _keep_counter(installation: Installation, key_id: str, statement: Statement, digest: str) -> None:
    """A counter stands for one statement; the same statement again is a repeat after a lost answer."""
    private = installation.private
    private.execute(
        "insert or ignore into statements (key_id, counter, digest) values (?, ?, ?)", key_id, statement.counter, digest
    )
    row = private.fetch_one("select digest from statements where key_id = ? and counter = ?", key_id, statement.counter)
    if row is None or row["digest"] != digest:
        raise ConflictedError("counter_reused")


def make_device(envelope: Envelope, statement: Statement) -> dict[str, JsonValue]:
    """The leaf's ``device``: which key spoke, with its counter and time."""
    return {"key": envelope.key_id, "counter": statement.counter, "time": statement.time}


def open_docking(installation: Installation, dock: Dock, value: JsonValue) -> Docking:
    """Record a signed inventory as ``recorder.docked``; repeated, the same docking is given again."""
    inventory, envelope, digest = open_signed(installation, dock, value, Inventory)
    existing = find_docking(installation.catalogue, inventory.docking_id)
    if existing is not None:
        return _confirm_docking(existing, dock, digest)
    identity = derive_identity(dock, inventory)
    claim = "recorder:" + sha256_hex(canonical_json(identity["key"]))
    while True:
        held = installation.ledger.claimed(claim)
        recorder_id = held[0] if held else new_id()
        sizes = [file["size"] for file in inventory.files if isinstance(file, dict) and file["state"] == "found"]
        docked: dict[str, JsonValue] = {
            "docking_id": inventory.docking_id,
            "dock_id": dock.dock_id,
            "inventory_sha256": digest,
            "files": len(sizes),
            "bytes": sum(size for size in sizes if isinstance(size, int)),
        }
        parts: dict[str, JsonValue] = {
            "docked": docked,
            "inventory": envelope.to_json(),
            "identity": {name: item for name, item in identity.items() if name != "key"},
            "findings": list(inventory.findings),
        }
        docking_claim = f"docking:{inventory.docking_id}"
        event = Event(
            "recorder.docked",
            "recorder",
            recorder_id,
            parts,
            device=make_device(envelope, inventory),
            claims=(docking_claim,) if held else (docking_claim, claim),
        )
        try:
            installation.custody.record(dock_actor(dock.dock_id, dock.name), event)
        except DuplicateClaimError as error:
            if error.claim == docking_claim:
                row = find_docking(installation.catalogue, inventory.docking_id)
                if row is None:
                    raise NotFoundError("not_found") from error
                return _confirm_docking(row, dock, digest)
            # Another docking has just met this recorder for the first time: it is known now.
            continue
        return Docking(inventory.docking_id, recorder_id, dock.dock_id, digest)


def derive_identity(dock: Dock, inventory: Inventory) -> dict[str, Any]:
    """Whose volume this is (formats, section 2): the USB hardware serial, else the source it was seen at.

    A serial found only in names is a claim and never merges across docks.
    """
    volume = inventory.volume
    names = [claim for claim in inventory.claims if isinstance(claim, dict) and claim.get("name") == "serial"]
    serial = next((str(claim.get("value")) for claim in names), None)
    hardware = volume.get("hardware_serial")
    if isinstance(hardware, str) and hardware.strip("0 "):
        key: dict[str, JsonValue] = {"hardware_serial": hardware, "usb": volume.get("usb")}
        return {"basis": "hardware", "hardware_serial": hardware, "serial": serial, "key": key}
    place = volume.get("fs_uuid") or volume.get("device")
    key = {"dock_key": dock.key_hex, "place": place, "root": volume.get("root")}
    return {"basis": "source", "hardware_serial": None, "serial": serial, "key": key}


def get_docking(installation: Installation, dock: Dock, docking_id: str) -> Docking:
    """A docking of this dock; raises NotFoundError."""
    row = find_docking(installation.catalogue, docking_id)
    if row is None or row["dock_id"] != dock.dock_id:
        raise NotFoundError("not_found", "no such docking of this dock")
    return Docking(row["docking_id"], row["recorder_id"], row["dock_id"], row["inventory_sha256"])


def close_docking(installation: Installation, dock: Dock, docking_id: str, value: JsonValue) -> None:
    """Record the docking's report; repeated, nothing happens."""
    report, envelope, _ = open_signed(installation, dock, value, DockingReport)
    docking = get_docking(installation, dock, docking_id)
    if report.docking_id != docking_id:
        raise ForbiddenError("manifest_mismatch", "the report is of another docking")
    undocked: dict[str, JsonValue] = {
        "docking_id": docking_id,
        "found": report.found,
        "sealed": report.sealed,
        "already_sealed": report.already_sealed,
        "failed": len(report.failed),
        "waiting": report.waiting,
    }
    event = Event(
        "recorder.undocked",
        "recorder",
        docking.recorder_id,
        {"undocked": undocked, "report": envelope.to_json(), "findings": list(report.findings)},
        device=make_device(envelope, report),
        claims=(f"undocked:{docking_id}:{report.counter}",),
    )
    try:
        installation.custody.record(dock_actor(dock.dock_id, dock.name), event)
    except DuplicateClaimError:
        return


def _confirm_docking(row: dict[str, Any], dock: Dock, digest: str) -> Docking:
    if row["dock_id"] != dock.dock_id or row["inventory_sha256"] != digest:
        raise ConflictedError("already_exists", "this docking has another inventory")
    return Docking(row["docking_id"], row["recorder_id"], row["dock_id"], row["inventory_sha256"])

"""The frozen vectors of format version 1, made from fixed seeds, salts and identities.

``python -m tests.support.format_vectors`` writes the files that are missing under ``tests/vectors/v1`` and touches no
other: what is written is frozen.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from chain_of_custody.canonical import canonical_json
from chain_of_custody.digests import sha256_hex
from chain_of_custody.identities import ledger_subject, policy_subject, show_id
from chain_of_custody.leaves import leaf_digest
from chain_of_custody.merkle import hash_leaf
from chain_of_custody.note import sign_note
from chain_of_custody.statements import sign_statement
from chain_of_custody.tiles import encode_bundle, entries_path, tile_path, tile_width
from tests.support.dock_statements import CLEARING, FILE, INVENTORY, MANIFEST, REPORT
from tests.support.naive_log import ORIGIN, NaiveLog, expect, make_id, make_key, make_opening, naive_root

FOLDER = Path(__file__).parent.parent / "vectors" / "v1"
DOCK_KEY = make_key("dock")
SIZE = 260
INDEX = 3
SEEN = 5


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def make_log() -> NaiveLog:
    """A log of 260 leaves: the opening of the ledger, recordings, one reading event with device and anchor."""
    log = NaiveLog()
    opened = {"event_key": log.event_key.public.hex, "vkey": log.vkey, "origin": ORIGIN}
    log.append("ledger.opened", ledger_subject(ORIGIN), "ledger", make_opening("opened", opened))
    for number in range(2):
        log.receive(b"earlier %d" % number)
    manifest = sign_statement(MANIFEST, DOCK_KEY)
    assert log.receive(FILE, manifest=manifest.to_bytes().decode()) == INDEX
    device = {"key": DOCK_KEY.public.key_id, "counter": 4, "time": "2026-11-24T08:00:00.000000Z"}
    anchor = {"size": 4, "root": encode(naive_root(log.leaves[:4]))}
    subject = make_id("recording 3")
    clearing = make_opening(
        "clearing", {"docking_id": make_id("docking"), "path_b64": CLEARING.path_b64, "size": len(FILE)}
    )
    log.append("recording.cleared", subject, "recording", clearing, device=device, anchor=anchor)
    while len(log.leaves) < SIZE:
        log.receive(b"later %d" % len(log.leaves))
    return log


def describe_key(name: str) -> dict[str, Any]:
    key = make_key(name)
    return {"seed": key.to_seed().hex(), "public": key.public.hex, "key_id": key.public.key_id}


def make_identity() -> dict[str, Any]:
    identity = make_id("recording 3")
    return {
        "hex": identity,
        "shown": show_id(identity),
        "origin": ORIGIN,
        "ledger_subject": ledger_subject(ORIGIN),
        "policy_subject": policy_subject(ORIGIN),
    }


def make_commitment() -> dict[str, Any]:
    opening = make_opening(
        "received", {"size": 27, "name": "é€\u0001", "list": [None, True, -1], "B": {}, "a": 2**53 - 1}
    )
    encoded = canonical_json(opening.value)
    fields = [opening.label.encode(), opening.salt, encoded]
    hashed = b"evidock/commitment/v1\n" + b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return {
        "opening": opening.to_json(),
        "canonical_b64": encode(encoded),
        "hashed_hex": hashed.hex(),
        "commitment": opening.commitment(),
    }


def make_leaves(log: NaiveLog) -> dict[str, Any]:
    """Three leaves: a first one, the reception, and its successor with device and anchor."""
    return {
        "event_key": describe_key("log/event"),
        "leaves": [
            {
                "leaf_b64": encode(log.leaves[index]),
                "payload_b64": json.loads(log.leaves[index])["payload"],
                "leaf_digest": leaf_digest(log.leaves[index]),
                "leaf_hash_b64": encode(hash_leaf(log.leaves[index])),
                "openings": [opening.to_json() for opening in log.openings[index]],
            }
            for index in (0, INDEX, INDEX + 1)
        ],
    }


def make_statement(statement: Any) -> Callable[[NaiveLog], dict[str, Any]]:
    def make(log: NaiveLog) -> dict[str, Any]:
        envelope = sign_statement(statement, DOCK_KEY)
        return {
            "dock_key": describe_key("dock"),
            "payload_type": statement.TYPE,
            "statement": statement.to_json(),
            "payload_b64": encode(envelope.payload),
            "envelope_b64": encode(envelope.to_bytes()),
            "envelope_sha256": sha256_hex(envelope.to_bytes()),
        }

    return make


def make_note(log: NaiveLog) -> dict[str, Any]:
    text = "A note may hold empty lines.\n\nLike the one above.\n"
    other = NaiveLog(origin="witness.example.org", name="witness")
    return {
        "log_key": describe_key("log/log"),
        "vkeys": [log.vkey, other.vkey],
        "text": text,
        "note_b64": encode(sign_note(text, [log.signer, other.signer])),
    }


def make_checkpoint(log: NaiveLog) -> dict[str, Any]:
    sizes = (0, 1, SEEN, SIZE)
    return {
        "vkey": log.vkey,
        "checkpoints": [
            {"size": size, "root_b64": encode(log.checkpoint(size).root), "note_b64": encode(log.note(size))}
            for size in sizes
        ],
    }


def make_proof(log: NaiveLog) -> dict[str, Any]:
    return {
        "vkey": log.vkey,
        "leaf_b64": encode(log.leaves[INDEX]),
        "leaf_hash_b64": encode(hash_leaf(log.leaves[INDEX])),
        "proof": log.prove(INDEX).to_text(),
        "consistency": {
            "proof": log.prove_consistency(SEEN).to_json(),
            "old_root_b64": encode(log.checkpoint(SEEN).root),
            "new_root_b64": encode(log.checkpoint().root),
        },
    }


def make_receipt(log: NaiveLog) -> dict[str, Any]:
    """The receipt of one file, and receipts that a dock with this journal must refuse, each with its code."""
    manifest = sign_statement(MANIFEST, DOCK_KEY).to_bytes().decode()
    expected = expect(FILE, manifest)
    good = log.receipt(INDEX, old=SEEN)
    fork = make_log()
    fork.leaves[1] = log.leaves[2]
    rolled_back = log.receipt(INDEX, old=SEEN, size=4)
    refused = {
        "wrong_file": log.receipt(2, old=SEEN),
        "bad_opening": replace(good, openings=log.openings[2]),
        "not_included": replace(good, index=2, proof=log.prove(2)),
        "rolled_back": rolled_back,
        "forked": fork.receipt(INDEX, old=SEEN),
    }
    return {
        "vkey": log.vkey,
        "event_key": log.event_key.public.hex,
        "last_checkpoint_b64": encode(log.note(SEEN)),
        "expected": {
            "manifest_sha256": expected.manifest_sha256,
            "digests": expected.digests.to_json(),
            "size": expected.size,
        },
        "receipt": good.to_json(),
        "refused": {code: receipt.to_json() for code, receipt in refused.items()},
    }


def make_tile(log: NaiveLog) -> dict[str, Any]:
    hashes = [hash_leaf(leaf) for leaf in log.leaves]
    levels = [hashes, [naive_root(log.leaves[:256])]]
    tiles = {}
    for level, number in ((0, 0), (0, 1), (1, 0)):
        width = tile_width(level, number, SIZE)
        data = b"".join(levels[level][number * 256 : number * 256 + width])
        tiles[tile_path(level, number, width)] = {"sha256": hashlib.sha256(data).hexdigest(), "data_b64": encode(data)}
    return {"size": SIZE, "root_b64": encode(log.checkpoint().root), "tiles": tiles}


def make_bundle(log: NaiveLog) -> dict[str, Any]:
    full, partial = encode_bundle(log.leaves[:256]), encode_bundle(log.leaves[256:])
    return {
        "size": SIZE,
        "full": {"path": entries_path(0), "sha256": hashlib.sha256(full).hexdigest()},
        "partial": {"path": entries_path(1, SIZE - 256), "data_b64": encode(partial)},
        "leaf_digests": [leaf_digest(leaf) for leaf in log.leaves],
    }


MAKERS: dict[str, Callable[[NaiveLog], dict[str, Any]]] = {
    "identity": lambda log: make_identity(),
    "commitment": lambda log: make_commitment(),
    "leaf": make_leaves,
    "inventory": make_statement(INVENTORY),
    "manifest": make_statement(MANIFEST),
    "docking": make_statement(REPORT),
    "clearing": make_statement(CLEARING),
    "note": make_note,
    "checkpoint": make_checkpoint,
    "log_proof": make_proof,
    "receipt": make_receipt,
    "tile": make_tile,
    "bundle": make_bundle,
}


def write_vector(value: dict[str, Any]) -> str:
    """A vector file's text."""
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def main() -> None:
    log = make_log()
    for name, make in MAKERS.items():
        path = FOLDER / f"{name}.json"
        if not path.exists():
            path.write_text(write_vector(make(log)), encoding="ascii")


if __name__ == "__main__":
    main()

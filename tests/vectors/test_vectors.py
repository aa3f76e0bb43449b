"""The frozen vectors of format version 1: made again byte for byte, read by the product, and checked by an outsider.

The outsider's part uses nothing of this project: the standard library and an Ed25519 implementation, as a person would
who wrote a second check from ``docs/formats.md``.
"""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chain_of_custody.canonical import canonical_json
from chain_of_custody.checkpoint import open_checkpoint
from chain_of_custody.commitments import Opening, verify_opening
from chain_of_custody.digests import Digests
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.errors import VerificationError
from chain_of_custody.identities import parse_shown_id, show_id
from chain_of_custody.leaves import leaf_digest, parse_leaf, verify_leaf
from chain_of_custody.merkle import hash_leaf, inclusion_path, tree_root, verify_consistency, verify_inclusion
from chain_of_custody.note import open_note, parse_vkey
from chain_of_custody.proofs import ConsistencyProof, parse_log_proof, verify_log_proof
from chain_of_custody.receipts import ExpectedReceipt, Receipt, verify_receipt
from chain_of_custody.signing import VerifyKey
from chain_of_custody.statements import Clearing, DockingReport, Inventory, Manifest, open_statement
from chain_of_custody.tiles import TileReader, decode_bundle, parse_tile_path, tile_path
from tests.support.format_vectors import MAKERS, make_log, write_vector

FOLDER = Path(__file__).parent / "v1"
STATEMENTS = {"inventory": Inventory, "manifest": Manifest, "docking": DockingReport, "clearing": Clearing}


def load(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))


def decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


@pytest.fixture(scope="module")
def log():
    return make_log()


@pytest.mark.parametrize("name", MAKERS)
def test_vector_is_made_again_byte_for_byte(log, name):
    assert write_vector(MAKERS[name](log)) == (FOLDER / f"{name}.json").read_text(encoding="ascii")


def test_no_vector_is_without_a_maker():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(MAKERS)


# What the product reads


def test_identity_is_read():
    vector = load("identity")
    assert (parse_shown_id(vector["shown"]), show_id(vector["hex"])) == (vector["hex"], vector["shown"])


def test_opening_proves_its_commitment():
    vector = load("commitment")
    opening = Opening.from_json(vector["opening"])
    assert verify_opening(opening, {"received": vector["commitment"]}) == vector["opening"]["value"]


def test_leaves_are_proved_and_follow_each_other():
    vector = load("leaf")
    key = VerifyKey.from_hex(vector["event_key"]["public"])
    leaves = [parse_leaf(decode(item["leaf_b64"])) for item in vector["leaves"]]
    for leaf, item in zip(leaves, vector["leaves"], strict=True):
        verify_leaf(leaf, key)
        assert leaf_digest(leaf.data) == item["leaf_digest"]
        for opening in item["openings"]:
            verify_opening(Opening.from_json(opening), leaf.commitments)
    assert (leaves[2].subject, leaves[2].prev) == (leaves[1].subject, vector["leaves"][1]["leaf_digest"])


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_is_proved(name):
    vector, kind = load(name), STATEMENTS[name]
    envelope = parse_envelope(decode(vector["envelope_b64"]))
    statement = open_statement(envelope, VerifyKey.from_hex(vector["dock_key"]["public"]), kind)
    assert statement.to_json() == vector["statement"]
    assert statement == kind.from_json(vector["statement"])


def test_note_is_proved_under_either_key():
    vector = load("note")
    for vkey in vector["vkeys"]:
        assert open_note(decode(vector["note_b64"]), [parse_vkey(vkey)]).text == vector["text"]


def test_checkpoints_are_proved():
    vector = load("checkpoint")
    log = parse_vkey(vector["vkey"])
    for item in vector["checkpoints"]:
        checkpoint = open_checkpoint(decode(item["note_b64"]), [log], log.name)
        assert (checkpoint.size, checkpoint.root) == (item["size"], decode(item["root_b64"]))


def test_proofs_hold():
    vector = load("log_proof")
    log = parse_vkey(vector["vkey"])
    checkpoint = verify_log_proof(parse_log_proof(vector["proof"]), decode(vector["leaf_b64"]), [log], log.name)
    proof = ConsistencyProof.from_json(vector["consistency"]["proof"])
    old_root = decode(vector["consistency"]["old_root_b64"])
    verify_consistency(proof.old_size, checkpoint.size, old_root, checkpoint.root, proof.path)


def judge(vector: dict, receipt: dict):
    log = parse_vkey(vector["vkey"])
    last = open_checkpoint(decode(vector["last_checkpoint_b64"]), [log], log.name)
    expected = vector["expected"]
    return verify_receipt(
        Receipt.from_json(receipt),
        vkey=vector["vkey"],
        event_key=VerifyKey.from_hex(vector["event_key"]),
        requested_size=last.size,
        last_checkpoint=last,
        expected=ExpectedReceipt(expected["manifest_sha256"], Digests.from_json(expected["digests"]), expected["size"]),
    )


def test_receipt_is_proved():
    vector = load("receipt")
    assert judge(vector, vector["receipt"]).received["manifest_sha256"] == load("manifest")["envelope_sha256"]


@pytest.mark.parametrize("code", load("receipt")["refused"])
def test_false_receipt_is_refused_with_its_code(code):
    vector = load("receipt")
    with pytest.raises(VerificationError) as caught:
        judge(vector, vector["refused"][code])
    assert caught.value.code == code


def test_tiles_give_the_root_and_the_proof():
    vector, proof = load("tile"), load("log_proof")
    tiles = {path: decode(item["data_b64"]) for path, item in vector["tiles"].items()}
    assert all(parse_tile_path(path)[2] * 32 == len(data) for path, data in tiles.items())
    nodes = TileReader(vector["size"], lambda level, number, width: tiles[tile_path(level, number, width)])
    root = tree_root(vector["size"], nodes.read_node)
    assert root == decode(vector["root_b64"])
    path = inclusion_path(3, vector["size"], nodes.read_node)
    verify_inclusion(3, vector["size"], decode(proof["leaf_hash_b64"]), path, root)


def test_bundle_holds_the_leaves_of_its_tile():
    vector, tiles = load("bundle"), load("tile")["tiles"]
    level, number, width = parse_tile_path(vector["partial"]["path"])
    assert (level, number) == (None, 1)
    entries = decode_bundle(decode(vector["partial"]["data_b64"]), width)
    assert [leaf_digest(entry) for entry in entries] == vector["leaf_digests"][256:]
    assert b"".join(map(hash_leaf, entries)) == decode(tiles[tile_path(0, 1, width)]["data_b64"])


# What an outsider computes


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def outsider_verifies(public_hex: str, signature: bytes, payload_type: str, payload: bytes) -> None:
    signed = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)).verify(signature, signed)


def test_outsider_derives_the_keys():
    for name, field in (("leaf", "event_key"), ("manifest", "dock_key"), ("note", "log_key")):
        key = load(name)[field]
        public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key["seed"])).public_key().public_bytes_raw()
        assert (public.hex(), sha(public).hex()) == (key["public"], key["key_id"])


def test_outsider_computes_the_commitment():
    vector = load("commitment")
    opening = vector["opening"]
    encoded = json.dumps(opening["value"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    fields = (opening["label"].encode(), decode(opening["salt"]), encoded)
    hashed = b"evidock/commitment/v1\n" + b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    assert (hashed.hex(), sha(hashed).hex()) == (vector["hashed_hex"], vector["commitment"])


def test_outsider_verifies_leaves_and_statements():
    leaf = load("leaf")
    signed = [(leaf["event_key"]["public"], decode(item["leaf_b64"])) for item in leaf["leaves"]]
    for name in STATEMENTS:
        vector = load(name)
        signed.append((vector["dock_key"]["public"], decode(vector["envelope_b64"])))
    for public, data in signed:
        envelope = json.loads(data)
        payload, signature = decode(envelope["payload"]), decode(envelope["signatures"][0]["sig"])
        outsider_verifies(public, signature, envelope["payloadType"], payload)
        with pytest.raises(InvalidSignature):
            outsider_verifies(public, signature, envelope["payloadType"], payload + b" ")


def test_outsider_verifies_a_receipt_from_its_text():
    vector = load("receipt")
    receipt, proof = vector["receipt"], vector["receipt"]["proof"]
    # 1. The checkpoint's signature under the log's verifier key.
    head, _, note = proof.partition("\n\n")
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    name, key_hash, encoded = vector["vkey"].split("+", 2)
    public = decode(encoded)[1:]
    assert sha(name.encode() + b"\n\x01" + public)[:4].hex() == key_hash
    blob = decode(lines.split("\n")[0].removeprefix(f"— {name} "))
    assert blob[:4].hex() == key_hash
    Ed25519PublicKey.from_public_bytes(public).verify(blob[4:], text.encode())
    # 2. The leaf under the checkpoint's root.
    origin, size, root = text.splitlines()
    header, index_line, *path = head.split("\n")
    assert (header, origin, index_line) == ("c2sp.org/tlog-proof@v1", name, f"index {receipt['index']}")
    node, first, last = sha(b"\0" + decode(receipt["leaf"])), receipt["index"], int(size) - 1
    for sibling in map(decode, path):
        if first & 1 or first == last:
            node = sha(b"\1" + sibling + node)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            node = sha(b"\1" + node + sibling)
        first, last = first >> 1, last >> 1
    assert (last, node) == (0, decode(root))
    # 3. What the leaf commits to.
    payload = json.loads(decode(json.loads(decode(receipt["leaf"]))["payload"]))
    opening = receipt["openings"][0]
    value = json.dumps(opening["value"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    fields = (b"received", decode(opening["salt"]), value)
    hashed = b"evidock/commitment/v1\n" + b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    assert sha(hashed).hex() == payload["commitments"]["received"]


def test_outsider_needs_no_more_than_sorted_keys_for_leaves():
    for item in load("leaf")["leaves"]:
        data = decode(item["leaf_b64"])
        assert json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode() == data
        assert canonical_json(json.loads(data)) == data

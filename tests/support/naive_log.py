"""The tree of RFC 6962 section 2.1 written down as its definitions say, and a log in memory over it.

Slow and obvious on purpose: the product's own tree is judged by it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from chain_of_custody.canonical import JsonValue
from chain_of_custody.checkpoint import Checkpoint, sign_checkpoint
from chain_of_custody.commitments import Opening
from chain_of_custody.digests import Digests, sha256_hex
from chain_of_custody.leaves import Leaf, build_leaf, leaf_digest
from chain_of_custody.note import LogSigner, format_vkey
from chain_of_custody.proofs import ConsistencyProof, LogProof
from chain_of_custody.receipts import ExpectedReceipt, Receipt
from chain_of_custody.signing import SigningKey

ORIGIN = "ledger.example.org/agency/2026"


def split(count: int) -> int:
    """The largest power of two less than ``count``."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def naive_root(entries: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return hashlib.sha256(b"\x01" + naive_root(entries[:k]) + naive_root(entries[k:])).digest()


def naive_path(index: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return [*naive_path(index, entries[:k]), naive_root(entries[k:])]
    return [*naive_path(index - k, entries[k:]), naive_root(entries[:k])]


def naive_consistency(old: int, entries: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """PROOF(m, D[n]), that is SUBPROOF(m, D[n], true)."""
    if old == len(entries):
        return [] if whole else [naive_root(entries)]
    k = split(len(entries))
    if old <= k:
        return [*naive_consistency(old, entries[:k], whole=whole), naive_root(entries[k:])]
    return [*naive_consistency(old - k, entries[k:], whole=False), naive_root(entries[:k])]


def make_key(name: str) -> SigningKey:
    """A key that is the same in every run."""
    return SigningKey.from_seed(hashlib.sha256(f"test key: {name}".encode()).digest())


def make_id(name: str) -> str:
    """An identity that is the same in every run."""
    return hashlib.sha256(f"test id: {name}".encode()).hexdigest()[:32]


def make_opening(label: str, value: JsonValue) -> Opening:
    """An opening whose salt is the same in every run, which a real one must never be."""
    return Opening(label, hashlib.sha256(f"test salt: {label}".encode()).digest(), value)


@dataclass
class NaiveLog:
    """A log in memory with keys, leaves and proofs."""

    origin: str = ORIGIN
    name: str = "log"
    leaves: list[bytes] = field(default_factory=list)
    openings: list[tuple[Opening, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log_key = make_key(f"{self.name}/log")
        self.event_key = make_key(f"{self.name}/event")
        self.signer = LogSigner(self.origin, self.log_key)
        self.heads: dict[str, tuple[int, str]] = {}

    @property
    def vkey(self) -> str:
        return format_vkey(self.signer.verifier)

    def append(self, type_: str, subject: str, kind: str, *openings: Opening, **changes: object) -> Leaf:
        index = len(self.leaves)
        seq, prev = self.heads.get(subject, (0, None))
        values: dict[str, object] = {
            "origin": self.origin,
            "type": type_,
            "event_id": make_id(f"event {index}"),
            "subject": subject,
            "subject_kind": kind,
            "seq": seq + 1,
            "prev": prev,
            "act_id": make_id(f"act {index}"),
            "time": f"2026-11-24T08:{index // 60:02d}:{index % 60:02d}.000000Z",
            "actor": make_id("actor"),
            "device": None,
            "anchor": None,
            "commitments": {opening.label: opening.commitment() for opening in openings},
            "key": self.event_key,
        }
        leaf = build_leaf(**{**values, **changes})  # type: ignore[arg-type]
        self.heads[subject] = (leaf.seq, leaf_digest(leaf.data))
        self.leaves.append(leaf.data)
        self.openings.append(openings)
        return leaf

    def receive(self, data: bytes, *, manifest: str = "manifest", type_: str = "recording.received", **changes) -> int:
        """Append the reception of a file; returns its index."""
        received: JsonValue = {
            "manifest_sha256": sha256_hex(manifest.encode()),
            "digests": Digests(sha256_hex(data)).to_json(),
            "size": len(data),
            "store_key": "originals/2026/" + make_id("intake"),
            "version_id": "v1",
            "lock_mode": "COMPLIANCE",
            "retain_until": "2027-05-26T00:00:00.000000Z",
            **changes,
        }
        opening = make_opening("received", received)
        self.append(type_, make_id(f"recording {len(self.leaves)}"), "recording", opening)
        return len(self.leaves) - 1

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.leaves) if size is None else size
        return Checkpoint(self.origin, size, naive_root(self.leaves[:size]))

    def note(self, size: int | None = None) -> bytes:
        return sign_checkpoint(self.checkpoint(size), self.signer)

    def prove(self, index: int, size: int | None = None) -> LogProof:
        size = len(self.leaves) if size is None else size
        return LogProof(index, tuple(naive_path(index, self.leaves[:size])), self.note(size))

    def prove_consistency(self, old: int, new: int | None = None) -> ConsistencyProof:
        new = len(self.leaves) if new is None else new
        path = () if old in {0, new} else tuple(naive_consistency(old, self.leaves[:new]))
        return ConsistencyProof(old, new, path)

    def receipt(self, index: int, old: int = 0, size: int | None = None) -> Receipt:
        size = len(self.leaves) if size is None else size
        consistency = self.prove_consistency(old, size) if old <= size else ConsistencyProof(size, size, ())
        return Receipt(self.leaves[index], index, self.openings[index], self.prove(index, size), consistency)


def expect(data: bytes, manifest: str = "manifest") -> ExpectedReceipt:
    """What a dock's journal says of a file."""
    return ExpectedReceipt(sha256_hex(manifest.encode()), Digests(sha256_hex(data)), len(data))

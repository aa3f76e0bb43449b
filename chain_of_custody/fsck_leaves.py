"""Checks what leaves say: form, order in time, subjects' chains, acts, anchors, signatures (formats, section 3)."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chain_of_custody.commitments import Opening
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import CustodyError, MalformedError, VerificationError
from chain_of_custody.establishing import ESTABLISHING_EVENTS, KeyRegister
from chain_of_custody.findings import Finding
from chain_of_custody.leaves import Leaf, is_changing, leaf_digest, parse_leaf
from chain_of_custody.merkle import CompactRange, hash_leaf

__all__ = ["LeafCheck", "SignatureCheck", "SubjectHead"]


@dataclass(frozen=True, slots=True)
class SubjectHead:
    """Where a subject's history ends, as its leaves say."""

    seq: int
    version: int
    index: int
    leaf_digest: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Opened:
    """A leaf with the parts that are disclosed to the check."""

    index: int
    leaf: Leaf
    openings: Mapping[str, Opening] = field(default_factory=dict)


class LeafCheck:
    """Takes all leaves of a log in order."""

    def __init__(self, origin: str) -> None:
        """Check leaves of this log."""
        self._origin = origin
        self.heads: dict[bytes, SubjectHead] = {}
        self._last_time = ""
        self._act = ""
        self._acts: set[bytes] = set()
        self._events: set[bytes] = set()
        self._anchors = _AnchorCheck()

    def take(self, index: int, data: bytes) -> tuple[Leaf | None, list[Finding]]:
        """Take the next leaf; returns it parsed, None where it is no leaf, and what is wrong with it."""
        self._anchors.add(hash_leaf(data))
        try:
            leaf = parse_leaf(data)
        except MalformedError as error:
            return None, [Finding("leaf_malformed", "error", f"leaf {index}", str(error))]
        where = f"leaf {index}"
        problems = [
            *self._check_place(leaf),
            *self._check_chain(index, leaf),
            *self._anchors.check(index, leaf),
        ]
        return leaf, [Finding(code, "error", where, message) for code, message in problems]

    def skip(self) -> None:
        """Pass over a leaf that is missing; anchors after it can no longer be judged."""
        self._anchors.add(None)

    def _check_place(self, leaf: Leaf) -> Iterator[tuple[str, str]]:
        if leaf.origin != self._origin:
            yield "leaf_of_another_log", f"it is a leaf of {leaf.origin}"
        if leaf.time < self._last_time:
            yield "time_backwards", "its time is before that of the leaf before it"
        self._last_time = max(leaf.time, self._last_time)
        event, act = bytes.fromhex(leaf.event_id), bytes.fromhex(leaf.act_id)
        if event in self._events:
            yield "event_repeated", f"event {leaf.event_id} stands in the log twice"
        if leaf.act_id != self._act and act in self._acts:
            yield "act_split", f"act {leaf.act_id} was split"
        self._events.add(event)
        self._acts.add(act)
        self._act = leaf.act_id

    def _check_chain(self, index: int, leaf: Leaf) -> Iterator[tuple[str, str]]:
        subject = bytes.fromhex(leaf.subject)
        before = self.heads.get(subject)
        if before is None:
            if leaf.seq != 1 or leaf.prev is not None:
                yield "chain_broken", f"it is number {leaf.seq} of its subject, whose earlier leaves are not in the log"
        else:
            if leaf.seq != before.seq + 1 or leaf.prev != before.leaf_digest:
                yield "chain_broken", f"it does not follow its subject's leaf at index {before.index}"
            if leaf.subject_kind != before.kind:
                yield "subject_kind_changed", f"its subject was a {before.kind} before"
        version = leaf.seq if is_changing(leaf.type) else before.version if before else 0
        self.heads[subject] = SubjectHead(leaf.seq, version, index, leaf_digest(leaf.data), leaf.subject_kind)


class _AnchorCheck:
    """Anchors name earlier trees of this log; a second edge trails behind to know their roots."""

    def __init__(self) -> None:
        self._trailing = CompactRange()
        self._waiting: deque[bytes | None] = deque()
        self._root = b""
        self._is_known = True

    def add(self, leaf_hash: bytes | None) -> None:
        self._waiting.append(leaf_hash)

    def check(self, index: int, leaf: Leaf) -> Iterator[tuple[str, str]]:
        if leaf.anchor is None:
            return
        size = int(str(leaf.anchor["size"]))
        if size > index:
            yield "anchor_false", f"it names a tree of {size} leaves, which was not there yet"
            return
        if size < self._trailing.size:
            yield "anchor_backwards", "it names an older tree than the leaf before it"
            return
        if size > self._trailing.size or not self._root:
            self._advance(size)
        if self._is_known and decode_base64(leaf.anchor["root"]) != self._root:
            yield "anchor_false", f"it names a tree of {size} leaves that this log never had"

    def _advance(self, size: int) -> None:
        while self._trailing.size < size:
            leaf_hash = self._waiting.popleft()
            self._is_known = self._is_known and leaf_hash is not None
            self._trailing.append(leaf_hash or b"")
        self._root = self._trailing.root()


class SignatureCheck:
    """Follows the keys that leaves open, and checks each leaf's signature under them."""

    def __init__(self, origin: str, log_vkey: str) -> None:
        """Begin with leaf 0, which must open this log under this key."""
        self._register = KeyRegister(origin, log_vkey)
        self._is_open = False

    def take(self, index: int, leaf: Leaf, openings: Mapping[str, Opening]) -> Iterator[Finding]:
        """Check one leaf; only what opens or closes a key needs its openings."""
        if index and not self._is_open:
            # Said once, at leaf 0: without the first event key no signature can be judged.
            return
        try:
            shown = openings if leaf.type in ESTABLISHING_EVENTS else {}
            self._register.follow(_Opened(index, leaf, shown))
        except (VerificationError, MalformedError) as error:
            yield Finding("signature_false", "error", f"leaf {index}", str(error))
        except CustodyError as error:
            yield Finding("signature_unknown", "error", f"leaf {index}", str(error))
        self._is_open = self._is_open or bool(self._register.event_keys)

"""The Merkle tree of RFC 6962 section 2.1 over SHA-256, its inclusion and consistency proofs (RFC 9162 section 2.1).

A node (level, index) is the hash of the complete subtree over leaves ``index * 2**level`` up to the next multiple. What
is not complete is folded from such nodes, so that a reader of complete nodes is all that proofs need.

    >>> root = CompactRange()
    >>> root.append(hash_leaf(b"entry"))
    >>> root.root() == hash_leaf(b"entry")
    True
"""

import hashlib
from collections.abc import Callable, Sequence

from chain_of_custody.errors import VerificationError

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "CompactRange",
    "NodeReader",
    "check_consistency_end",
    "consistency_path",
    "hash_leaf",
    "hash_node",
    "inclusion_path",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
NodeReader = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree at (level, index)."""


def hash_leaf(data: bytes) -> bytes:
    """Leaf hash: SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Interior hash: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The right edge of a growing tree: one hash for each complete subtree, largest first."""

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """Begin empty, or with the edge of a tree of ``size`` leaves (one node a set bit of the size)."""
        if len(nodes) != size.bit_count():
            raise ValueError("a compact range has one node for each set bit of its size")
        self.size = size
        self.nodes = list(nodes)

    @classmethod
    def load(cls, size: int, read: NodeReader) -> "CompactRange":
        """Read the edge of a tree of ``size`` leaves."""
        return cls(size, [read(level, index) for level, index in _split_range(0, size)])

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf."""
        node, carry = leaf_hash, self.size
        while carry & 1:
            node = hash_node(self.nodes.pop(), node)
            carry >>= 1
        self.nodes.append(node)
        self.size += 1

    def copy(self) -> "CompactRange":
        """An independent copy."""
        return CompactRange(self.size, self.nodes)

    def root(self) -> bytes:
        """The root of the tree so far."""
        return _fold(self.nodes) if self.nodes else EMPTY_ROOT


def tree_root(size: int, read: NodeReader) -> bytes:
    """The root of a tree of ``size`` leaves."""
    return CompactRange.load(size, read).root()


def inclusion_path(index: int, size: int, read: NodeReader) -> tuple[bytes, ...]:
    """Prove that a leaf is in a tree: sibling first, the root's child last (RFC 9162 section 2.1.3.1).

    Raises:
        ValueError: The tree has no leaf at this index.
    """
    if not 0 <= index < size:
        raise ValueError("the tree has no leaf at this index")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split_point(end - start)
        if index < middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start = middle
    path.reverse()
    return tuple(path)


def consistency_path(old_size: int, new_size: int, read: NodeReader) -> tuple[bytes, ...]:
    """Prove that the tree of ``new_size`` begins with that of ``old_size`` (RFC 9162 section 2.1.4.1).

    Empty where the sizes are equal and where the old tree is empty (C2SP tlog-witness).

    Raises:
        ValueError: The old tree is larger.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError("the old tree is larger than the new one")
    if old_size in {0, new_size}:
        return ()
    path: list[bytes] = []
    start, end, is_whole = 0, new_size, True
    while old_size - start != end - start:
        middle = start + _split_point(end - start)
        if old_size <= middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start, is_whole = middle, False
    if not is_whole:
        path.append(_range_hash(start, end, read))
    path.reverse()
    return tuple(path)


def verify_inclusion(index: int, size: int, leaf_hash: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Check an inclusion proof (RFC 9162 section 2.1.3.2).

    Raises:
        VerificationError: The leaf is not proved to be at this index of the tree with this root.
    """
    if not 0 <= index < size:
        raise VerificationError(f"the tree of size {size} has no leaf {index}", "not_included")
    _check_hashes([leaf_hash, root, *path], "not_included")
    first, last, node = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            raise VerificationError("the inclusion proof is too long", "not_included")
        if first & 1 or first == last:
            node = hash_node(sibling, node)
            while first and not first & 1:
                first >>= 1
                last >>= 1
        else:
            node = hash_node(node, sibling)
        first >>= 1
        last >>= 1
    if last or node != root:
        raise VerificationError(f"leaf {index} is not in the tree under this root", "not_included")


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check a consistency proof (RFC 9162 section 2.1.4.2); sizes 0 as C2SP tlog-witness has them.

    Raises:
        VerificationError: The new tree is not proved to begin with the old one.
    """
    _check_hashes([old_root, new_root, *path], "forked")
    if not 0 <= old_size <= new_size:
        raise VerificationError("the old tree is larger than the new one", "forked")
    if old_size in {0, new_size}:
        expected = EMPTY_ROOT if old_size == 0 else new_root
        if path or old_root != expected or (new_size == 0 and new_root != EMPTY_ROOT):
            raise VerificationError(f"two trees of size {old_size} differ", "forked")
        return
    old, new = _fold_consistency(old_size, new_size, old_root, path)
    if old != old_root or new != new_root:
        raise VerificationError(f"the tree of size {new_size} does not begin with that of size {old_size}", "forked")


def check_consistency_end(old_size: int, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check of a consistency proof what can be checked without the old root: its length, and that it ends as it must.

    Where ``old_size`` is a power of two the old root is itself the first hash, so only the length is checked.

    Raises:
        VerificationError: No old root can make this a proof of the new tree.
    """
    _check_hashes([new_root, *path], "forked")
    if not 0 <= old_size <= new_size:
        raise VerificationError("the old tree is larger than the new one", "forked")
    if old_size in {0, new_size}:
        if path:
            raise VerificationError("the consistency proof is too long", "forked")
        return
    _, new = _fold_consistency(old_size, new_size, EMPTY_ROOT, path)
    if new != new_root and not _is_power_of_two(old_size):
        raise VerificationError(f"the consistency proof does not end at the tree of size {new_size}", "forked")


def _fold_consistency(old_size: int, new_size: int, old_root: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots that a proof between two sizes, neither empty nor equal, leads to."""
    nodes = list(path)
    if _is_power_of_two(old_size):
        nodes.insert(0, old_root)
    if not nodes:
        raise VerificationError("the consistency proof is empty", "forked")
    first, last = old_size - 1, new_size - 1
    while first & 1:
        first >>= 1
        last >>= 1
    old, new = nodes[0], nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise VerificationError("the consistency proof is too long", "forked")
        if first & 1 or first == last:
            old, new = hash_node(node, old), hash_node(node, new)
            while first and not first & 1:
                first >>= 1
                last >>= 1
        else:
            new = hash_node(new, node)
        first >>= 1
        last >>= 1
    if last:
        raise VerificationError("the consistency proof is too short", "forked")
    return old, new


def _is_power_of_two(size: int) -> bool:
    return size & (size - 1) == 0


def _split_point(count: int) -> int:
    """The largest power of two strictly less than ``count`` (RFC 6962 section 2.1)."""
    return 1 << (count - 1).bit_length() - 1


def _split_range(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees of a range whose start is a multiple of its largest one."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _range_hash(start: int, end: int, read: NodeReader) -> bytes:
    return _fold([read(level, index) for level, index in _split_range(start, end)])


def _fold(nodes: Sequence[bytes]) -> bytes:
    node = nodes[-1]
    for left in reversed(nodes[:-1]):
        node = hash_node(left, node)
    return node


def _check_hashes(hashes: Sequence[bytes], code: str) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise VerificationError("a hash that is not 32 bytes", code)

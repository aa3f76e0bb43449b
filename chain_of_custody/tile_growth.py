"""Growing the hash tiles of a log by new leaves (C2SP tlog-tiles): level by level, each level from full tiles below."""

from collections.abc import Callable, Sequence

from chain_of_custody.errors import LedgerStoppedError
from chain_of_custody.merkle import HASH_BYTES, hash_node
from chain_of_custody.tiles import TILE_HEIGHT, TILE_WIDTH, tile_path

__all__ = ["fold_tile", "grow_tiles"]


def grow_tiles(
    size: int, leaf_hashes: Sequence[bytes], read_tile: Callable[[int, int, int], bytes]
) -> list[tuple[int, int, bytes]]:
    """Return the tiles that change when leaves join a tree of ``size`` leaves: level, number and all their hashes.

    Args:
        size: Leaves before.
        leaf_hashes: Hashes of the new leaves.
        read_tile: Gives the first hashes of a stored tile: level, number, width.

    Raises:
        LedgerStoppedError: A stored tile is shorter than the tree.
    """
    grown: list[tuple[int, int, bytes]] = []
    hashes, level, start = leaf_hashes, 0, size
    while hashes:
        parents: list[bytes] = []
        number, offset = divmod(start, TILE_WIDTH)
        tile = bytearray(read_tile(level, number, offset) if offset else b"")
        if len(tile) != offset * HASH_BYTES:
            raise LedgerStoppedError(f"{tile_path(level, number)} is shorter than the tree")
        for item in hashes:
            tile += item
            if len(tile) == TILE_WIDTH * HASH_BYTES:
                grown.append((level, number, bytes(tile)))
                parents.append(fold_tile(bytes(tile)))
                tile.clear()
                number += 1
        if tile:
            grown.append((level, number, bytes(tile)))
        hashes, level, start = parents, level + 1, start >> TILE_HEIGHT
    return grown


def fold_tile(tile: bytes) -> bytes:
    """The root of a full tile."""
    nodes = [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]
    while len(nodes) > 1:
        nodes = [hash_node(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]

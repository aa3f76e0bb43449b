"""Checks leaves against hash tiles, and both against the root that was signed.

The tree is built twice while the leaves pass by: once from the leaves, once from the stored hashes of level 0. At the
end the signed root says which of them is true, so that a flipped byte is laid to the leaf or to the tile it is in.
"""

from collections.abc import Callable, Iterator, Sequence

from chain_of_custody.findings import Finding
from chain_of_custody.merkle import EMPTY_ROOT, HASH_BYTES, CompactRange, hash_leaf
from chain_of_custody.tile_growth import fold_tile
from chain_of_custody.tiles import TILE_WIDTH, tile_path

__all__ = ["TreeCheck"]

_FULL = TILE_WIDTH * HASH_BYTES


class _Level:
    """The unfinished tile of one upper level, from the leaves and from the stored hashes."""

    def __init__(self) -> None:
        self.number = 0
        self.made = bytearray()
        self.kept = bytearray()


class TreeCheck:
    """Takes the leaves of a log in order, a bundle at a time."""

    def __init__(self, signed_size: int, read_tile: Callable[[int, int, int], bytes | None]) -> None:
        """Check a log whose first ``signed_size`` leaves are under a checkpoint."""
        self._signed_size = signed_size
        self._read_tile = read_tile
        self._made, self._kept = CompactRange(), CompactRange()
        self._levels: list[_Level] = []
        self._roots: tuple[bytes, bytes] | None = (EMPTY_ROOT, EMPTY_ROOT) if signed_size == 0 else None
        self._is_whole = True
        self._missing: list[Finding] = []
        # What differs: indexes at level 0; above it the tiles that are not what the leaves, or the stored hashes, make.
        self._differing: list[int] = []
        self._not_made: list[tuple[int, int, int]] = []
        self._not_kept: list[tuple[int, int, int]] = []

    def take(self, number: int, leaves: Sequence[bytes | None]) -> None:
        """Take the leaves of bundle ``number``; None stands for one that is missing."""
        stored = self._find_tile(0, number, len(leaves))
        made, kept = bytearray(), bytearray()
        for offset, data in enumerate(leaves):
            known = stored[offset * HASH_BYTES :][:HASH_BYTES] if stored else b""
            hashed = b"" if data is None else hash_leaf(data)
            if hashed and known and hashed != known:
                self._differing.append(number * TILE_WIDTH + offset)
            # Where one side has nothing it takes the other's word, so that only the damaged place is named.
            self._is_whole = self._is_whole and bool(hashed or known)
            made += hashed or known or EMPTY_ROOT
            kept += known or hashed or EMPTY_ROOT
            self._append(bytes(made[-HASH_BYTES:]), bytes(kept[-HASH_BYTES:]))
        if len(made) == _FULL:
            self._rise(0, bytes(made), bytes(kept))

    def finish(self, root: bytes) -> Iterator[Finding]:
        """Judge by the signed root, and yield what is damaged."""
        for level, item in enumerate(self._levels, start=1):
            if item.made:
                self._compare(level, item)
        yield from self._missing
        if self._roots is None or not self._is_whole:
            yield Finding(
                "root_unknown", "error", "checkpoint", "leaves or tiles are missing: the root cannot be checked"
            )
        made, kept = self._roots or (b"", b"")
        if self._roots is not None and root not in {made, kept}:
            message = "neither the leaves nor the tiles lead to the root that was signed"
            yield Finding("root_differs", "error", "checkpoint", message)
        is_leaf_at_fault = kept == root and made != root
        for index in self._differing:
            yield _blame(index, is_leaf_at_fault=is_leaf_at_fault, is_certain=root in {made, kept})
        for level, number, width in self._not_kept if is_leaf_at_fault else self._not_made:
            message = "its hashes are not those of the tiles below"
            yield Finding("tile_damaged", "error", tile_path(level, number, width), message)

    def _append(self, made: bytes, kept: bytes) -> None:
        self._made.append(made)
        self._kept.append(kept)
        if self._made.size == self._signed_size:
            self._roots = (self._made.root(), self._kept.root())

    def _rise(self, level: int, made: bytes, kept: bytes) -> None:
        """Put the roots of a full tile into the level above it."""
        if len(self._levels) == level:
            self._levels.append(_Level())
        above = self._levels[level]
        above.made += fold_tile(made)
        above.kept += fold_tile(kept) if kept != made else above.made[-HASH_BYTES:]
        if len(above.made) == _FULL:
            self._compare(level + 1, above)
            full = bytes(above.made), bytes(above.kept)
            above.made.clear()
            above.kept.clear()
            above.number += 1
            self._rise(level + 1, *full)

    def _compare(self, level: int, item: _Level) -> None:
        width = len(item.made) // HASH_BYTES
        stored = self._find_tile(level, item.number, width)
        if stored is None:
            return
        if stored != item.made:
            self._not_made.append((level, item.number, width))
        if stored != item.kept:
            self._not_kept.append((level, item.number, width))

    def _find_tile(self, level: int, number: int, width: int) -> bytes | None:
        tile = self._read_tile(level, number, width)
        if tile is not None and len(tile) == width * HASH_BYTES:
            return tile
        message = "the tile is missing" if tile is None else "the tile has another length"
        self._missing.append(Finding("tile_missing", "error", tile_path(level, number, width), message))
        return None


def _blame(index: int, *, is_leaf_at_fault: bool, is_certain: bool) -> Finding:
    if not is_certain:
        return Finding(
            "leaf_or_tile_damaged", "error", f"leaf {index}", "the leaf is not the one its tile was made from"
        )
    if is_leaf_at_fault:
        return Finding("leaf_damaged", "error", f"leaf {index}", "the leaf is not the one that was signed")
    number, offset = divmod(index, TILE_WIDTH)
    message = f"the hash at place {offset} is not that of leaf {index}"
    return Finding("tile_damaged", "error", tile_path(0, number), message)

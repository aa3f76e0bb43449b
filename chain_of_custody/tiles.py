"""Static tiles of the log (C2SP tlog-tiles): paths, entry bundles, and a reader of nodes out of tiles.

>>> tile_path(0, 1234067)
'tile/0/x001/x234/067'
>>> tile_path(1, 0, 17)
'tile/1/000.p/17'
"""

import re
from collections.abc import Callable, Sequence

from chain_of_custody.errors import MalformedError
from chain_of_custody.merkle import HASH_BYTES, hash_node

__all__ = [
    "MAX_ENTRY_BYTES",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "TileReader",
    "decode_bundle",
    "encode_bundle",
    "entries_path",
    "parse_tile_path",
    "tile_path",
    "tile_width",
]

TILE_HEIGHT = 8
TILE_WIDTH = 256
MAX_ENTRY_BYTES = 65535
_MAX_LEVEL = 63
_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """The path of a hash tile; partial when ``width`` is below 256."""
    return f"tile/{level}/{_encode_number(number)}{_encode_width(width)}"


def entries_path(number: int, width: int = TILE_WIDTH) -> str:
    """The path of an entry bundle; partial when ``width`` is below 256."""
    return f"tile/entries/{_encode_number(number)}{_encode_width(width)}"


def parse_tile_path(path: str) -> tuple[int | None, int, int]:
    """Read a tile's path.

    Returns:
        Level (None for an entry bundle), number and width.

    Raises:
        MalformedError: It is not a path in its one canonical form.
    """
    found = _PATH.fullmatch(path)
    if not found or len(path) > 64:
        raise MalformedError("not the path of a tile")
    number = int(found["number"].replace("x", "").replace("/", ""))
    width = int(found["width"] or TILE_WIDTH)
    level = None if found["level"] == "entries" else int(found["level"])
    again = entries_path(number, width) if level is None else tile_path(level, number, width)
    if again != path or (found["width"] and width >= TILE_WIDTH):
        raise MalformedError("not the path of a tile in canonical form")
    return level, number, width


def tile_width(level: int, number: int, size: int) -> int:
    """How many hashes a tile has in a tree of ``size`` leaves, 0 to 256."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - number * TILE_WIDTH))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Join up to 256 entries, each preceded by its length as two bytes, big-endian.

    Raises:
        ValueError: Too many entries, or one of more than 65,535 bytes.
    """
    if not 0 < len(entries) <= TILE_WIDTH or any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise ValueError("a bundle holds 1 to 256 entries of at most 65,535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int = TILE_WIDTH) -> list[bytes]:
    """Split a bundle into its ``width`` entries.

    Raises:
        MalformedError: It does not hold exactly so many.
    """
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data) or len(entries) == width:
            raise MalformedError("not a bundle of this width")
        entries.append(data[start:position])
    if len(entries) != width:
        raise MalformedError("not a bundle of this width")
    return entries


class TileReader:
    """Gives complete nodes of a tree of a known size out of its tiles; each tile is fetched once."""

    def __init__(self, size: int, read_tile: Callable[[int, int, int], bytes]) -> None:
        """Read tiles of a tree of ``size`` leaves through ``read_tile(level, number, width)``."""
        self.size = size
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], bytes] = {}

    def read_node(self, level: int, index: int) -> bytes:
        """The hash of the complete subtree at (level, index); raises MalformedError where a tile is too short."""
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        number, offset = divmod(first, TILE_WIDTH)
        tile = self._fetch(tile_level, number)
        nodes = [tile[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(offset, offset + (1 << height))]
        if len(nodes[-1]) != HASH_BYTES:
            raise MalformedError("a tile is shorter than the tree's size demands")
        while len(nodes) > 1:
            nodes = [hash_node(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
        return nodes[0]

    def _fetch(self, level: int, number: int) -> bytes:
        key = (level, number)
        if key not in self._tiles:
            width = tile_width(level, number, self.size)
            tile = self._read_tile(level, number, width)
            if len(tile) != width * HASH_BYTES:
                raise MalformedError(f"{tile_path(level, number, max(width, 1))} has another length")
            self._tiles[key] = tile
        return self._tiles[key]


def _encode_number(number: int) -> str:
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def _encode_width(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"

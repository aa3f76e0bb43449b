"""The part of fsck that judges tiles, and the source that reads the published layout."""

from collections.abc import Callable, Iterator
from typing import Protocol

from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.errors import MalformedError, UndecidableError
from chain_of_custody.findings import Finding
from chain_of_custody.merkle import HASH_BYTES, CompactRange, hash_leaf, hash_node
from chain_of_custody.records import Record
from chain_of_custody.tiles import TILE_WIDTH, decode_bundle, entries_path, tile_path, tile_width

__all__ = ["EntrySource", "PublishedSource", "TileChecker"]


class EntrySource(Protocol):
    """Where fsck reads a ledger from."""

    def read_checkpoint(self, findings: list[Finding]) -> bytes | None:
        """Give the signed checkpoint, or None with a finding."""

    def read_entries(self, size: int, findings: list[Finding]) -> Iterator[tuple[int, bytes, Record | None]]:
        """Give index, leaf and record of every entry below ``size``."""

    def read_tile(self, level: int, number: int, width: int) -> bytes | None:
        """Give a stored tile, or None where there is none."""

    def close(self) -> None:
        """Let go of files."""


class PublishedSource:
    """The published layout (C2SP tlog-tiles) behind a function that reads paths."""

    def __init__(self, read_path: Callable[[str], bytes]) -> None:
        """Read through this function, which raises FileNotFoundError for what is not there."""
        self._read_path = read_path

    def read_checkpoint(self, findings: list[Finding]) -> bytes | None:
        """The checkpoint; a ledger without one cannot be judged."""
        _ = findings
        try:
            return self._read_path("checkpoint")
        except FileNotFoundError as error:
            raise UndecidableError("there is no checkpoint at this place") from error

    def read_entries(self, size: int, findings: list[Finding]) -> Iterator[tuple[int, bytes, Record | None]]:
        """Entries out of bundles; records are never published."""
        for number in range(-(-size // TILE_WIDTH)):
            width = tile_width(0, number, size)
            path = entries_path(number, width)
            try:
                entries = decode_bundle(self._read_path(path), width)
            except FileNotFoundError:
                findings.append(Finding("bundle_missing", "error", path, "the bundle is missing"))
                return
            except MalformedError as error:
                findings.append(Finding("bundle_malformed", "error", path, str(error)))
                return
            for offset, data in enumerate(entries):
                yield number * TILE_WIDTH + offset, data, None

    def read_tile(self, level: int, number: int, width: int) -> bytes | None:
        """A tile by its path."""
        try:
            return self._read_path(tile_path(level, number, width))
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Nothing is held open."""


class TileChecker:
    """Hashes leaves up and compares each tile as soon as it is full, the partial ones and the root at the end."""

    def __init__(self, source: EntrySource, checkpoint: Checkpoint) -> None:
        """Compare the source's tiles for this checkpoint."""
        self._source = source
        self._checkpoint = checkpoint
        self._tree = CompactRange()
        self._levels: list[bytearray] = [bytearray()]
        self._numbers = [0]

    def add(self, data: bytes, findings: list[Finding]) -> None:
        """Add the next leaf."""
        leaf_hash = hash_leaf(data)
        self._tree.append(leaf_hash)
        self._add_hash(0, leaf_hash, findings)

    def finish(self, findings: list[Finding]) -> None:
        """Compare the partial tiles and the root."""
        for level, tile in enumerate(self._levels):
            if tile:
                self._compare(level, bytes(tile), findings)
        if self._tree.size != self._checkpoint.size:
            message = f"{self._tree.size} leaves are there and {self._checkpoint.size} were signed"
            findings.append(Finding("leaves_missing", "error", "checkpoint", message))
        elif self._tree.root() != self._checkpoint.root:
            message = f"the leaves do not hash to the signed root of size {self._checkpoint.size}"
            findings.append(Finding("root_differs", "error", "checkpoint", message))

    def _add_hash(self, level: int, item: bytes, findings: list[Finding]) -> None:
        if level == len(self._levels):
            self._levels.append(bytearray())
            self._numbers.append(0)
        tile = self._levels[level]
        tile += item
        if len(tile) == TILE_WIDTH * HASH_BYTES:
            self._compare(level, bytes(tile), findings)
            nodes = [bytes(tile[i : i + HASH_BYTES]) for i in range(0, len(tile), HASH_BYTES)]
            while len(nodes) > 1:
                nodes = [hash_node(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
            tile.clear()
            self._numbers[level] += 1
            self._add_hash(level + 1, nodes[0], findings)

    def _compare(self, level: int, expected: bytes, findings: list[Finding]) -> None:
        number, width = self._numbers[level], len(expected) // HASH_BYTES
        stored = self._source.read_tile(level, number, width)
        if stored is None:
            findings.append(Finding("tile_missing", "error", tile_path(level, number, width), "the tile is missing"))
        elif stored != expected:
            message = "the tile is not what the leaves hash to"
            findings.append(Finding("tile_differs", "error", tile_path(level, number, width), message))

"""Writes a ledger as the static files of C2SP tlog-tiles: what any tool of that ecosystem reads, without our server."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.durable import make_dir, write_file
from chain_of_custody.fsck_sources import CHECKPOINT_PATH
from chain_of_custody.tiles import TILE_WIDTH, entries_path, tile_path, tile_width

__all__ = ["export_tiles"]

_MODE = 0o644


class PublishedLedger(Protocol):
    """The published half of :class:`chain_of_custody.ledger.Ledger`."""

    def checkpoint(self) -> tuple[Checkpoint, bytes]:
        """The last published checkpoint and its signed note."""

    def tile(self, level: int, number: int, width: int) -> bytes:
        """A published hash tile."""

    def bundle(self, number: int, width: int) -> bytes:
        """A published entry bundle."""


def export_tiles(ledger: PublishedLedger, folder: Path) -> Checkpoint:
    """Write all tiles, bundles and the checkpoint under a folder; records are never among them.

    Full tiles that are there already are left as they are, so a later export adds only what is new. The checkpoint is
    written last and durably, after everything it covers; partial tiles of earlier sizes stay and do no harm.

    Args:
        ledger: What to export.
        folder: Made where it is missing.

    Returns:
        The checkpoint that was written.
    """
    checkpoint, note = ledger.checkpoint()
    size = checkpoint.size
    for number in range(-(-size // TILE_WIDTH)):
        width = tile_width(0, number, size)
        _write_missing(folder / entries_path(number, width), partial(ledger.bundle, number, width))
    level = 0
    while size >> 8 * level:
        for number in range(-(-(size >> 8 * level) // TILE_WIDTH)):
            width = tile_width(level, number, size)
            _write_missing(folder / tile_path(level, number, width), partial(ledger.tile, level, number, width))
        level += 1
    make_dir(folder)
    write_file(folder / CHECKPOINT_PATH, note, mode=_MODE)
    return checkpoint


def _write_missing(path: Path, read: Callable[[], bytes]) -> None:
    """A tile's path names its width, and published tiles never change, so what is there is left alone."""
    if not path.exists():
        make_dir(path.parent, mode=0o755)
        write_file(path, read(), mode=_MODE)

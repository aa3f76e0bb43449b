"""What the worker found and made, as events: facts, findings, and one ``derivative.made`` for each stored piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.digests import sha256_hex
from ingest_server.custody.recording import Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chain_of_custody.canonical import JsonValue
    from ingest_server.store.contract import StoredVersion


@dataclass(frozen=True, slots=True)
class Piece:
    """One JPEG that the sandbox made.

    Attributes:
        kind: ``thumbnail``, ``poster`` or ``frame``.
        place: Number among those of its kind.
        at_ms: Where in the recording the picture was, None for a photograph.
        finding: Code of the finding that a frame shows.
        width: In pixels, as it stands in the file.
        height: Likewise.
        data: The file.
    """

    kind: str
    place: int
    at_ms: int | None
    finding: str | None
    width: int
    height: int
    data: bytes


def make_events(
    evidence_id: str, pieces: Sequence[tuple[Piece, StoredVersion]], tools: Mapping[str, str]
) -> list[Event]:
    """One ``derivative.made`` for each piece, which is in the store already."""
    return [
        Event("derivative.made", "recording", evidence_id, {"derivative": _describe(piece, stored), "tools": {**tools}})
        for piece, stored in pieces
    ]


def _describe(piece: Piece, stored: StoredVersion) -> dict[str, JsonValue]:
    return {
        "kind": piece.kind,
        "place": piece.place,
        "at_ms": piece.at_ms,
        "finding": piece.finding,
        "width": piece.width,
        "height": piece.height,
        "media_type": "image/jpeg",
        "digests": {"sha2-256": sha256_hex(piece.data)},
        "size": len(piece.data),
        "store_key": stored.key,
        "version_id": stored.version_id,
    }

"""Derivatives as the catalogue knows them, and their bytes from the store; callers check who may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chain_of_custody.digests import sha256_hex
from ingest_server.errors import NotFoundError, UnavailableError
from ingest_server.store.errors import VersionMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest_server.catalogue.catalogue import Catalogue
    from ingest_server.installation import Installation

THUMBNAIL, POSTER, FRAME = "thumbnail", "poster", "frame"


def find_derivative(catalogue: Catalogue, evidence_id: str, kind: str) -> dict[str, Any] | None:
    """The row of a recording's ``thumbnail`` (at most 240 px wide, 12 KB) or ``poster`` (at most 960 px); both JPEG.

    None where none was made (yet): work is behind, the recording is no picture, or its decoder failed.
    """
    row = catalogue.fetch_one(
        "select * from derivatives where evidence_id = ? and kind = ? order by place limit 1", evidence_id, kind
    )
    return None if row is None else dict(row)


def list_frames(catalogue: Catalogue, evidence_id: str) -> list[dict[str, Any]]:
    """The frames that show a recording's findings, by time: ``finding`` is the finding's code, ``at_ms`` where."""
    rows = catalogue.fetch(
        "select * from derivatives where evidence_id = ? and kind = ? order by at_ms, place", evidence_id, FRAME
    )
    return [dict(row) for row in rows]


def read_derivative(installation: Installation, row: Mapping[str, Any]) -> bytes:
    """The bytes of a derivative, compared with the digest the ledger has before they are given.

    Raises:
        NotFoundError: The store has no such version; derivatives may be deleted and made again.
        UnavailableError: What is stored is not what was made.
        StoreUnavailableError: The store does not answer.
    """
    size = int(row["size"])
    try:
        # One byte more than there should be shows a longer object without reading all of it.
        data = b"".join(installation.store.read(row["store_key"], row["version_id"], offset=0, length=size + 1))
    except VersionMissingError as error:
        raise NotFoundError("not_found", "the derivative is not in the store") from error
    if len(data) != size or sha256_hex(data) != row["sha256"]:
        raise UnavailableError("derivative_differs")
    return data

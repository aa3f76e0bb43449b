"""Names that a person gives to addresses of the list. They are a convenience, not an act on evidence: no event."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from chain_of_custody.instants import format_instant
from ingest_server.checking import check_text
from ingest_server.errors import BadRequestError
from ingest_server.searching.addresses import read_address

if TYPE_CHECKING:
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

MAX_NAME = 60
MAX_SAVED = 50


def save_filter(installation: Installation, viewer: Viewer, name: str, address: str) -> None:
    """Keep an address of the list under a name; the same name again replaces it.

    Raises:
        BadRequestError: The name is none, or there are too many.
    """
    name = check_text(name, "the name", MAX_NAME)
    # Only what the list itself understands is kept, so that no other address can be planted under a name.
    said, _ = read_address(dict(parse_qsl(urlsplit(address).query)))
    saved = dict(list_saved(installation, viewer))
    if name not in saved and len(saved) >= MAX_SAVED:
        raise BadRequestError("too_many_saved")
    installation.private.execute(
        "insert or replace into saved_filters (account_id, name, address, saved_at) values (?, ?, ?, ?)",
        viewer.account_id,
        name,
        said.to_url(),
        format_instant(installation.clock()),
    )


def remove_saved(installation: Installation, viewer: Viewer, name: str) -> None:
    """Forget a name; one that is not there changes nothing."""
    installation.private.execute("delete from saved_filters where account_id = ? and name = ?", viewer.account_id, name)


def list_saved(installation: Installation, viewer: Viewer) -> list[tuple[str, str]]:
    """A person's names with their addresses."""
    rows = installation.private.fetch(
        "select name, address from saved_filters where account_id = ? order by name", viewer.account_id
    )
    return [(row["name"], row["address"]) for row in rows]

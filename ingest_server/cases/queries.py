"""Case files as the catalogue knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest_server.catalogue.catalogue import Catalogue


def find_casefile(catalogue: Catalogue, number: str) -> dict[str, Any] | None:
    """A case file's row by its number."""
    row = catalogue.fetch_one("select * from casefiles where number = ?", number)
    return None if row is None else dict(row)


def list_casefiles(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every case file with how many recordings are attached, last opened first."""
    rows = catalogue.fetch(
        "select c.*, (select count(distinct evidence_id) from attachments a where a.casefile_id = c.casefile_id)"
        " as recordings from casefiles c order by c.opened_at desc"
    )
    return [dict(row) for row in rows]


def list_attachments(catalogue: Catalogue, casefile_id: str) -> list[dict[str, Any]]:
    """What is attached to a case file: evidence id and stage, in the order it came."""
    rows = catalogue.fetch(
        "select evidence_id, stage, attached_at from attachments where casefile_id = ?"
        " order by attached_at, evidence_id",
        casefile_id,
    )
    return [dict(row) for row in rows]

"""Recordings as the catalogue knows them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ingest_server.searching.filters import RecordingFilter, Sort, read_local_time
from ingest_server.searching.queries import find_recordings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.catalogue.catalogue import Catalogue

__all__ = [
    "PAGE_SIZE",
    "RecordingFilter",
    "find_by_digest",
    "get_recording",
    "list_case_links",
    "list_known",
    "list_labels",
    "list_notes",
    "read_local_time",
    "search_recordings",
]

PAGE_SIZE = 200


def get_recording(catalogue: Catalogue, evidence_id: str) -> dict[str, Any] | None:
    """One recording's row with its claims and attachments."""
    row = catalogue.fetch_one("select * from recordings where evidence_id = ?", evidence_id)
    if row is None:
        return None
    claims = catalogue.fetch("select name, value, source from claims where evidence_id = ?", evidence_id)
    attached = catalogue.fetch(
        "select c.number, c.title, a.stage, a.attached_at from attachments a join casefiles c using (casefile_id)"
        " where a.evidence_id = ? order by c.number, a.stage",
        evidence_id,
    )
    return {**dict(row), "claims": [dict(item) for item in claims], "casefiles": [dict(item) for item in attached]}


def list_known(catalogue: Catalogue, recorder_id: str, files: Sequence[tuple[str, int]]) -> list[bool]:
    """Whether a recording of this recorder, raw path and size is known; the content may still differ."""
    rows = catalogue.fetch(
        "select distinct r.path_b64, r.size from json_each(?) f join recordings r on r.recorder_id = ?"
        " and r.path_b64 = json_extract(f.value, '$[0]') and r.size = json_extract(f.value, '$[1]')",
        json.dumps([list(file) for file in files]),
        recorder_id,
    )
    known = {(row["path_b64"], row["size"]) for row in rows}
    return [file in known for file in files]


def find_by_digest(catalogue: Catalogue, sha256: str) -> list[dict[str, Any]]:
    """Recordings with these bytes."""
    rows = catalogue.fetch("select evidence_id, recorder_id from recordings where sha256 = ?", sha256)
    return [dict(row) for row in rows]


def search_recordings(
    catalogue: Catalogue, wanted: RecordingFilter, *, before: int | None = None, limit: int = PAGE_SIZE
) -> list[dict[str, Any]]:
    """One page of all recordings, whoever may open them, last received first.

    Args:
        catalogue: Where to search.
        wanted: The conditions.
        before: Only those received before this ledger index (keyset paging).
        limit: At most so many.
    """
    found = find_recordings(catalogue, replace(wanted, sort=Sort.RECEIVED_LAST), after=before, limit=limit)
    return found.rows


def list_notes(catalogue: Catalogue, evidence_id: str) -> list[dict[str, Any]]:
    """The notes of a recording by their time in it; each knows by which later one it was corrected, if by any."""
    rows = catalogue.fetch(
        'select n.*, (select min(later."index") from notes later where later.evidence_id = n.evidence_id'
        ' and later.corrects = n."index") as corrected_by from notes n where n.evidence_id = ?'
        ' order by n.at_ms, n."index"',
        evidence_id,
    )
    return [dict(row) for row in rows]


def list_labels(catalogue: Catalogue, evidence_id: str) -> list[dict[str, Any]]:
    """The labels of a recording, first labelled first."""
    rows = catalogue.fetch(
        "select label, is_listed, labelled_at from labels where evidence_id = ? order by labelled_at, label",
        evidence_id,
    )
    return [dict(row) for row in rows]


def list_case_links(catalogue: Catalogue, evidence_id: str) -> list[dict[str, Any]]:
    """The case files and stages a recording is attached to."""
    rows = catalogue.fetch(
        "select c.casefile_id, c.number, c.title, a.stage, a.attached_at from attachments a"
        " join casefiles c using (casefile_id) where a.evidence_id = ? order by c.number, a.attached_at",
        evidence_id,
    )
    return [dict(row) for row in rows]

"""Case files as the catalogue knows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chain_of_custody.leaves import READING_EVENTS
from ingest_server.accounts.viewers import find_reach, limit_to_reach
from ingest_server.searching.filters import RecordingFilter
from ingest_server.searching.queries import find_recordings

if TYPE_CHECKING:
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.catalogue.catalogue import Catalogue

PAGE_SIZE = 50
_READING = ", ".join(f"'{name}'" for name in sorted(READING_EVENTS))
# When a case file last changed: its newest event that is not a mere reading.
_CHANGED_AT = (
    "(select e.time from events e where e.subject = c.casefile_id"  # noqa: S608 - our own names
    f" and e.type not in ({_READING}) order by e.seq desc limit 1) as changed_at"
)
_EMPTY = "not exists (select 1 from attachments a where a.casefile_id = c.casefile_id)"


def find_casefile(catalogue: Catalogue, number: str) -> dict[str, Any] | None:
    """A case file's row by its number."""
    row = catalogue.fetch_one("select * from casefiles where number = ?", number)
    return None if row is None else dict(row)


def get_casefile(catalogue: Catalogue, casefile_id: str) -> dict[str, Any] | None:
    """A case file's row by its identity, with when it last changed and how many recordings it has."""
    row = catalogue.fetch_one(
        f"select c.*, {_CHANGED_AT}, (select count(distinct evidence_id) from attachments a"  # noqa: S608 - fixed text
        " where a.casefile_id = c.casefile_id) as recordings from casefiles c where c.casefile_id = ?",
        casefile_id,
    )
    return None if row is None else dict(row)


def list_casefiles(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every case file with how many recordings are attached, last opened first."""
    rows = catalogue.fetch(
        "select c.*, (select count(distinct evidence_id) from attachments a where a.casefile_id = c.casefile_id)"
        " as recordings from casefiles c order by c.opened_at desc"
    )
    return [dict(row) for row in rows]


def search_casefiles(
    catalogue: Catalogue, text: str = "", *, is_empty: bool = False, before: int | None = None, limit: int = PAGE_SIZE
) -> list[dict[str, Any]]:
    """One page of case files, last opened first, with counts, stages that hold something, and the last change.

    Args:
        catalogue: Where to search.
        text: Found in number or title, as it is; empty finds all.
        is_empty: Only those to which no recording is attached.
        before: ``place`` of the last row of the page before.
        limit: How many rows at most.
    """
    rows = catalogue.fetch(
        f"select c.rowid as place, c.*, {_CHANGED_AT} from casefiles c"  # noqa: S608 - fixed text
        " where (? = '' or instr(lower(c.number), lower(?)) or instr(lower(c.title), lower(?)))"
        f" and (not ? or {_EMPTY}) and (? is null or c.rowid < ?) order by c.rowid desc limit ?",
        text,
        text,
        text,
        is_empty,
        before,
        before,
        limit,
    )
    return [{**dict(row), **_count_all(catalogue, row["casefile_id"])} for row in rows]


def count_empty(catalogue: Catalogue, limit: int = 1000) -> int:
    """How many case files hold no recording, counted up to a limit."""
    statement = f"select count(*) from (select 1 from casefiles c where {_EMPTY} limit ?)"  # noqa: S608 - fixed text
    return int(catalogue.fetch(statement, limit)[0][0])


def count_casefiles(catalogue: Catalogue) -> int:
    """How many case files there are."""
    row = catalogue.fetch_one("select count(*) as count from casefiles")
    return int(row["count"]) if row else 0


def count_stages(catalogue: Catalogue, casefile_id: str) -> dict[str, dict[str, int]]:
    """How many recordings and text records each stage holds; a stage that holds nothing is not in it."""
    rows = catalogue.fetch(
        "select stage, sum(recordings) as recordings, sum(documents) as documents from ("
        " select stage, 1 as recordings, 0 as documents from attachments where casefile_id = ?"
        " union all select stage, 0, 1 from documents where casefile_id = ? and removed_at is null) group by stage",
        casefile_id,
        casefile_id,
    )
    return {row["stage"]: {"recordings": row["recordings"], "documents": row["documents"]} for row in rows}


def list_attachments(catalogue: Catalogue, casefile_id: str) -> list[dict[str, Any]]:
    """What is attached to a case file: evidence id and stage, in the order it came."""
    rows = catalogue.fetch(
        "select evidence_id, stage, attached_at from attachments where casefile_id = ?"
        " order by attached_at, evidence_id",
        casefile_id,
    )
    return [dict(row) for row in rows]


def list_stage(
    catalogue: Catalogue, viewer: Viewer, casefile_id: str, stage: str, *, offset: int = 0, limit: int = PAGE_SIZE
) -> list[dict[str, Any]]:
    """Recordings at a stage in the order they were attached, each with its place.

    One outside the viewer's reach keeps its place and says nothing else (``in_reach`` is 0, the rest is null).
    """
    condition, values = limit_to_reach(viewer)
    rows = catalogue.fetch(
        "select row_number() over (order by a.attached_at, a.evidence_id) as place, a.attached_at,"  # noqa: S608
        f" ({condition}) as in_reach, r.evidence_id, r.path, r.started_local, r.officer, r.serial, r.size, o.name"
        " as officer_name, (select count(*) from findings f where f.subject = r.evidence_id"
        " and f.severity != 'info') as findings from attachments a join recordings r using (evidence_id)"
        " left join officers o on o.number = r.officer where a.casefile_id = ? and a.stage = ?"
        " order by a.attached_at, a.evidence_id limit ? offset ?",
        *values,
        casefile_id,
        stage,
        limit,
        offset,
    )
    hidden = {"evidence_id": None, "path": None, "started_local": None, "officer": None, "serial": None}
    hidden |= {"size": None, "officer_name": None, "findings": None}
    return [dict(row) if row["in_reach"] else {**dict(row), **hidden} for row in rows]


def list_documents(catalogue: Catalogue, casefile_id: str, stage: str) -> list[dict[str, Any]]:
    """Text records at a stage, also those that were removed, in the order they came."""
    rows = catalogue.fetch(
        "select * from documents where casefile_id = ? and stage = ? order by added_at, document_id",
        casefile_id,
        stage,
    )
    return [dict(row) for row in rows]


def get_document(catalogue: Catalogue, document_id: str) -> dict[str, Any] | None:
    """One text record's row."""
    row = catalogue.fetch_one("select * from documents where document_id = ?", document_id)
    return None if row is None else dict(row)


def find_in_reach(catalogue: Catalogue, viewer: Viewer, text: str, limit: int = 20) -> list[dict[str, Any]]:
    """Recordings that a viewer may attach and that hold a text, last received first, with their officers' names."""
    found = find_recordings(catalogue, RecordingFilter(text=text or None), find_reach(viewer), limit=limit)
    numbers = {row["officer"] for row in found.rows if row["officer"]}
    rows = catalogue.fetch(
        "select number, name from officers where number in (select value from json_each(?))",
        json.dumps(sorted(numbers)),
    )
    names = {row["number"]: row["name"] for row in rows}
    return [{**row, "officer_name": names.get(row["officer"])} for row in found.rows]


def _count_all(catalogue: Catalogue, casefile_id: str) -> dict[str, Any]:
    stages = count_stages(catalogue, casefile_id)
    row = catalogue.fetch_one(
        "select count(distinct evidence_id) as recordings from attachments where casefile_id = ?", casefile_id
    )
    documents = sum(item["documents"] for item in stages.values())
    return {"stages": stages, "recordings": row["recordings"] if row else 0, "documents": documents}

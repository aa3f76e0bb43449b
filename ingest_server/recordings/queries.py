"""Recordings as the catalogue knows them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ingest_server.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.catalogue.catalogue import Catalogue

PAGE_SIZE = 200
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """What is searched for; every given condition must hold.

    Attributes:
        officer: Officer number as claimed.
        recorder: Recorder id or serial as claimed.
        since: Earliest start by the recorder's own clock, ``YYYY-MM-DD`` or with a time.
        until: Latest start, likewise; a day alone means the whole day.
        case: Case file number it is attached to.
        text: Found in path, claims, case number or title.
    """

    officer: str | None = None
    recorder: str | None = None
    since: str | None = None
    until: str | None = None
    case: str | None = None
    text: str | None = None


def read_local_time(text: str | None) -> str | None:
    """A day or a time by a recorder's clock, in the form the catalogue compares.

    Raises:
        BadRequestError: It is none; finding nothing would look like an answer.
    """
    if text is None:
        return None
    try:
        # The pattern keeps out the forms that the parser knows besides, the parser dates that no calendar has.
        datetime.fromisoformat(text if _LOCAL_TIME.fullmatch(text) else "")
    except ValueError as error:
        raise BadRequestError("wrong_usage", "a time is YYYY-MM-DD, or YYYY-MM-DDTHH:MM with or without :SS") from error
    return text.replace(" ", "T")


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
    """One page of recordings, last received first.

    Args:
        catalogue: Where to search.
        wanted: The conditions.
        before: Only those received before this ledger index (keyset paging).
        limit: At most so many.
    """
    conditions, values = _make_conditions(wanted)
    if before is not None:
        conditions.append("r.received_index < ?")
        values.append(before)
    where = f" where {' and '.join(conditions)}" if conditions else ""
    rows = catalogue.fetch(
        f"select r.* from recordings r{where} order by r.received_index desc limit ?",  # noqa: S608 - fixed conditions
        *values,
        limit,
    )
    return [dict(row) for row in rows]


def _make_conditions(wanted: RecordingFilter) -> tuple[list[str], list[object]]:
    conditions: list[str] = []
    values: list[object] = []
    if wanted.officer:
        conditions.append("r.officer = ?")
        values.append(wanted.officer)
    if wanted.recorder:
        conditions.append("(r.recorder_id = ? or r.serial = ?)")
        values += [wanted.recorder.lower(), wanted.recorder]
    if wanted.since:
        conditions.append("r.started_local >= ?")
        values.append(wanted.since)
    if wanted.until:
        conditions.append("substr(r.started_local, 1, length(?)) <= ?")
        values += [wanted.until, wanted.until]
    if wanted.case:
        conditions.append(
            "exists (select 1 from attachments a join casefiles c using (casefile_id)"
            " where a.evidence_id = r.evidence_id and c.number = ?)"
        )
        values.append(wanted.case)
    if wanted.text:
        # instr takes the text as it is: no character of it is a wildcard.
        conditions.append(
            "(instr(lower(r.path), lower(?)) or exists (select 1 from claims k where k.evidence_id = r.evidence_id"
            " and instr(lower(k.value), lower(?))) or exists (select 1 from attachments a join casefiles c"
            " using (casefile_id) where a.evidence_id = r.evidence_id"
            " and (instr(lower(c.number), lower(?)) or instr(lower(c.title), lower(?)))))"
        )
        values += [wanted.text] * 4
    return conditions, values


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

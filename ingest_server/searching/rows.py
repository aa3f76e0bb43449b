"""What stands in a row of the list beside the recording's own facts, read for a whole page at once."""

# ruff: noqa: S608 - statements are joined from our own texts; every value is bound

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ingest_server.searching.conditions import list_reach

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest_server.accounts.viewers import Reach
    from ingest_server.catalogue.catalogue import Catalogue

_IDS = "json_each(?) i cross join"


def describe_rows(catalogue: Catalogue, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with ``officer_name duration_ms has_picture place casefiles labels findings``.

    Args:
        catalogue: Where they are.
        rows: Rows of ``recordings``, a page of them.
    """
    ids = json.dumps([row["evidence_id"] for row in rows])
    numbers = json.dumps(list({row["officer"] for row in rows if row["officer"]}))
    with catalogue.reading() as connection:

        def group(statement: str, values: str = ids) -> dict[str, list[dict[str, Any]]]:
            found: dict[str, list[dict[str, Any]]] = {}
            for row in connection.execute(statement, (values,)):
                found.setdefault(row[0], []).append(dict(row))
            return found

        names = group(f"select o.number, o.name from {_IDS} officers o on o.number = i.value", numbers)
        media = group(f"select m.evidence_id, m.duration_ms from {_IDS} media_facts m on m.evidence_id = i.value")
        pictures = group(
            f"select d.evidence_id from {_IDS} derivatives d on d.evidence_id = i.value and d.kind = 'thumbnail'"
        )
        places = group(
            f"select k.evidence_id, k.value from {_IDS} claims k on k.evidence_id = i.value and k.name = 'place'"
        )
        cases = group(
            f"select a.evidence_id, c.casefile_id, c.number, a.stage from {_IDS} attachments a"
            " on a.evidence_id = i.value cross join casefiles c using (casefile_id) order by c.number, a.attached_at"
        )
        labels = group(
            f"select l.evidence_id, l.label, l.is_listed from {_IDS} labels l on l.evidence_id = i.value"
            " order by l.labelled_at"
        )
        findings = group(f"select f.subject, f.code, f.severity from {_IDS} findings f on f.subject = i.value")
    return [
        {
            **row,
            "officer_name": _first(names, row["officer"], "name"),
            "duration_ms": _first(media, row["evidence_id"], "duration_ms"),
            "has_picture": row["evidence_id"] in pictures,
            "place": _first(places, row["evidence_id"], "value"),
            "casefiles": cases.get(row["evidence_id"], []),
            "labels": labels.get(row["evidence_id"], []),
            "findings": findings.get(row["evidence_id"], []),
        }
        for row in rows
    ]


def read_rows(catalogue: Catalogue, reach: Reach, evidence_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of these recordings, but for those that the viewer may not open without approval."""
    tests = [condition.test for condition in list_reach(reach)]
    tests += [] if reach.sees_restricted else ["r.is_restricted = 0"]
    values = [value for condition in list_reach(reach) for value in condition.values]
    rows = catalogue.fetch(
        f"select r.* from {_IDS} recordings r on r.evidence_id = i.value where {' and '.join(tests) or '1'}",
        json.dumps(list(dict.fromkeys(evidence_ids))),
        *values,
    )
    return [dict(row) for row in rows]


def list_numbers(catalogue: Catalogue, limit: int = 50) -> list[str]:
    """Numbers of the case files opened last, to choose from while typing."""
    rows = catalogue.fetch("select number from casefiles order by opened_at desc, number limit ?", limit)
    return [row["number"] for row in rows]


def suggest_filters(catalogue: Catalogue, text: str, among: Collection[str]) -> list[tuple[str, str, str]]:
    """Register entries that a typed text may mean: condition, value, and the name that people know, a few of each.

    Args:
        catalogue: Where the registers are.
        text: What was typed.
        among: Which of ``unit``, ``officer`` and ``case`` the person may look up.
    """
    if not text.strip():
        return []
    sources = (
        ("unit", "select code, name from units where instr(lower(name), lower(?1)) or code = ?1 order by code limit 3"),
        ("officer", "select number, name from officers where instr(lower(name), lower(?1)) or number = ?1 limit 3"),
        (
            "case",
            # The case files opened last are what people work on; the text itself is searched in all of them.
            (
                "select number, title from (select number, title from casefiles order by rowid desc limit 2000)"
                " where instr(lower(number || char(10) || title), lower(?1)) limit 3"
            ),
        ),
    )
    with catalogue.reading() as connection:
        return [
            (condition, row[0], row[1])
            for condition, statement in sources
            if condition in among
            for row in connection.execute(statement, (text.strip(),))
        ]


def _first(found: dict[str, list[dict[str, Any]]], key: str | None, name: str) -> Any:
    return next((item[name] for item in found.get(key or "", ())), None)

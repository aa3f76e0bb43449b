"""Conditions of a search: each a test of one recording and, where an index knows it, the list of all that pass."""

# ruff: noqa: S608 - statements are joined from our own column names and placeholders

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id
from ingest_server.permissions import Scope
from ingest_server.searching.grams import read_query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from ingest_server.accounts.viewers import Reach
    from ingest_server.searching.filters import RecordingFilter

_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
# Behind every text that begins with the same characters.
_END = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on ``recordings r``.

    Attributes:
        test: SQL that is true where one recording passes.
        values: Its values.
        members: SQL that lists the ``received_index`` of all that pass, or of some more; None where no index can.
        member_values: Its values.
        is_ordered: Whether the list comes in the order of reception without being sorted.
        is_exact: Whether the list holds nothing but what passes.
        stretch_of: The column in whose order it is a stretch, so that a walk in that order begins there.
        is_costly: Whether the list costs as much as it is long before its first row; it is the last resort.
    """

    test: str
    values: tuple[object, ...] = ()
    members: str | None = None
    member_values: tuple[object, ...] = ()
    is_ordered: bool = False
    is_exact: bool = True
    stretch_of: str | None = None
    is_costly: bool = False


NOTHING = Condition("0", (), "select received_index from recordings where 0", (), is_ordered=True)


def list_conditions(connection: sqlite3.Connection, wanted: RecordingFilter) -> list[Condition]:
    """The conditions of a filter, that on the text last; names are looked up in the registers here."""
    return [
        *_limit_people(connection, wanted),
        *_limit_times(wanted),
        *_limit_cases(wanted),
        *(_limit_text(connection, wanted.text) if wanted.text else ()),
    ]


def list_reach(reach: Reach) -> list[Condition]:
    """The conditions of whose recordings somebody reaches, restricted ones included."""
    match reach.scope:
        case Scope.ALL:
            return []
        case Scope.NONE:
            return [NOTHING]
        case Scope.OWN:
            return [_has_value("officer", str(reach.key))]
        case Scope.UNIT:
            return [_has_facet("unit", str(reach.key))]


def _limit_people(connection: sqlite3.Connection, wanted: RecordingFilter) -> Iterator[Condition]:
    if wanted.officer:
        found = connection.execute(
            "select number from officers where instr(lower(name), lower(?)) limit 100", (wanted.officer,)
        )
        yield _has_value("officer", wanted.officer, *(row[0] for row in found))
    if wanted.recorder:
        yield _is_of_recorder(connection, wanted.recorder)
    if wanted.unit:
        yield _has_facet("unit", wanted.unit)


def _has_value(column: str, *values: str) -> Condition:
    chosen = tuple(dict.fromkeys(values))
    test = f"{column} in ({', '.join('?' * len(chosen))})" if len(chosen) > 1 else f"{column} = ?"
    members = f"select received_index from recordings where {test}"
    return Condition(f"r.{test}", chosen, members, chosen, is_ordered=len(chosen) == 1)


def _is_of_recorder(connection: sqlite3.Connection, recorder: str) -> Condition:
    found = connection.execute(
        "select recorder_id from recorders where serial = ?1 or hardware_serial = ?1 limit 100", (recorder,)
    )
    ids = tuple(dict.fromkeys((recorder.lower(), *(row[0] for row in found))))
    among = f"recorder_id in ({', '.join('?' * len(ids))})"
    return Condition(
        f"(r.{among} or r.serial = ?)",
        (*ids, recorder),
        f"select received_index from recordings where {among}"
        " union select received_index from recordings where serial = ?",
        (*ids, recorder),
    )


def _has_facet(facet: str, value: str) -> Condition:
    return Condition(
        f"exists (select 1 from recording_facets f where f.facet = '{facet}' and f.value = ?"
        " and f.received_index = r.received_index)",
        (value,),
        f"select received_index from recording_facets where facet = '{facet}' and value = ?",
        (value,),
        is_ordered=True,
    )


def _limit_times(wanted: RecordingFilter) -> Iterator[Condition]:
    tests, values = [], []
    if wanted.since:
        tests.append("started_local >= ?")
        values.append(wanted.since)
    if wanted.until:
        tests.append("started_local < ?")
        values.append(wanted.until + _END)
    if tests:
        yield Condition(
            " and ".join(f"r.{test}" for test in tests),
            tuple(values),
            f"select received_index from recordings where {' and '.join(tests)}",
            tuple(values),
            stretch_of="started_local",
        )
    # The ledger's times never fall, so a time of reception is a place in the order of reception.
    tests, values = [], []
    if wanted.received_since:
        first = "select received_index from recordings where received_at >= ? order by received_at, received_index"
        tests.append(f"received_index >= ({first} limit 1)")
        values.append(wanted.received_since)
    if wanted.received_until:
        last = "select received_index from recordings where received_at < ? order by received_at desc, received_index"
        tests.append(f"received_index <= ({last} desc limit 1)")
        values.append(wanted.received_until)
    if tests:
        test = " and ".join(tests)
        members = f"select received_index from recordings where {test}"
        own = test.replace("received_index >=", "r.received_index >=").replace(
            "received_index <=", "r.received_index <="
        )
        yield Condition(own, tuple(values), members, tuple(values), is_ordered=True, stretch_of="received_index")


def _limit_cases(wanted: RecordingFilter) -> Iterator[Condition]:
    if wanted.case:
        # Both at once where a stage is asked for too: attached to this case file at this stage.
        stage = " and a.stage = ?" if wanted.stage else ""
        values = (wanted.case, *((wanted.stage,) if wanted.stage else ()))
        yield Condition(
            "exists (select 1 from attachments a join casefiles c using (casefile_id)"
            f" where a.evidence_id = r.evidence_id and c.number = ?{stage})",
            values,
            "select distinct received_index from casefiles c cross join attachments a using (casefile_id)"
            f" cross join recordings using (evidence_id) where c.number = ?{stage}",
            values,
        )
    elif wanted.stage:
        yield _has_facet("stage", wanted.stage)
    if wanted.label:
        yield _has_facet("label", wanted.label)
    if wanted.is_labelled is not None:
        yield _has_facet("labelled", "some" if wanted.is_labelled else "none")
    if wanted.finding:
        yield _has_facet("finding", wanted.finding)
    if wanted.is_attached is False:
        yield Condition(
            "r.attached = 0", (), "select received_index from recordings where attached = 0", is_ordered=True
        )
    elif wanted.is_attached:
        yield Condition("r.attached > 0")


def _limit_text(connection: sqlite3.Connection, text: str) -> Iterator[Condition]:
    exact = _find_exactly(connection, text.strip())
    if exact is not None:
        yield exact
        return
    query = read_query(text)
    if not query.words:
        return
    words = " and ".join(["instr(x.text, ?)"] * len(query.words))
    test = f"exists (select 1 from recording_texts x where x.received_index = r.received_index and {words})"
    members = "select rowid as received_index from recording_grams where recording_grams match ?"
    is_whole = query.match is not None
    grams = query.match or query.prefix
    yield Condition(test, query.words, members, (grams,), is_ordered=is_whole, is_exact=False, is_costly=not is_whole)


def _find_exactly(connection: sqlite3.Connection, text: str) -> Condition | None:
    """A whole evidence id or digest, where there is such a recording."""
    column, value = "evidence_id", ""
    if _SHA256.fullmatch(text):
        column, value = "sha256", text.lower()
    else:
        try:
            value = parse_shown_id(text)
        except MalformedError:
            return None
    statement = f"select 1 from recordings where {column} = ? limit 1"
    return _has_value(column, value) if connection.execute(statement, (value,)).fetchone() else None

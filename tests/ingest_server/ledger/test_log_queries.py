"""Pages of the log under any filter are what a plain reading of all lines gives."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_server.catalogue.schema import SCHEMA, split_statements
from ingest_server.ledger import queries
from ingest_server.ledger.queries import LogFilter, count_lines, find_indexes, find_page, find_time, list_stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

ACTORS, TYPES, SUBJECTS = ("a:1", "a:2", "p:3"), ("one.done", "two.done", "request.refused"), ("s1", "s2", "s3")
OUTCOMES = {"request.refused": "refused", "two.done": "failed"}


class PlainCatalogue:
    """A catalogue with lines of our own, without a ledger behind it."""

    def __init__(self, lines: Sequence[tuple[str, str, str]], noted: Sequence[int] = ()) -> None:
        self.database = sqlite3.connect(":memory:")
        self.database.row_factory = sqlite3.Row
        for statement in split_statements(SCHEMA):
            self.database.execute(statement)
        self.lines = lines
        for index, (actor, kind, subject) in enumerate(lines):
            outcome = OUTCOMES.get(kind, "normal")
            row = (index, kind, "account", subject, 1, f"{index:06}", "act", actor, actor, None, outcome, "[]")
            self.database.execute(f"insert into events values ({','.join('?' * 12)})", row)
            self.database.execute("insert or ignore into log_types values (?, 1)", (kind,))
        for place, index in enumerate(noted):
            self.database.execute("insert into log_notes values (?, ?, 'seen', 'a', '')", (10_000 + place, index))

    def fetch(self, statement: str, *values: object) -> list[sqlite3.Row]:
        return self.database.execute(statement, values).fetchall()

    def fetch_one(self, statement: str, *values: object) -> sqlite3.Row | None:
        return self.database.execute(statement, values).fetchone()


def plain_indexes(lines: Sequence[tuple[str, str, str]], wanted: LogFilter, noted: Sequence[int]) -> list[int]:
    def fits(index: int) -> bool:
        actor, kind, subject = lines[index]
        outcome = OUTCOMES.get(kind, "normal")
        wants = {None: True, "open": outcome == "refused" and index not in noted}
        return (
            (wanted.actors is None or actor in wanted.actors)
            and (wanted.types is None or kind in wanted.types)
            and (wanted.subjects is None or subject in wanted.subjects)
            and wants.get(wanted.outcome, outcome == wanted.outcome)
            and wanted.start <= index < wanted.end
        )

    return [index for index in range(len(lines)) if fits(index)]


some = {
    "actors": st.none() | st.lists(st.sampled_from([*ACTORS, "nobody"]), max_size=3, unique=True).map(tuple),
    "types": st.none() | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True).map(tuple),
    "subjects": st.none() | st.lists(st.sampled_from([*SUBJECTS, "none"]), max_size=2, unique=True).map(tuple),
    "outcome": st.sampled_from([None, None, "refused", "failed", "open"]),
    "start": st.integers(0, 30),
    "end": st.integers(10, 60),
}
lines_of = st.lists(
    st.tuples(st.sampled_from(ACTORS), st.sampled_from(TYPES), st.sampled_from(SUBJECTS)), min_size=1, max_size=50
)


@settings(max_examples=150, deadline=None)
@given(lines=lines_of, noted=st.lists(st.integers(0, 49), max_size=5), wanted=st.builds(LogFilter, **some))
def test_paging_either_way_gives_every_line_once(lines: Any, noted: list[int], wanted: LogFilter) -> None:
    catalogue: Any = PlainCatalogue(lines, noted)
    plain = plain_indexes(lines, wanted, noted)
    assert count_lines(catalogue, wanted) == len(plain)
    seen: list[int] = []
    page = find_page(catalogue, wanted, limit=7)
    assert not page.has_newer
    while True:
        seen += [line["index"] for line in page.lines]
        if not page.has_older:
            break
        page = find_page(catalogue, wanted, before=seen[-1], limit=7)
        assert page.has_newer
    assert seen == plain[::-1]
    while page.has_newer:
        above = find_page(catalogue, wanted, after=page.lines[0]["index"], limit=7)
        assert above.has_older
        page = above
    assert [line["index"] for line in page.lines] == plain[::-1][:7]


def test_the_newest_page_is_full_from_below() -> None:
    catalogue: Any = PlainCatalogue([(ACTORS[0], TYPES[0], SUBJECTS[0])] * 20)
    page = find_page(catalogue, LogFilter(), after=14, limit=10)
    assert [line["index"] for line in page.lines] == list(range(19, 9, -1))
    assert not page.has_newer


def test_a_filter_of_more_keys_than_one_query_takes_is_asked_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_TERMS", 2)
    lines = [(ACTORS[n % 3], TYPES[n % 2], SUBJECTS[n % 3]) for n in range(40)]
    catalogue: Any = PlainCatalogue(lines)
    wanted = LogFilter(actors=ACTORS)
    assert find_indexes(catalogue, wanted, newest_first=True, limit=9) == list(range(39, 30, -1))
    assert count_lines(catalogue, wanted) == 40


def test_an_export_reads_every_line_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "EXPORT_STRETCH", 7)
    catalogue: Any = PlainCatalogue([(ACTORS[0], TYPES[n % 2], SUBJECTS[0]) for n in range(40)])
    wanted = LogFilter(types=(TYPES[1],), end=30)
    assert [index for stretch in list_stretches(catalogue, wanted) for index in stretch] == list(range(1, 30, 2))


@given(st.integers(0, 12), st.integers(0, 12))
def test_a_time_is_found_by_halving(size: int, at: int) -> None:
    catalogue: Any = PlainCatalogue([(ACTORS[0], TYPES[0], SUBJECTS[0])] * size) if size else PlainCatalogue([])
    assert find_time(catalogue, f"{at:06}", size) == min(at, size)

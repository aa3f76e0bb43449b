"""Finding recordings: the cheapest list drives, every other condition is tested on it.

1. A condition has few members: all of them are read, tested and sorted.
2. Many pass every condition: the first page is near, so one walks in the order asked for and tests, not far.
3. Many pass each condition and few pass all of them: the shortest list is read, tested and sorted.

So the cost of a page does not grow with the number of recordings, but for conditions that pass much and exclude each
other.
"""

# ruff: noqa: S608 - statements are joined from the fixed texts of conditions; every value is bound

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_server.accounts.viewers import EVERYTHING, Reach
from ingest_server.errors import BadRequestError
from ingest_server.searching.conditions import Condition, list_conditions, list_reach
from ingest_server.searching.filters import RecordingFilter, Sort

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ingest_server.catalogue.catalogue import Catalogue

FEW, TOGETHER = 6_000, 25_000
# How far one looks in the order asked for; where a condition passes more than FEW of a million, a page is found there.
NEAR = 10_000
_COUNTED, _LONG = 100_000, 50_000
_NOT_RESTRICTED = Condition("r.is_restricted = 0")
_RESTRICTED = Condition(
    "r.is_restricted = 1", (), "select received_index from recordings where is_restricted = 1", is_ordered=True
)
_TIMED = Condition("r.started_local is not null")
_TIMELESS = Condition(
    "r.started_local is null", (), "select received_index from recordings where started_local is null", is_ordered=True
)
_GIVEN = "select value as received_index from json_each(?)"
# Each order walks its own index; the planner keeps no statistics and would guess.
_WALKS = {
    "received_index": "not indexed",
    "size": "indexed by recordings_size",
    "started_local": "indexed by recordings_started",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search.

    Attributes:
        rows: The recordings' rows in the order asked for.
        total: How many there are on all pages; None where counting them would cost more than finding these.
        withheld: How many more pass in the viewer's scope and are restricted; up to ``FEW``.
        has_before: Whether a page comes before.
        has_after: Whether a page comes after.
        size: The ledger's size that the search covers.
    """

    rows: list[dict[str, Any]]
    total: int | None
    withheld: int
    has_before: bool
    has_after: bool
    size: int


def find_recordings(
    catalogue: Catalogue,
    wanted: RecordingFilter,
    reach: Reach = EVERYTHING,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Found:
    """One page of what a viewer reaches.

    Args:
        catalogue: Where to search.
        wanted: The conditions and the order.
        reach: Whose recordings.
        after: The page behind the recording with this ledger index.
        before: The page in front of it; ``after`` is not looked at then.
        limit: At most so many rows.
    """
    with catalogue.reading() as connection:
        # Comparing texts is what costs most, so it comes last.
        scope = [*list_reach(reach), *list_conditions(connection, wanted)]
        search = _Search(connection, scope if reach.sees_restricted else [*scope, _NOT_RESTRICTED])
        anchor = after if before is None else before
        rows = search.read_page(wanted.sort, anchor, limit + 1, is_backwards=before is not None)
        withheld = 0 if reach.sees_restricted else _Search(connection, [_RESTRICTED, *scope]).count_some()
        total = search.count(withheld)
        size = connection.execute("select next_index from cursor").fetchone()[0]
    has_more, rows = len(rows) > limit, rows[:limit]
    if before is not None:
        return Found(rows[::-1], total, withheld, has_more, has_after=True, size=size)
    return Found(rows, total, withheld, anchor is not None, has_more, size)


def count_recordings(catalogue: Catalogue, wanted: RecordingFilter, reach: Reach) -> tuple[int, bool]:
    """How many recordings a viewer would find, and whether there are more than were counted; for a first page."""
    with catalogue.reading() as connection:
        conditions = [*list_reach(reach), *list_conditions(connection, wanted)]
        search = _Search(connection, conditions if reach.sees_restricted else [*conditions, _NOT_RESTRICTED])
        return search.count_up_to_few()


def reaches_any(catalogue: Catalogue, reach: Reach) -> bool:
    """Whether there is any recording within reach."""
    with catalogue.reading() as connection:
        limits = list_reach(reach)
        members = limits[0].members if limits else "select received_index from recordings"
        values = limits[0].member_values if limits else ()
        return connection.execute(f"select 1 from ({members}) limit 1", values).fetchone() is not None


class _Search:
    """Conditions on one connection; where one of their lists is short, what passes all of them is read at once."""

    def __init__(self, connection: sqlite3.Connection, conditions: Sequence[Condition]) -> None:
        self._connection = connection
        self._conditions = conditions
        self._passing = self._list_passing()

    def read_page(self, sort: Sort, anchor: int | None, limit: int, *, is_backwards: bool) -> list[dict[str, Any]]:
        """Rows behind an anchor, or before it with the nearest first."""
        stretches: list[tuple[Sort, Condition | None]] = [(sort, None)]
        if sort.column == "started_local":
            by_reception = Sort.RECEIVED_LAST if sort.is_descending else Sort.RECEIVED
            stretches[:] = (sort, _TIMED), (by_reception, _TIMELESS)
        if is_backwards:
            stretches = [(one.opposite, condition) for one, condition in reversed(stretches)]
        key = None if anchor is None else self._read_key(sort, anchor)
        rows: list[dict[str, Any]] = []
        for stretch, condition in stretches:
            extra = [] if condition is None else [condition]
            if anchor is not None:
                if condition is not None and (condition is _TIMELESS) != (key is None):
                    # The anchor stands in the other stretch: this one is passed by, or comes whole.
                    if (condition is _TIMELESS) == is_backwards:
                        continue
                else:
                    extra.append(_start_behind(stretch, key, anchor))
            rows += self._read(stretch, extra, limit - len(rows))
            if len(rows) >= limit:
                break
        return rows

    def count(self, withheld: int) -> int | None:
        """How many pass; None where that would cost too much. A list knows nothing of what is withheld of it."""
        if self._passing is not None:
            return len(self._passing)
        listed = [condition for condition in self._conditions if condition is not _NOT_RESTRICTED]
        if withheld >= FEW or len(listed) > 1:
            return None
        if not listed:
            return self._count("select 1 from recordings", ()) - withheld
        if listed[0].members is None or not listed[0].is_exact:
            return None
        count = self._count(f"{listed[0].members} limit {_COUNTED}", listed[0].member_values)
        return count - withheld if count < _COUNTED else None

    def count_some(self) -> int:
        """How many pass, at most ``FEW``, along the list of one condition."""
        if self._passing is not None:
            return len(self._passing)
        driver = next(condition for condition in self._conditions if condition.is_ordered)
        tests, values = _join(_leave(self._conditions, driver))
        statement = f"select 1 from {_join_recordings(str(driver.members))} where {tests} limit {FEW}"
        return self._count(statement, (*driver.member_values, *values))

    def count_up_to_few(self) -> tuple[int, bool]:
        """How many pass and whether there are more; where many do, counting ends at ``FEW``."""
        if self._passing is not None:
            return len(self._passing), False
        if any(condition.members for condition in self._conditions):
            # Where few pass all of them, the shortest list bounds what is read.
            shortest = self._find_shortest(self._conditions)
            source, given = _join_recordings(str(shortest.members)), shortest.member_values
            tests, values = _join(_leave(self._conditions, shortest))
        else:
            source, given = "recordings r", ()
            tests, values = _join(self._conditions)
        count = self._count(f"select 1 from {source} where {tests} limit {FEW + 1}", (*given, *values))
        return min(count, FEW), count > FEW

    def _count(self, statement: str, values: Sequence[object]) -> int:
        count: int = self._connection.execute(f"select count(*) from ({statement})", values).fetchone()[0]
        return count

    def _list_passing(self) -> list[int] | None:
        """The places of all that pass, where a condition has few members."""
        listed = [one for one in self._conditions if one.members and not one.is_costly]
        # One condition alone is walked to sooner than its list is tested; several may exclude each other.
        most = FEW if len([one for one in self._conditions if one is not _NOT_RESTRICTED]) == 1 else TOGETHER
        shortest: tuple[int, Condition] | None = None
        read: dict[Condition, list[int]] = {}
        for condition in listed:
            if shortest is None or shortest[0] > 100:
                size = self._measure(condition, most + 1, read)
                if size <= most and (shortest is None or size < shortest[0]):
                    shortest = size, condition
        if shortest is None:
            return None
        found = shortest[1]
        members = read.get(found) or self._list(found, most)
        tests, values = _join(_leave(self._conditions, found))
        tests = tests.replace("r.received_index", "m.received_index")
        statement = f"select m.received_index from {_join_recordings(_GIVEN)} where {tests}"
        return [row[0] for row in self._connection.execute(statement, (json.dumps(members), *values))]

    def _measure(self, condition: Condition, limit: int, read: dict[Condition, list[int]]) -> int:
        """How long a list is, up to a limit; one of a text is read at once, since finding it again costs as much."""
        if condition.is_exact:
            return self._count(f"select 1 from ({condition.members}) limit {limit}", condition.member_values)
        read[condition] = self._list(condition, limit)
        return len(read[condition])

    def _list(self, condition: Condition, limit: int) -> list[int]:
        statement = f"select m.received_index from ({condition.members}) m limit {limit}"
        return [row[0] for row in self._connection.execute(statement, condition.member_values)]

    def _read_key(self, sort: Sort, anchor: int) -> Any:
        if sort.column == "received_index":
            return anchor
        statement = f"select {sort.column} from recordings where received_index = ?"
        row = self._connection.execute(statement, (anchor,)).fetchone()
        if row is None:
            raise BadRequestError("bad_request", f"there is no recording {anchor} to go on from")
        return row[0]

    def _read(self, sort: Sort, extra: Sequence[Condition], limit: int) -> list[dict[str, Any]]:
        conditions = [*extra, *self._conditions]
        if self._passing is not None:
            return self._run(_join_recordings(_GIVEN), (json.dumps(self._passing),), extra, sort, limit)
        walk = f"recordings r {_WALKS[sort.column]}"
        if not any(condition.members for condition in conditions):
            return self._run(walk, (), conditions, sort, limit)
        # Those without a time are few and have a list of their own.
        near = None if _TIMELESS in extra else self._look_near(walk, extra, sort, limit)
        if near is not None:
            return near
        # Many pass each condition and few pass all of them: the shortest list bounds what is read.
        shortest = self._find_shortest(conditions)
        is_in_order = shortest.is_ordered and sort.column == "received_index"
        source = _join_recordings(str(shortest.members))
        rest = _leave(conditions, shortest)
        return self._run(source, shortest.member_values, rest, sort, limit, of="m" if is_in_order else "r")

    def _find_shortest(self, conditions: Sequence[Condition]) -> Condition:
        """The condition with the shortest list, as far as measuring is cheap.

        That of a short text, which was not found nearby, is short; that of another text costs as much to measure as
        to read, so it comes before lists that are known to be long.
        """
        listed = [condition for condition in conditions if condition.members]
        costly = [condition for condition in listed if condition.is_costly]
        if costly or len(listed) == 1:
            return (costly or listed)[0]
        sizes = {one: self._count(f"{one.members} limit {_LONG}", one.member_values) for one in listed if one.is_exact}
        shortest = min(sizes, key=lambda one: sizes[one], default=None)
        text = next((one for one in listed if not one.is_exact), None)
        return text if text is not None and (shortest is None or sizes[shortest] == _LONG) else shortest or listed[0]

    def _look_near(self, walk: str, extra: Sequence[Condition], sort: Sort, limit: int) -> list[dict[str, Any]] | None:
        """Test the nearest recordings one by one; None where too few of them pass and there are more behind."""
        stretches = [one for one in self._conditions if one.stretch_of == sort.column]
        start, start_values = _join([*extra, *stretches])
        tests, values = _join([one for one in self._conditions if one not in stretches])
        statement = f"select r.received_index, {tests} from {walk} where {start} order by {_order(sort)} limit {NEAR}"
        chosen: list[int] = []
        seen = 0
        for index, is_passed in self._connection.execute(statement, (*values, *start_values)):
            seen += 1
            if is_passed:
                chosen.append(index)
                if len(chosen) == limit:
                    break
        if len(chosen) < limit and seen == NEAR:
            return None
        return self._read_rows(_GIVEN, (json.dumps(chosen),))

    def _run(
        self,
        source: str,
        source_values: Sequence[object],
        conditions: Sequence[Condition],
        sort: Sort,
        limit: int,
        of: str = "r",
    ) -> list[dict[str, Any]]:
        tests, values = _join(conditions)
        if " m cross join " in source:
            # What the place alone decides is decided before the row is read.
            tests = tests.replace("r.received_index", "m.received_index")
        # Places alone are sorted; the rows, which are wide, are read for those that are shown.
        chosen = f"select r.received_index from {source} where {tests} order by {_order(sort, of)} limit ?"
        return self._read_rows(chosen, (*source_values, *values, limit))

    def _read_rows(self, chosen: str, values: Sequence[object]) -> list[dict[str, Any]]:
        statement = f"select r.* from {_join_recordings(chosen)}"
        return [dict(row) for row in self._connection.execute(statement, values)]


def _start_behind(sort: Sort, key: object, anchor: int) -> Condition:
    sign = "<" if sort.is_descending else ">"
    if sort.column == "received_index":
        return Condition(f"r.received_index {sign} ?", (anchor,))
    return Condition(f"(r.{sort.column}, r.received_index) {sign} (?, ?)", (key, anchor))


def _order(sort: Sort, of: str = "r") -> str:
    direction = "desc" if sort.is_descending else "asc"
    last = f"{of}.received_index {direction}"
    return last if sort.column == "received_index" else f"r.{sort.column} {direction}, {last}"


def _join_recordings(members: str) -> str:
    """The recordings of a list; the cross join keeps the list in front."""
    return f"({members}) m cross join recordings r on r.received_index = m.received_index"


def _leave(conditions: Sequence[Condition], driver: Condition) -> list[Condition]:
    """What is left to test where an exact list drives."""
    return [condition for condition in conditions if condition is not driver or not driver.is_exact]


def _join(conditions: Sequence[Condition]) -> tuple[str, tuple[object, ...]]:
    tests = " and ".join(f"({condition.test})" for condition in conditions) or "1"
    return tests, tuple(value for condition in conditions for value in condition.values)

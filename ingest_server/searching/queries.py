"""Finding recordings: the cheapest list drives, every other condition is tested on it.

Three ways, chosen by counting each condition's list up to ``FEW``:

1. A condition has few members: all of them are read, tested and sorted.
2. Several thousand pass every condition, so the first page is near: walk in the order asked for and test.
3. As 2, in the order of reception, along the list of one condition.

So the cost of a page does not grow with the number of recordings.
"""

# ruff: noqa: S608 - statements are joined from the fixed texts of conditions; every value is bound

from __future__ import annotations

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

FEW = 6000
# How far a short text is looked for before its index is asked, whose cost grows with what it matches.
_NEAR = 20_000
_COUNTED = 100_000
_NOT_RESTRICTED = Condition("r.is_restricted = 0")
_RESTRICTED = Condition(
    "r.is_restricted = 1", (), "select received_index from recordings where is_restricted = 1", is_ordered=True
)
_TIMED = Condition("r.started_local is not null")
_TIMELESS = Condition(
    "r.started_local is null", (), "select received_index from recordings where started_local is null", is_ordered=True
)
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
        scope = [*list_conditions(connection, wanted), *list_reach(reach)]
        search = _Search(connection, scope if reach.sees_restricted else [*scope, _NOT_RESTRICTED])
        anchor = after if before is None else before
        rows = search.read_page(wanted.sort, anchor, limit + 1, is_backwards=before is not None)
        withheld = 0 if reach.sees_restricted else _Search(connection, [*scope, _RESTRICTED]).count_listed()
        total = search.count()
        size = connection.execute("select next_index from cursor").fetchone()[0]
    has_more, rows = len(rows) > limit, rows[:limit]
    if before is not None:
        return Found(rows[::-1], total, withheld, has_more, has_after=True, size=size)
    return Found(rows, total, withheld, anchor is not None, has_more, size)


class _Search:
    """Conditions on one connection, with the shortest list among them."""

    def __init__(self, connection: sqlite3.Connection, conditions: Sequence[Condition]) -> None:
        self._connection = connection
        self._conditions = conditions
        self._driver = self._find_driver()

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

    def count(self) -> int | None:
        """How many pass; None where that would cost too much."""
        if self._driver is not None:
            return self.count_listed()
        real = [condition for condition in self._conditions if condition is not _NOT_RESTRICTED]
        if not real:
            return _count(self._connection, "select 1 from recordings", ())
        if len(real) == 1 and real[0].members and real[0].is_exact:
            return _count(self._connection, f"{real[0].members} limit {_COUNTED}", real[0].member_values, _COUNTED)
        return None

    def count_listed(self) -> int:
        """How many pass of the shortest list, at most ``FEW``."""
        driver = self._driver or next(condition for condition in self._conditions if condition.is_ordered)
        tests, values = _join(_leave(self._conditions, driver))
        statement = f"select 1 from {_list(driver)} where {tests} limit {FEW}"
        return _count(self._connection, statement, (*driver.member_values, *values)) or 0

    def _find_driver(self) -> Condition | None:
        """The condition with the fewest members, where they are few."""
        found: tuple[int, Condition] | None = None
        for condition in self._conditions:
            if condition.members and not condition.is_costly and (found is None or found[0] > 100):
                statement = f"select 1 from ({condition.members}) limit {FEW + 1}"
                count = _count(self._connection, statement, condition.member_values) or 0
                if count <= FEW and (found is None or count < found[0]):
                    found = (count, condition)
        return found[1] if found else None

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
        if self._driver is not None:
            return self._run_list(self._driver, conditions, sort, limit)
        if sort.column == "received_index":
            ordered = next((condition for condition in conditions if condition.is_ordered), None)
            if ordered is not None:
                return self._run_list(ordered, conditions, sort, limit, of="m")
        costly = next((condition for condition in conditions if condition.is_costly), None)
        walk = f"recordings r {_WALKS[sort.column]}"
        if costly is None:
            return self._run(walk, (), conditions, sort, limit)
        tests, values = _join(extra)
        near = f"select r.received_index from {walk} where {tests} order by {_order(sort)} limit {_NEAR}"
        rows = self._run(_join_recordings(near), values, conditions, sort, limit)
        if len(rows) < limit:
            rows = self._run_list(costly, conditions, sort, limit)
        return rows

    def _run_list(
        self, driver: Condition, conditions: Sequence[Condition], sort: Sort, limit: int, of: str = "r"
    ) -> list[dict[str, Any]]:
        return self._run(_list(driver), driver.member_values, _leave(conditions, driver), sort, limit, of)

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
        # Where the list itself gives the order, it must also begin at the right place.
        tests = tests.replace("r.received_index", f"{of}.received_index")
        # Places alone are sorted; the rows, which are wide, are read for those that are shown.
        chosen = f"select r.received_index from {source} where {tests} order by {_order(sort, of)} limit ?"
        statement = f"select r.* from {_join_recordings(chosen)}"
        return [dict(row) for row in self._connection.execute(statement, (*source_values, *values, limit))]


def _start_behind(sort: Sort, key: object, anchor: int) -> Condition:
    sign = "<" if sort.is_descending else ">"
    if sort.column == "received_index":
        return Condition(f"r.received_index {sign} ?", (anchor,))
    return Condition(f"(r.{sort.column}, r.received_index) {sign} (?, ?)", (key, anchor))


def _order(sort: Sort, of: str = "r") -> str:
    direction = "desc" if sort.is_descending else "asc"
    last = f"{of}.received_index {direction}"
    return last if sort.column == "received_index" else f"r.{sort.column} {direction}, {last}"


def _list(condition: Condition) -> str:
    """Recordings of a condition's list; the cross join keeps the list in front."""
    return _join_recordings(str(condition.members))


def _join_recordings(members: str) -> str:
    return f"({members}) m cross join recordings r on r.received_index = m.received_index"


def _leave(conditions: Sequence[Condition], driver: Condition) -> list[Condition]:
    """What is left to test where an exact list drives."""
    return [condition for condition in conditions if condition is not driver or not driver.is_exact]


def _join(conditions: Sequence[Condition]) -> tuple[str, tuple[object, ...]]:
    tests = " and ".join(f"({condition.test})" for condition in conditions) or "1"
    return tests, tuple(value for condition in conditions for value in condition.values)


def _count(
    connection: sqlite3.Connection, statement: str, values: Sequence[object], most: int | None = None
) -> int | None:
    count: int = connection.execute(f"select count(*) from ({statement})", values).fetchone()[0]
    return count if most is None or count < most else None

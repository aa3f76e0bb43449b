"""Lines of the custody log: filters, pages by ledger index at any depth, names of what lines are about.

A filter is a set of keys, each of which one index answers in order of the ledger index; a page merges the first lines
of every key, so its cost does not depend on where in the log it stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ingest_server.ledger.outcomes import FAILED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest_server.catalogue.catalogue import Catalogue

PAGE_SIZE = 50
# SQLite takes 500 terms of a compound query; more keys than that are asked in turns.
MAX_TERMS = 400
MAX_NAMES = 50
NO_END = 1 << 53
OPEN = "open"
EXPORT_STRETCH = 500


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What lines are asked for; every given condition must hold.

    Attributes:
        actors: Keys of actors, ``kind:identity``; None for anybody.
        types: Types of events; None for any.
        subjects: What lines are about, 32 hex digits each; None for anything.
        outcome: ``refused``, ``failed``, ``open`` (refused, newer than the last review, not followed up), or None.
        start: The first ledger index that may be shown.
        end: The first that may not.
    """

    actors: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    outcome: str | None = None
    start: int = 0
    end: int = NO_END


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of lines, newest first, and whether there are newer and older ones of the same filter."""

    lines: tuple[dict[str, Any], ...]
    has_newer: bool
    has_older: bool


@dataclass(frozen=True, slots=True)
class Review:
    """The last review: its own entry, up to which index, by whom, when, and what was said; -1 before any."""

    index: int = -1
    up_to: int = -1
    actor: str | None = None
    time: str | None = None
    note: str = ""


def find_page(
    catalogue: Catalogue,
    wanted: LogFilter,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE_SIZE,
) -> LogPage:
    """One page of a filter.

    Args:
        catalogue: Where.
        wanted: The filter.
        before: Only lines older than this index; the newest of them.
        after: Only lines newer than this index; the oldest of them.
        limit: Lines a page.
    """
    if after is not None:
        indexes = find_indexes(catalogue, wanted, start=after + 1, newest_first=False, limit=limit + 1)
        has_newer, kept = len(indexes) > limit, sorted(indexes[:limit], reverse=True)
        if len(kept) < limit:
            # The newest page is always full where there are lines enough.
            return find_page(catalogue, wanted, limit=limit)
        older = find_indexes(catalogue, wanted, end=kept[-1], newest_first=True, limit=1)
        return LogPage(read_lines(catalogue, kept), has_newer, bool(older))
    indexes = find_indexes(catalogue, wanted, end=before, newest_first=True, limit=limit + 1)
    kept = indexes[:limit]
    newer = kept and before is not None and find_indexes(catalogue, wanted, start=kept[0] + 1, limit=1)
    return LogPage(read_lines(catalogue, kept), bool(newer), len(indexes) > limit)


def find_indexes(
    catalogue: Catalogue,
    wanted: LogFilter,
    *,
    start: int = 0,
    end: int | None = None,
    newest_first: bool = False,
    limit: int,
) -> list[int]:
    """The first ledger indexes of a filter in a range, in one direction."""
    low = max(start, wanted.start)
    high = wanted.end if end is None else min(end, wanted.end)
    direction = "desc" if newest_first else "asc"
    found: list[int] = []
    for terms, values in _make_terms(catalogue, wanted):
        single = (
            f'select * from (select "index" from events where {{}} and "index" >= ? and "index" < ?'  # noqa: S608 - fixed conditions
            f' order by "index" {direction} limit ?)'
        )
        statement = " union all ".join(single.format(term) for term in terms)
        flat = [value for group in values for value in (*group, low, high, limit)]
        found += [
            row[0]
            for row in catalogue.fetch(
                f'select "index" from ({statement}) order by "index" {direction} limit ?',  # noqa: S608
                *flat,
                limit,
            )
        ]
    return sorted(set(found), reverse=newest_first)[:limit]


def count_lines(catalogue: Catalogue, wanted: LogFilter) -> int:
    """How many lines a filter has; reads an index from end to end, so for exports and small lists only."""
    total = 0
    for terms, values in _make_terms(catalogue, wanted):
        statement = "+".join(
            f'(select count(*) from events where {term} and "index" >= ? and "index" < ?)'  # noqa: S608
            for term in terms
        )
        flat = [value for group in values for value in (*group, wanted.start, wanted.end)]
        total += catalogue.fetch(f"select {statement}", *flat)[0][0]
    return total


def list_stretches(catalogue: Catalogue, wanted: LogFilter) -> Iterator[list[int]]:
    """Every index of a filter, oldest first, in stretches of bounded length."""
    at = wanted.start
    while indexes := find_indexes(catalogue, wanted, start=at, limit=EXPORT_STRETCH):
        yield indexes
        at = indexes[-1] + 1


def read_lines(catalogue: Catalogue, indexes: Sequence[int]) -> tuple[dict[str, Any], ...]:
    """The lines of these indexes in the same order, each with its subject's name and how many notes follow it up."""
    rows = catalogue.fetch(
        'select e.*, s.name as subject_name, (select count(*) from log_notes n where n.entry = e."index") as notes'
        ' from json_each(?) wanted join events e on e."index" = wanted.value left join log_subjects s using (subject)'
        " order by wanted.key",
        json.dumps(list(indexes)),
    )
    return tuple({**dict(row), "summary": json.loads(row["summary"])} for row in rows)


def find_line(catalogue: Catalogue, index: int) -> dict[str, Any] | None:
    """One line."""
    lines = read_lines(catalogue, [index])
    return lines[0] if lines else None


def list_act(catalogue: Catalogue, act_id: str, limit: int = PAGE_SIZE) -> tuple[dict[str, Any], ...]:
    """The lines of one act, in order."""
    rows = catalogue.fetch('select "index" from events where act_id = ? order by "index" limit ?', act_id, limit)
    return read_lines(catalogue, [row[0] for row in rows])


def count_act(catalogue: Catalogue, act_id: str) -> int:
    """How many lines an act has."""
    count: int = catalogue.fetch("select count(*) from events where act_id = ?", act_id)[0][0]
    return count


def list_notes(catalogue: Catalogue, index: int) -> list[dict[str, Any]]:
    """What was said of an entry afterwards, first to last."""
    return [dict(row) for row in catalogue.fetch('select * from log_notes where entry = ? order by "index"', index)]


def find_review(catalogue: Catalogue) -> Review:
    """The last review."""
    row = catalogue.fetch_one('select * from log_reviews order by "index" desc limit 1')
    return Review() if row is None else Review(row["index"], row["up_to"], row["actor"], row["time"], row["note"])


def count_new(catalogue: Catalogue, review: Review) -> int:
    """How many events came after what was reviewed; the review's own entry is not new to anybody."""
    size: int = catalogue.fetch("select next_index from cursor")[0][0]
    return max(0, size - review.up_to - 1 - (1 if review.index >= 0 else 0))


def count_open_refusals(catalogue: Catalogue, review: Review) -> int:
    """Refusals newer than the last review that nobody has followed up."""
    return count_lines(catalogue, LogFilter(outcome=OPEN, start=review.up_to + 1))


def find_actors(catalogue: Catalogue, text: str) -> tuple[str, ...]:
    """Keys of the actors that were ever called so, or one key as it is; a renamed account is found by either name."""
    rows = catalogue.fetch(
        "select distinct actor_key from log_actors where actor_key = ? or instr(lower(name), lower(?)) limit ?",
        text,
        text,
        MAX_NAMES,
    )
    return tuple(row[0] for row in rows)


def list_actor_names(catalogue: Catalogue, limit: int = MAX_NAMES) -> list[str]:
    """Some names to choose from; one with characters that nobody sees can be asked for only in part."""
    rows = catalogue.fetch("select distinct name from log_actors order by name limit ?", limit)
    return [row[0] for row in rows if row[0].isprintable()]


def find_subjects(catalogue: Catalogue, text: str) -> tuple[str, ...]:
    """What is called so: case number, account, dock, officer, unit or recorder; several may share a name."""
    rows = catalogue.fetch("select subject from log_subjects where name = ? limit ?", text, MAX_NAMES)
    return tuple(row[0] for row in rows)


def name_subject(catalogue: Catalogue, subject: str) -> str | None:
    """The name of what lines are about; None for what has none."""
    row = catalogue.fetch_one("select name from log_subjects where subject = ?", subject)
    return None if row is None else str(row[0])


def find_time(catalogue: Catalogue, instant: str, size: int) -> int:
    """The first index at or after an instant; times never fall along the ledger, so halving finds it."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        row = catalogue.fetch_one('select time from events where "index" = ?', middle)
        if row is not None and row[0] < instant:
            low = middle + 1
        else:
            high = middle
    return low


def _make_terms(catalogue: Catalogue, wanted: LogFilter) -> Iterator[tuple[list[str], list[list[object]]]]:
    """Groups of conditions of which each is answered by one index; their lines are disjoint."""
    rest, rest_values = _make_rest(wanted)
    columns: list[tuple[str, tuple[str, ...]]] = []
    if wanted.outcome is None:
        if wanted.subjects is not None:
            columns.append(("subject", wanted.subjects))
        elif wanted.actors is not None:
            known = wanted.types or tuple(row[0] for row in catalogue.fetch("select type from log_types"))
            columns += [("actor_key", wanted.actors), ("type", known)]
        elif wanted.types is not None:
            columns.append(("type", wanted.types))
    named = [name for name, _ in columns]
    for name, values in (("subject", wanted.subjects), ("actor_key", wanted.actors), ("type", wanted.types)):
        if values is not None and name not in named:
            rest.append(f"{name} in (select value from json_each(?))")  # noqa: S608 - our own column names
            rest_values.append(json.dumps(values))
    keys = list(product(*(values for _, values in columns)))
    term = " and ".join([*(f"{name} = ?" for name in named), *rest]) or "1"
    for place in range(0, len(keys), MAX_TERMS):
        group = keys[place : place + MAX_TERMS]
        yield [term] * len(group), [[*key, *rest_values] for key in group]


def _make_rest(wanted: LogFilter) -> tuple[list[str], list[object]]:
    match wanted.outcome:
        case None:
            return [], []
        case "open":
            followed = 'not exists (select 1 from log_notes n where n.entry = events."index")'
            # Said twice, so that the partial index may be used.
            return ["outcome <> 'normal' and outcome = ?", followed], [REFUSED]
        case outcome:
            return ["outcome <> 'normal' and outcome = ?"], [FAILED if outcome == FAILED else REFUSED]

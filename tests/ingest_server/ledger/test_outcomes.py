"""What a line says at a glance, from the record alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.canonical import MAX_INTEGER
from ingest_server.ledger.event_words import EVENT_WORDS
from ingest_server.ledger.outcomes import MAX_VALUE, MAX_VALUES, OUTCOMES, judge_outcome, summarize
from ingest_server.ledger.showing_records import MAX_ROWS, find_change, flatten, list_openings, show_parts
from tests.support.fabricated import make_entry

AT = datetime(2026, 11, 25, tzinfo=UTC)
NAMES = st.sampled_from(["checks", "failed", "before", "after", "ok", "code", "text", "index"]) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def make(kind: str, parts: dict[str, Any]) -> Any:
    return make_entry(1, kind, "ledger", "a" * 32, 1, AT, parts)


@pytest.mark.parametrize(
    ("kind", "parts", "outcome"),
    [
        ("request.refused", {}, "refused"),
        ("account.sign_in_failed", {}, "failed"),
        ("store.checked", {"canary": {"ok": True, "checks": []}}, "normal"),
        ("store.checked", {"canary": {"ok": False, "checks": []}}, "failed"),
        ("fixity.checked", {"fixity": {"checked": 2, "failed": []}}, "normal"),
        ("fixity.checked", {"fixity": {"checked": 2, "failed": [{"problem": "missing"}]}}, "failed"),
        ("recorder.undocked", {"undocked": {"failed": 0}}, "normal"),
        ("recorder.undocked", {"undocked": {"failed": 1}}, "failed"),
        ("recording.received", {}, "normal"),
        ("later.refused", {}, "refused"),
    ],
)
def test_the_outcome_is_judged_by_type_and_record(kind: str, parts: dict[str, Any], outcome: str) -> None:
    assert judge_outcome(make(kind, parts)) == outcome


@pytest.mark.parametrize(
    ("kind", "parts", "summary"),
    [
        ("request.refused", {"refusal": {"code": "csrf", "route": "POST /x", "count": 1}}, ["csrf", "POST /x"]),
        ("policy.changed", {"change": {"key": "a.b", "before": "1", "after": "2"}}, ["a.b: 1 → 2"]),
        ("account.changed", {"change": {"before": {"role": "a"}, "after": {"role": "b"}}}, ["role: a → b"]),
        ("recording.noted", {"note": {"text": "secret"}, "reason": "r"}, []),
        ("recording.viewed", {"access": {"purpose": "complaint"}, "reason": "r"}, ["complaint"]),
        ("ledger.noted", {"note": {"index": 4, "text": "seen"}}, ["#4", "seen"]),
    ],
)
def test_a_line_tells_it_from_its_like(kind: str, parts: dict[str, Any], summary: list[str]) -> None:
    assert summarize(make(kind, parts)) == summary


@given(
    kind=st.sampled_from(sorted({*EVENT_WORDS, "later.invented"})),
    parts=st.dictionaries(st.sampled_from(["refusal", "change", "note", "fixity", "canary", "undocked", "x"]), VALUES),
)
def test_any_record_makes_a_bounded_line(kind: str, parts: dict[str, Any]) -> None:
    entry = make(kind, parts)
    assert judge_outcome(entry) in OUTCOMES
    summary = summarize(entry)
    assert len(summary) <= MAX_VALUES
    assert all(isinstance(value, str) and len(value) <= MAX_VALUE for value in summary)


@given(parts=st.dictionaries(st.sampled_from(["change", "note", "manifest", "x"]), VALUES))
def test_any_record_is_shown_within_bounds(parts: dict[str, Any]) -> None:
    entry = make("later.invented", parts)
    shown = show_parts(entry)
    assert [part.label for part in shown] == sorted(label for label in parts if label not in {"actor", "reason"})
    assert all(len(part.rows) <= MAX_ROWS for part in shown)
    find_change(entry.record)


@given(VALUES)
def test_flattening_loses_no_single_value(value: Any) -> None:
    def count(item: Any) -> int:
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        return sum(count(one) for one in inner) if inner else 1

    assert len(list(flatten(value))) == count(value)


def test_content_leaves_neither_the_page_nor_a_file() -> None:
    entry = make("recording.noted", {"note": {"text": "secret"}, "reason": "r"})
    assert next(part for part in show_parts(entry) if part.label == "note").is_withheld
    assert "note" not in list_openings(entry)

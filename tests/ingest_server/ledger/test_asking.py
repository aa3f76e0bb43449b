"""The filter's address: whatever is written there is read or refused in words."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.errors import BadRequestError
from ingest_server.ledger.asking import Asked, read_asked, read_moment

NAMES = ["actor", "type", "subject", "since", "until", "outcome", "new", "other"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_any_address_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        asked = read_asked(query)
    except BadRequestError:
        return
    assert read_asked(dict(parse_qsl(asked.to_query()))) == asked


@given(st.text(max_size=30))
def test_any_moment_is_one_or_refused(text: str) -> None:
    try:
        moment, length = read_moment(text)
    except BadRequestError:
        return
    assert moment.year > 1970
    assert length.total_seconds() in {60, 86400}


@pytest.mark.parametrize("text", ["2026-13-01", "2026-02-30", "26-01-01", "2026-01-01T25:00", "2026-01-01 10:00", ""])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError):
        read_moment(text)


def test_an_empty_filter_asks_for_everything() -> None:
    assert read_asked({}).is_empty
    assert Asked().to_query(before=7) == "before=7"

"""The list's address: whatever is typed into it is understood or named, and what it says is what is searched."""

from __future__ import annotations

from dataclasses import fields
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.searching.addresses import ListAddress, make_filter, read_address, read_anchor
from ingest_server.searching.filters import Sort

SHANGHAI = ZoneInfo("Asia/Shanghai")
NAMES = [field.name for field in fields(ListAddress)]
VALUES = st.text(max_size=30) | st.sampled_from(
    ["2026-11-23", "2026-11-23T14:03", "9999-12-31", "0001-01-01", "-size", "review", "none", "12", "9" * 30, "٣"]
)


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES))
def test_any_query_is_read_and_makes_a_filter(query: dict[str, str]) -> None:
    address, wrong = read_address(query)
    make_filter(address, SHANGHAI)
    read_anchor(address.after)
    assert set(wrong) <= set(NAMES)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_an_address_written_and_read_again_is_the_same(query: dict[str, str]) -> None:
    address, _ = read_address(query)
    url = address.to_url(after=address.after, before=address.before, pictures=address.pictures)
    assert url.startswith("/recordings")
    assert read_address(dict(parse_qsl(urlsplit(url).query))) == (address, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"), ("until", "2026-13-01"), ("received_since", "2026-11-23T14:03"), ("sort", "name"),
        ("stage", "trial"), ("attached", "maybe"), ("after", "-1"), ("before", "1e9"), ("text", "a\u202eb"),
        ("officer", "1" * 201),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named_and_left_out(name: str, value: str) -> None:
    address, wrong = read_address({name: value, "unit": "11"})
    assert wrong == [name]
    assert address == ListAddress(unit="11")


def test_another_filter_begins_at_the_first_page() -> None:
    address, _ = read_address({"text": "market", "after": "12", "pictures": "f" * 32})
    assert address.to_url(stage="review") == "/recordings?text=market&stage=review"


def test_the_usual_order_is_not_said() -> None:
    assert ListAddress().to_url() == "/recordings"
    assert ListAddress(sort="size").to_url() == "/recordings?sort=size"


def test_days_of_reception_are_days_of_the_agency() -> None:
    wanted = make_filter(ListAddress(received_since="2026-11-23", received_until="2026-11-23"), SHANGHAI)
    assert wanted.received_since == "2026-11-22T16:00:00.000000Z"
    assert wanted.received_until == "2026-11-23T16:00:00.000000Z"
    assert wanted.sort is Sort.STARTED_LAST

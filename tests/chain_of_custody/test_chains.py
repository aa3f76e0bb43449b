"""Heads of an export, read strictly."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.chains import Head, parse_heads
from chain_of_custody.errors import MalformedError

HEAD = {"subject": "a" * 32, "seq": 3, "leaf_sha256": "b" * 64}


def test_heads_are_read():
    assert parse_heads({"heads": [HEAD], "number": "1"}) == (Head("a" * 32, 3, "b" * 64),)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"heads": None},
        {"heads": [HEAD, HEAD]},
        {"heads": [{**HEAD, "more": 1}]},
        {"heads": [{**HEAD, "seq": "3"}]},
        {"heads": [{**HEAD, "subject": "x"}]},
        {"heads": [{"subject": "a" * 32}]},
    ],
)
def test_heads_in_another_form_are_malformed(value):
    with pytest.raises(MalformedError):
        parse_heads(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["heads", "subject", "seq", "leaf_sha256"]), inner),
    max_leaves=12,
)


@given(JSON)
def test_random_values_are_heads_or_malformed(value):
    with suppress(MalformedError):
        parse_heads(value)

"""Identities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import (
    check_id,
    ledger_subject,
    new_id,
    parse_shown_id,
    policy_subject,
    show_id,
)
from tests.support.hostile import json_values, quick, refuses_or_reads

IDS = st.binary(min_size=16, max_size=16).map(bytes.hex)


@quick
@given(IDS)
def test_a_shown_id_reads_back_in_every_way_people_write_it(identity):
    shown = show_id(identity)
    assert len(shown) == 26
    lenient = shown.replace("0", "o").replace("1", "l").lower()
    for text in (shown, identity, lenient, f" {shown[:5]}-{shown[5:]}\n", shown.replace("1", "I")):
        assert parse_shown_id(text) == identity


@quick
@given(st.text(max_size=40))
def test_hostile_text_is_read_or_refused_as_malformed(text):
    found = refuses_or_reads(parse_shown_id, text)
    assert found is None or check_id(found) == found


@quick
@given(json_values)
def test_hostile_value_is_no_id(value):
    refuses_or_reads(check_id, value)


@pytest.mark.parametrize("text", ["", "8" + "0" * 25, "Z" * 26, "U" + "0" * 25, "0" * 25, "0" * 27, "ı" * 26, "A" * 32])
def test_what_is_no_id_is_refused(text):
    with pytest.raises(MalformedError):
        parse_shown_id(text)


@pytest.mark.parametrize("value", ["A" * 32, "0" * 31, "0" * 33, "٠" * 32, "0" * 32 + "\n", None, 0])
def test_an_id_is_32_lowercase_hex_digits_only(value):
    with pytest.raises(MalformedError):
        check_id(value)


def test_ids_are_new_each_time():
    assert len({new_id() for _ in range(100)}) == 100


def test_ledger_and_policy_are_different_subjects_of_each_origin():
    subjects = {make(origin) for make in (ledger_subject, policy_subject) for origin in ("a/b/2026", "a/b/2027")}
    assert len({check_id(subject) for subject in subjects}) == 4

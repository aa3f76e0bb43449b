"""Canonical JSON and the strict parser."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.canonical import MAX_INTEGER, canonical_json, parse_canonical, parse_json
from chain_of_custody.errors import MalformedError
from tests.support.hostile import clean_values, hostile_bytes, json_values, quick, refuses_or_reads


def test_keys_are_ordered_as_rfc_8785_section_3_2_3_shows():
    value = {
        "€": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "ö": "Latin Small Letter O With Diaeresis",
    }
    ordered = list(json.loads(canonical_json(value)).values())
    assert [text.split()[0] for text in ordered] == ["Carriage", "One", "Control", "Latin", "Euro", "Emoji:", "Hebrew"]


def test_characters_are_escaped_as_rfc_8785_section_3_2_2_shows():
    assert canonical_json('€$\x0f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


@quick
@given(clean_values)
def test_a_value_has_one_encoding_that_reads_back(value):
    data = canonical_json(value)
    assert parse_canonical(data) == value
    assert canonical_json(json.loads(data)) == data


@quick
@given(clean_values | st.dictionaries(st.text(), st.text(st.characters(exclude_categories=("Cs",)))))
def test_bytes_are_those_of_the_reference(value):
    assert canonical_json(value) == rfc8785.dumps(value)


def test_every_character_is_escaped_as_the_reference_does():
    text = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x20000, 7))))
    assert canonical_json([text]) == rfc8785.dumps([text])


def test_a_value_that_holds_itself_is_refused():
    circle: list = []
    circle.append(circle)
    with pytest.raises(MalformedError):
        canonical_json(circle)


@quick
@given(json_values)
def test_what_cannot_be_encoded_is_refused_as_malformed(value):
    refuses_or_reads(canonical_json, value)


@quick
@given(hostile_bytes(b'{"a":[1,"\\u00e9",null,true]}'))
def test_hostile_bytes_are_read_or_refused_as_malformed(data):
    refuses_or_reads(parse_json, data)
    value = refuses_or_reads(parse_canonical, data)
    assert value is None or canonical_json(value) == data


@pytest.mark.parametrize(
    "value", [1.0, {"a": float("nan")}, [2**53], -(2**53), {1: "a"}, "\ud800", {"\ud800": 1}, b"bytes", object()]
)
def test_value_outside_the_format_is_not_encoded(value):
    with pytest.raises(MalformedError):
        canonical_json(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\ud800":1}',
        b"1.0",
        b"1e3",
        b"NaN",
        b"-Infinity",
        b"9007199254740992",
        b"-9007199254740992",
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b"[" * 65 + b"]" * 65,
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b"{} {}",
    ],
    ids=range(18),
)
def test_bytes_outside_the_format_are_refused(data):
    with pytest.raises(MalformedError):
        parse_json(data)


def test_largest_integers_and_deepest_nesting_are_read():
    assert parse_json(b"[%d,-%d]" % (MAX_INTEGER, MAX_INTEGER)) == [MAX_INTEGER, -MAX_INTEGER]
    assert parse_json(b"[" * 63 + b"1" + b"]" * 63)


def test_longer_than_the_limit_is_refused():
    assert parse_json(b"[1]", limit=3) == [1]
    with pytest.raises(MalformedError):
        parse_json(b"[1] ", limit=3)


@pytest.mark.parametrize("data", [b"{ }", b'{"b":1,"a":2}', b'"\\u0041"', b"-0", b"[1]\n"])
def test_another_encoding_of_the_same_value_is_refused(data):
    parse_json(data)
    with pytest.raises(MalformedError):
        parse_canonical(data)

"""Manifests of a bag."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.bag import format_bag_info, format_manifest, parse_manifest
from chain_of_custody.errors import MalformedError


def test_manifest_is_read_as_written():
    digests = {"data/b": "b" * 64, "data/a": "a" * 64}
    assert parse_manifest(format_manifest(digests)) == digests


def test_manifest_is_ordered_by_path():
    assert format_manifest({"b": "b" * 64, "a": "a" * 64}).startswith(b"a" * 64)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 64 + "  x",
        "a" * 64 + " x\n",
        "A" * 64 + "  x\n",
        "a" * 63 + "  x\n",
        ("a" * 64 + "  x\n") * 2,
        "\n",
        "a" * 64 + "  x\r\n",
        "b" * 64 + "  b\n" + "a" * 64 + "  a\n",
    ],
)
def test_manifest_in_another_form_is_malformed(text):
    with pytest.raises(MalformedError):
        parse_manifest(text.encode())


def test_bag_info_states_payload_oxum():
    info = format_bag_info(payload_bytes=7, payload_files=2, date="2025-01-02", identifier="x", software="s")
    assert b"Payload-Oxum: 7.2\n" in info


@given(st.binary(max_size=300))
def test_random_bytes_are_a_manifest_only_if_they_encode_back(data):
    with suppress(MalformedError):
        assert format_manifest(parse_manifest(data)) == data

"""Digests."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.digests import Digests, Hasher, check_hex64, sha256_hex
from chain_of_custody.errors import MalformedError
from tests.support.hostile import change_value, json_values, quick, refuses_or_reads

FULL = {"sha2-256": "a" * 64, "sm3": "b" * 64}
# GB/T 32905 appendix A.1.
SM3_OF_ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
HAS_SM3 = "sm3" in hashlib.algorithms_available


@pytest.mark.skipif(not HAS_SM3, reason="this OpenSSL has no SM3")
def test_sm3_of_abc_is_that_of_the_standard():
    hasher = Hasher(sm3=True)
    hasher.update(b"a")
    hasher.update(memoryview(b"bc"))
    assert hasher.digests() == Digests(hashlib.sha256(b"abc").hexdigest(), SM3_OF_ABC)


@quick
@given(st.lists(st.binary(max_size=50), max_size=5))
def test_pieces_give_the_digest_of_the_whole(pieces):
    hasher = Hasher()
    for piece in pieces:
        hasher.update(piece)
    assert hasher.digests() == Digests(sha256_hex(b"".join(pieces)))


@pytest.mark.parametrize("value", [FULL, {"sha2-256": "0" * 64}])
def test_a_digest_object_reads_back(value):
    assert Digests.from_json(value).to_json() == value


@quick
@given(json_values | change_value(FULL))
def test_hostile_value_is_read_or_refused_as_malformed(value):
    found = refuses_or_reads(Digests.from_json, value)
    assert found is None or found.to_json() == value


@pytest.mark.parametrize(
    "value",
    [{"sm3": "b" * 64}, {"sha256": "a" * 64}, {**FULL, "md5": "c" * 32}, {"sha2-256": "A" * 64}, {**FULL, "sm3": None}],
)
def test_a_digest_object_of_another_form_is_refused(value):
    with pytest.raises(MalformedError):
        Digests.from_json(value)


@pytest.mark.parametrize("value", ["a" * 63, "a" * 64 + "\n", "A" * 64, None, 1])
def test_a_digest_is_64_lowercase_hex_digits(value):
    with pytest.raises(MalformedError):
        check_hex64(value)

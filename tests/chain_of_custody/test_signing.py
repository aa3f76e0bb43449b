"""Keys and their files."""

import os

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given

from chain_of_custody.errors import CustodyError, MalformedError, VerificationError
from chain_of_custody.signing import SigningKey, VerifyKey, read_key, write_key
from tests.support.hostile import hostile_bytes, json_values, quick, refuses_or_reads

# RFC 8032 section 7.1, tests 1 and 2: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032, ids=["test-1", "test-2"])
def test_keys_sign_as_rfc_8032_shows(seed, public, message, signature):
    key = SigningKey.from_seed(bytes.fromhex(seed))
    assert key.public.hex == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    VerifyKey.from_hex(public).verify(bytes.fromhex(signature), bytes.fromhex(message))


@pytest.mark.parametrize("change", ["message", "signature", "key", "short"])
def test_a_false_signature_is_refused(change):
    key, message = SigningKey.generate(), b"message"
    signature = key.sign(message)
    public = SigningKey.generate().public if change == "key" else key.public
    if change == "signature":
        signature = bytes([signature[0] ^ 1]) + signature[1:]
    with pytest.raises(VerificationError, match="does not match"):
        public.verify(signature[:10] if change == "short" else signature, b"other" if change == "message" else message)


def test_a_key_file_is_read_back_and_only_its_owners(tmp_path):
    key, path = SigningKey.generate(), tmp_path / "key"
    write_key(path, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path).public == key.public
    path.chmod(0o640)
    with pytest.raises(CustodyError, match="chmod 600"):
        read_key(path)


def test_a_missing_key_file_is_named(tmp_path):
    with pytest.raises(CustodyError, match="cannot be read"):
        read_key(tmp_path / "key")


def test_a_key_of_another_kind_is_refused():
    data = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(MalformedError, match="Ed25519"):
        SigningKey.from_pem(data)


def test_an_encrypted_key_is_refused():
    key = generate_private_key(SECP256R1())
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    with pytest.raises(MalformedError):
        SigningKey.from_pem(data)


@quick
@given(hostile_bytes(SigningKey.from_seed(bytes(32)).to_pem()))
def test_hostile_pem_is_read_or_refused_as_malformed(data):
    refuses_or_reads(SigningKey.from_pem, data)


@quick
@given(json_values)
def test_hostile_hex_is_read_or_refused_as_malformed(value):
    refuses_or_reads(VerifyKey.from_hex, value)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_another_length_are_refused(length):
    with pytest.raises(MalformedError):
        VerifyKey(bytes(length))
    with pytest.raises(MalformedError):
        SigningKey.from_seed(bytes(length))


def test_a_private_key_is_never_shown():
    key = SigningKey.from_seed(os.urandom(32))
    assert key.to_seed().hex() not in repr(key) + repr(key.public) + repr([key])
    assert SigningKey.from_seed(key.to_seed()).public == key.public

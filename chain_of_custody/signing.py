"""Ed25519 keys (RFC 8032) and their files.

>>> key = SigningKey.from_seed(bytes(32))
>>> key.public.verify(key.sign(b"text"), b"text")
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chain_of_custody.digests import check_hex64
from chain_of_custody.durable import write_file
from chain_of_custody.errors import CustodyError, MalformedError, VerificationError

__all__ = ["SigningKey", "VerifyKey", "read_key", "write_key"]


class VerifyKey:
    """A public key of 32 bytes."""

    __slots__ = ("_key", "hex", "key_id", "raw")

    def __init__(self, raw: bytes) -> None:
        """Take the 32 raw bytes; raises MalformedError."""
        try:
            self._key = Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as error:
            raise MalformedError("not an Ed25519 public key") from error
        self.raw = bytes(raw)
        self.hex = self.raw.hex()
        self.key_id = hashlib.sha256(self.raw).hexdigest()

    @classmethod
    def from_hex(cls, text: object) -> Self:
        """Read 64 lowercase hex digits; raises MalformedError."""
        return cls(bytes.fromhex(check_hex64(text)))

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise VerificationError where the signature is not this key's over the data."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature as error:
            raise VerificationError("the signature does not match", "bad_signature") from error

    def __eq__(self, other: object) -> bool:
        """Keys are equal when their bytes are."""
        return isinstance(other, VerifyKey) and other.raw == self.raw

    def __hash__(self) -> int:
        """Hash of the bytes."""
        return hash(self.raw)

    def __repr__(self) -> str:
        """Show the key id's beginning."""
        return f"VerifyKey({self.key_id[:16]}…)"


class SigningKey:
    """A private key; never printed."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Wrap a key of the cryptography library."""
        self._key = key
        self.public = VerifyKey(
            key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        )

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Make the key of a 32-byte seed; raises MalformedError."""
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(seed))
        except ValueError as error:
            raise MalformedError("not a seed of 32 bytes") from error

    @classmethod
    def from_pem(cls, data: bytes) -> Self:
        """Read PKCS #8 PEM without a password; raises MalformedError."""
        try:
            key = serialization.load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise MalformedError("not a private key in PEM") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise MalformedError("not an Ed25519 key")
        return cls(key)

    def to_pem(self) -> bytes:
        """Write PKCS #8 PEM without a password; the file's mode protects it."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def to_seed(self) -> bytes:
        """The 32-byte seed."""
        return self._key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> bytes:
        """Sign; 64 bytes."""
        return self._key.sign(data)


def write_key(path: Path, key: SigningKey) -> None:
    """Write a key file, durable on return, readable by its owner only."""
    write_file(path, key.to_pem(), mode=0o600)


def read_key(path: Path) -> SigningKey:
    """Read a key file.

    Raises:
        CustodyError: Others than the owner may read it, or it cannot be read.
        MalformedError: It holds no Ed25519 key.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise CustodyError(f"{path} is readable by others than its owner: chmod 600 {path}")
            return SigningKey.from_pem(file.read(4096))
    except OSError as error:
        raise CustodyError(f"{path} cannot be read: {error.strerror}") from error

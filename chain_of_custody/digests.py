"""Digests: algorithm and value together, never a bare hash.

>>> Digests(sha256_hex(b"")).to_json()
{'sha2-256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from chain_of_custody.canonical import JsonValue
from chain_of_custody.errors import MalformedError

__all__ = ["Digests", "Hasher", "check_hex64", "sha256_hex"]

_HEX64 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def sha256_hex(data: bytes | bytearray | memoryview) -> str:
    """SHA-256 as 64 lowercase hex digits."""
    return hashlib.sha256(data).hexdigest()


def check_hex64(value: object) -> str:
    """Return the value, or raise MalformedError where it is not 64 lowercase hex digits."""
    if not isinstance(value, str) or not _HEX64.fullmatch(value):
        raise MalformedError("not 64 lowercase hex digits")
    return value


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests of one run of bytes.

    Attributes:
        sha2_256: SHA-256, 64 hex digits.
        sm3: SM3 (GB/T 32905), 64 hex digits, where configured; beside SHA-256, never instead.
    """

    sha2_256: str
    sm3: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """The digest object of format version 1."""
        value: dict[str, JsonValue] = {"sha2-256": self.sha2_256}
        if self.sm3 is not None:
            value["sm3"] = self.sm3
        return value

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a digest object; raises MalformedError."""
        if not isinstance(value, dict) or not {"sha2-256"} <= value.keys() <= {"sha2-256", "sm3"}:
            raise MalformedError("not a digest object")
        return cls(check_hex64(value["sha2-256"]), check_hex64(value["sm3"]) if "sm3" in value else None)


class Hasher:
    """Feeds one pass over the bytes to every configured algorithm."""

    __slots__ = ("_sha256", "_sm3")

    def __init__(self, *, sm3: bool = False) -> None:
        """Begin; ``sm3`` adds SM3, which costs about four times SHA-256."""
        self._sha256 = hashlib.sha256()
        self._sm3 = hashlib.new("sm3") if sm3 else None

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes."""
        self._sha256.update(data)
        if self._sm3 is not None:
            self._sm3.update(data)

    def digests(self) -> Digests:
        """The digests of all bytes so far."""
        return Digests(self._sha256.hexdigest(), self._sm3.hexdigest() if self._sm3 is not None else None)

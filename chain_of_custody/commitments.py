r"""Salted commitments to the parts of a record (format version 1).

The commitment is SHA-256 over ``evidock/commitment/v1\n``, then label, salt and the RFC 8785 bytes of the value, each
preceded by its length as 8 bytes, big-endian. Each part has its own salt of 32 random bytes, so opening one part gives
no help in guessing another.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from chain_of_custody.canonical import JsonValue, canonical_json
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError, VerificationError

__all__ = ["SALT_BYTES", "Opening", "check_label", "commit", "new_salt", "verify_opening"]

SALT_BYTES = 32
_PREFIX = b"evidock/commitment/v1\n"
_MAX_LABEL = 64


def new_salt() -> bytes:
    """32 fresh random bytes."""
    return secrets.token_bytes(SALT_BYTES)


def check_label(label: object) -> str:
    """Return a part's label, or raise MalformedError: 1 to 64 of ``a-z 0-9 _``, a letter first."""
    if (
        not isinstance(label, str)
        or not 0 < len(label) <= _MAX_LABEL
        or not label.isascii()
        or not label.isidentifier()
        or label.lower() != label
        or not label[0].isalpha()
    ):
        raise MalformedError("not a part's label")
    return label


def commit(label: str, salt: bytes, value: JsonValue) -> str:
    """Commit to one part.

    Args:
        label: The part's name.
        salt: Its own 32 random bytes.
        value: The part in the clear.

    Returns:
        64 lowercase hex digits.
    """
    name, encoded = label.encode(), canonical_json(value)
    state = hashlib.sha256(_PREFIX)
    for field in (name, salt, encoded):
        state.update(len(field).to_bytes(8, "big"))
        state.update(field)
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class Opening:
    """One part disclosed: what proves a commitment.

    Attributes:
        label: The part's name.
        salt: 32 bytes.
        value: The part in the clear.
    """

    label: str
    salt: bytes
    value: JsonValue

    def commitment(self) -> str:
        """The commitment this opening proves, 64 hex digits."""
        return commit(self.label, self.salt, self.value)

    def to_json(self) -> dict[str, JsonValue]:
        """The opening as a JSON object; the salt in base64."""
        return {"label": self.label, "salt": base64.b64encode(self.salt).decode(), "value": self.value}

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read an opening; raises MalformedError."""
        if not isinstance(value, dict) or value.keys() != {"label", "salt", "value"}:
            raise MalformedError("not an opening")
        salt = decode_base64(value["salt"])
        if len(salt) != SALT_BYTES:
            raise MalformedError("a salt that is not 32 bytes")
        return cls(check_label(value["label"]), salt, value["value"])


def verify_opening(opening: Opening, commitments: Mapping[str, str]) -> JsonValue:
    """Return the part's value once it is proved to be what was committed to.

    Raises:
        VerificationError: No commitment has this label, or it is to something else.
    """
    if opening.label not in commitments:
        raise VerificationError(f"the leaf commits to no part '{opening.label}'", "bad_opening")
    if opening.commitment() != commitments[opening.label]:
        raise VerificationError(f"the part '{opening.label}' is not what the leaf commits to", "bad_opening")
    return opening.value

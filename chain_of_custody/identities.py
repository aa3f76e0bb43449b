"""Identities of 16 random bytes: 32 lowercase hex digits inside, 26 Crockford base32 characters for people.

>>> show_id("00" * 15 + "ff")
'0000000000000000000000007Z'
"""

import hashlib
import re
import secrets

from chain_of_custody.canonical import canonical_json
from chain_of_custody.errors import MalformedError

__all__ = ["check_id", "ledger_subject", "new_id", "parse_shown_id", "policy_subject", "recording_claim", "show_id"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENIENT = str.maketrans({"I": "1", "L": "1", "O": "0"})
_HEX = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SHOWN_LENGTH = 26


def new_id() -> str:
    """Give 16 random bytes as 32 hex digits."""
    return secrets.token_hex(16)


def check_id(value: object) -> str:
    """Return the identity, or raise MalformedError where it is not 32 lowercase hex digits."""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise MalformedError("not an identity of 32 lowercase hex digits")
    return value


def show_id(identity: str) -> str:
    """Write an identity for people: Crockford base32, 26 characters, most significant first."""
    number = int(check_id(identity), 16)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_SHOWN_LENGTH)))


def parse_shown_id(text: str) -> str:
    """Read an identity as people write it, in either form; case, hyphens, O for 0 and I or L for 1 are forgiven.

    Raises:
        MalformedError: It is neither form.
    """
    if _HEX.fullmatch(text):
        return text
    if not text.isascii():
        raise MalformedError("not an evidence id: other characters than ASCII")
    folded = text.strip().upper().replace("-", "").translate(_LENIENT)
    if len(folded) != _SHOWN_LENGTH or any(letter not in _ALPHABET for letter in folded):
        raise MalformedError("not an evidence id of 26 characters")
    number = 0
    for letter in folded:
        number = number << 5 | _ALPHABET.index(letter)
    if number >> 128:
        raise MalformedError("not an evidence id: too large")
    return f"{number:032x}"


def ledger_subject(origin: str) -> str:
    """The subject of events about the ledger itself, made from its origin."""
    return hashlib.sha256(b"evidock/subject/ledger/v1\n" + origin.encode()).hexdigest()[:32]


def recording_claim(recorder_id: str, path_b64: str, size: int, sha2_256: str) -> str:
    """The unique key of a recording's identity: recorder, raw path, size and SHA-256 (format version 1, section 2)."""
    identity = {"recorder_id": recorder_id, "path_b64": path_b64, "size": size, "sha2-256": sha2_256}
    return "recording:" + hashlib.sha256(canonical_json(identity)).hexdigest()


def policy_subject(origin: str) -> str:
    """The subject of events about the policy, made from the ledger's origin."""
    return hashlib.sha256(b"evidock/subject/policy/v1\n" + origin.encode()).hexdigest()[:32]

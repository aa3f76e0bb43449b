"""How the worker and the program in its sandbox talk over one socket; both sides read with bounds.

Each message is its length (4 bytes, big-endian), a JSON object of that length, and for the objects that say so a body
of ``size`` bytes. The program asks (``read``), tells (``progress``, ``piece``) and ends with ``report``; the worker
sends the request and then bodies for ``read``, each its length and its bytes.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_MESSAGE = 256 << 10
MAX_BODY = 4 << 20
_LENGTH = struct.Struct(">I")


class BrokenWireError(Exception):
    """The other side sent what it never should, or nothing more."""


def pack_message(message: dict[str, Any], body: bytes = b"") -> bytes:
    """One message as it is sent."""
    text = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    return _LENGTH.pack(len(text)) + text + body


def pack_body(body: bytes) -> bytes:
    """The answer to ``read``."""
    return _LENGTH.pack(len(body)) + body


def read_message(read_exactly: Callable[[int], bytes]) -> dict[str, Any]:
    """Read one message without its body.

    Raises:
        BrokenWireError: It is none, or larger than any of ours.
    """
    size = _LENGTH.unpack(read_exactly(_LENGTH.size))[0]
    if size > MAX_MESSAGE:
        raise BrokenWireError("a message is too large")
    try:
        message = json.loads(read_exactly(size))
    except (ValueError, RecursionError) as error:
        raise BrokenWireError("a message is no JSON") from error
    if not isinstance(message, dict):
        raise BrokenWireError("a message is no object")
    return message


def read_body(read_exactly: Callable[[int], bytes], limit: int = MAX_BODY) -> bytes:
    """Read the answer to ``read``."""
    size = _LENGTH.unpack(read_exactly(_LENGTH.size))[0]
    if size > limit:
        raise BrokenWireError("a body is too large")
    return read_exactly(size)


def read_count(message: dict[str, Any], name: str, limit: int) -> int:
    """A whole number of a message between 0 and ``limit``.

    Raises:
        BrokenWireError: It is none.
    """
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise BrokenWireError(f"{name} is not a number within bounds")
    return value

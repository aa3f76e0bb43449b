"""Names from a recorder: bytes that are evidence, and how people are shown them."""

from __future__ import annotations

import base64
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def display_path(raw: bytes) -> str:
    r"""Give a name or path for people: UTF-8, else GB18030, else escaped bytes; hidden characters are escaped.

    Control, bidirectional and unassigned characters could make a name look like another; they become ``\\x..`` or
    ``\\u....``. The raw bytes stay the evidence.
    """
    return "".join(_show_character(character) for character in _decode(raw))


def encode_path(raw: bytes) -> str:
    """A raw path as statements and the protocol carry it."""
    return base64.b64encode(raw).decode()


def escape_bytes(text: str) -> str:
    """Text from the operating system as statements and the journal carry it: bytes that are no UTF-8 are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _decode(raw: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("ascii", "backslashreplace")


def _show_character(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

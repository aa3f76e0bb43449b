"""Checks of what people type, shared by every domain."""

from __future__ import annotations

import unicodedata

from ingest_server.errors import BadRequestError

MAX_TEXT = 500


def check_text(text: str, name: str, limit: int = MAX_TEXT) -> str:
    """Return a text people typed: not empty, not too long, no control or bidirectional characters.

    Raises:
        BadRequestError: It is not.
    """
    text = text.strip()
    if not text or len(text) > limit or any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in text):
        raise BadRequestError("text_unfit", f"{name} is empty, too long or holds control characters")
    return text

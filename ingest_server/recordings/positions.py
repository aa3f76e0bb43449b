"""Positions in a recording as people write them.

>>> parse_position("7:05"), show_position(425_250)
(425000, '7:05.250')
"""

from __future__ import annotations

import re

from ingest_server.errors import BadRequestError

MAX_MS = 100 * 3_600_000 - 1
_FORM = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})(?:[.,](\d{1,3}))?|(\d{1,6})(?:[.,](\d{1,3}))?", re.ASCII)


def parse_position(text: str) -> int:
    """Read ``h:mm:ss``, ``m:ss`` or seconds, with a fraction where one is given, as milliseconds.

    Raises:
        BadRequestError: ``note_time_wrong``.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise BadRequestError("note_time_wrong")
    hours, minutes, seconds, fraction, plain, plain_fraction = found.groups()
    is_wrong = seconds is not None and (int(seconds) > 59 or (hours is not None and int(minutes) > 59))
    whole = int(plain) if plain else int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    at_ms = whole * 1000 + int((fraction or plain_fraction or "0").ljust(3, "0"))
    if is_wrong or at_ms > MAX_MS:
        raise BadRequestError("note_time_wrong")
    return at_ms


def show_position(at_ms: int) -> str:
    """Write a position as a player shows it, with milliseconds where there are any."""
    seconds, rest = divmod(at_ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    return f"{text}.{rest:03}" if rest else text

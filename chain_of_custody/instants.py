"""Instants: RFC 3339 in UTC with exactly six decimals and ``Z``.

>>> format_instant(parse_instant("2026-11-24T08:00:00.000001Z"))
'2026-11-24T08:00:00.000001Z'
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from chain_of_custody.errors import MalformedError

__all__ = ["Clock", "format_instant", "parse_instant", "utc_clock"]

Clock = Callable[[], datetime]
_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def utc_clock() -> datetime:
    """Read the system clock; the one place that does, passed in wherever time is needed."""
    return datetime.now(UTC)


def format_instant(moment: datetime) -> str:
    """Write an aware time as an instant; raises ValueError for a time without a zone, which would be a guess."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27)


def parse_instant(text: object) -> datetime:
    """Read an instant.

    Raises:
        MalformedError: It is not exactly in this form or no real time.
    """
    if not isinstance(text, str) or not _PATTERN.fullmatch(text):
        raise MalformedError("not an instant (RFC 3339, UTC, six decimals, Z)")
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedError("not a real time") from error

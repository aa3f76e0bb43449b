"""Times and months that people type in forms, in the agency's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest_server.errors import BadRequestError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)


def read_time(text: str, zone: ZoneInfo) -> datetime:
    """The UTC time of a field of the kind ``datetime-local``; raises BadRequestError where it is none."""
    if not _TIME.fullmatch(text):
        raise BadRequestError("wrong_time")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequestError("wrong_time") from error


def write_time(at: datetime, zone: ZoneInfo) -> str:
    """The value of a field of the kind ``datetime-local``, to the minute."""
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def read_month(text: str, zone: ZoneInfo, now: datetime) -> tuple[str, datetime, datetime]:
    """A month with its first moment and the first after it, UTC; the present one where the text is none."""
    found = _MONTH.fullmatch(text)
    year, month = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (2000 <= year <= 2200 and 1 <= month <= 12):
        local = now.astimezone(zone)
        year, month = local.year, local.month
    begin = datetime(year, month, 1, tzinfo=zone)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return f"{year:04}-{month:02}", begin.astimezone(UTC), end.astimezone(UTC)

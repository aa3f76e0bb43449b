"""The list's state is its address: read from it, written to it, so that a bookmark is a saved filter."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chain_of_custody.instants import format_instant
from ingest_server.cases.commands import STAGES
from ingest_server.errors import BadRequestError
from ingest_server.searching.filters import RecordingFilter, Sort, read_local_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

PATH = "/recordings"
_LIMIT = 200
_MAX_INDEX = 2**53
_TIMES = frozenset({"since", "until", "received_since", "received_until"})
_SOME = ("none", "some")
FINDINGS = ("any", "error", "warning", "note")
_CHOICES = {"sort": tuple(Sort), "stage": tuple(STAGES), "attached": _SOME, "labelled": _SOME, "finding": FINDINGS}
# Conditions that people see as chips, in the order of the page.
CONDITIONS = (
    "text", "since", "until", "unit", "officer", "recorder", "case", "stage", "label", "labelled", "attached",
    "finding", "received_since", "received_until",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListAddress:
    """What an address says, as texts; empty where it says nothing. Names are those of its query parameters."""

    text: str = ""
    officer: str = ""
    unit: str = ""
    recorder: str = ""
    since: str = ""
    until: str = ""
    received_since: str = ""
    received_until: str = ""
    case: str = ""
    stage: str = ""
    label: str = ""
    attached: str = ""
    labelled: str = ""
    finding: str = ""
    sort: str = Sort.STARTED_LAST.value
    after: str = ""
    before: str = ""
    pictures: str = ""

    def to_url(self, **changes: str) -> str:
        """The address with some parts changed; another filter or order begins at its first page."""
        changed = replace(self, **{"after": "", "before": "", "pictures": "", **changes})
        said = [(field.name, getattr(changed, field.name)) for field in fields(changed)]
        query = urlencode([(name, value) for name, value in said if value and value != _DEFAULTS[name]])
        return f"{PATH}?{query}" if query else PATH

    @property
    def set_conditions(self) -> list[str]:
        """Names of the conditions it sets."""
        return [name for name in CONDITIONS if getattr(self, name)]


_DEFAULTS = {field.name: field.default for field in fields(ListAddress)}


def read_address(query: Mapping[str, str]) -> tuple[ListAddress, list[str]]:
    """Read an address; what cannot be understood is named and left out, so that nobody takes it for searched.

    Returns:
        The address, and the names of parts that were not understood.
    """
    said = {name: " ".join(query.get(name, "").split()) for name in _DEFAULTS}
    wrong = [name for name, value in said.items() if value and not _is_understood(name, value)]
    kept = {name: value for name, value in said.items() if name not in wrong and value}
    return ListAddress(**kept), wrong


def make_filter(address: ListAddress, zone: ZoneInfo) -> RecordingFilter:
    """The filter that an understood address stands for; days of reception are days of the agency's zone."""

    def said(name: str) -> str | None:
        return getattr(address, name) or None

    until = said("received_until")
    return RecordingFilter(
        officer=said("officer"),
        recorder=said("recorder"),
        since=read_local_time(said("since")),
        until=read_local_time(said("until")),
        case=said("case"),
        text=said("text"),
        unit=said("unit"),
        received_since=_begin_day(address.received_since, zone) if address.received_since else None,
        received_until=_begin_day(until, zone, days=1) if until else None,
        stage=said("stage"),
        label=said("label"),
        is_attached={"none": False, "some": True}.get(address.attached),
        is_labelled={"none": False, "some": True}.get(address.labelled),
        finding=said("finding"),
        sort=Sort(address.sort),
    )


def read_anchor(text: str) -> int | None:
    """The ledger index that a page goes on from."""
    return int(text) if text else None


def _is_understood(name: str, value: str) -> bool:
    if len(value) > _LIMIT or not value.isprintable():
        return False
    if name in _TIMES:
        return _is_time(value) and (len(value) == 10 or name in {"since", "until"})
    if name in {"after", "before"}:
        return value.isascii() and value.isdecimal() and len(value) <= 16 and int(value) <= _MAX_INDEX
    return name not in _CHOICES or value in _CHOICES[name]


def _is_time(value: str) -> bool:
    try:
        read_local_time(value)
    except BadRequestError:
        return False
    return True


def _begin_day(day: str, zone: ZoneInfo, days: int = 0) -> str:
    """The instant at which a day begins there, or one some days later; the end of the calendar stays where it is."""
    try:
        begin = datetime.fromisoformat(day).replace(tzinfo=zone) + timedelta(days=days)
        return format_instant(begin)
    except (OverflowError, ValueError):
        return f"{day}T00:00:00.000000Z"

"""What a person asks of the custody log: the fields of its filter, read from an address and made into a filter."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import ledger_subject, parse_shown_id, policy_subject
from chain_of_custody.instants import format_instant
from ingest_server.errors import BadRequestError
from ingest_server.ledger.event_words import list_types
from ingest_server.ledger.outcomes import FAILED, REFUSED
from ingest_server.ledger.queries import NO_END, OPEN, LogFilter, find_actors, find_review, find_subjects, find_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from ingest_server.installation import Installation

OUTCOMES = (REFUSED, FAILED, OPEN)
MAX_FIELD = 200
_DAY, _MINUTE = "%Y-%m-%d", "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as a person wrote it; empty where nothing was asked.

    Attributes:
        actor: A name that somebody ever had, whole or in part.
        type: A type of event, or a group of them.
        subject: An evidence id, a case number, the name of a dock or account, an officer number.
        since: First day or minute in the agency's zone.
        until: Last day or minute; a day means the whole day.
        outcome: ``refused``, ``failed`` or ``open``.
        new: ``1`` for what came after the last review.
    """

    actor: str = ""
    type: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    outcome: str = ""
    new: str = ""

    def to_query(self, **more: str | int) -> str:
        """The filter as the query of an address."""
        asked = {name: value for name, value in self.to_json().items() if value}
        return urlencode({**asked, **more})

    def to_json(self) -> dict[str, str]:
        """Field to value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def is_empty(self) -> bool:
        """Whether every line is asked for."""
        return self == Asked()


def read_asked(query: Mapping[str, str]) -> Asked:
    """Read the filter from an address or a form.

    Raises:
        BadRequestError: A field is too long, or no value that it can have.
    """
    values = {field.name: query.get(field.name, "").strip() for field in fields(Asked)}
    asked = Asked(**values)
    if any(len(value) > MAX_FIELD or not value.isprintable() for value in values.values()):
        raise BadRequestError("bad_request", "a field of the filter is too long or holds control characters")
    if asked.outcome not in {"", *OUTCOMES} or asked.new not in {"", "1"}:
        raise BadRequestError("bad_request", "the filter has no such outcome")
    for value in (asked.since, asked.until):
        if value:
            read_moment(value)
    return asked


def make_filter(installation: Installation, asked: Asked, zone: ZoneInfo) -> LogFilter:
    """Find what the names mean and where the times stand."""
    catalogue = installation.catalogue
    catalogue.sync()
    size = installation.ledger.checkpoint()[0].size
    start, end = 0, NO_END
    if asked.since:
        start = find_time(catalogue, _to_instant(asked.since, zone), size)
    if asked.until:
        end = find_time(catalogue, _to_instant(asked.until, zone, is_end=True), size)
    if asked.new or asked.outcome == OPEN:
        start = max(start, find_review(catalogue).up_to + 1)
    return LogFilter(
        actors=find_actors(catalogue, asked.actor) if asked.actor else None,
        types=(list_types(asked.type) or (asked.type,)) if asked.type else None,
        subjects=_find_subjects(installation, asked.subject) if asked.subject else None,
        outcome=asked.outcome or None,
        start=start,
        end=end,
    )


def find_place(installation: Installation, text: str, zone: ZoneInfo) -> int:
    """Where a page begins that somebody jumps to: an entry's number, or the end of a day.

    Raises:
        BadRequestError: It is neither.
    """
    number = text.strip().removeprefix("#").replace(",", "")
    if number.isascii() and number.isdecimal() and len(number) <= 15:
        return int(number) + 1
    size = installation.ledger.checkpoint()[0].size
    return find_time(installation.catalogue, _to_instant(text.strip(), zone, is_end=True), size)


def read_moment(text: str) -> tuple[datetime, timedelta]:
    """A day or a minute as a browser's field writes it, and how long it lasts; raises BadRequestError."""
    for form, length in ((_DAY, timedelta(days=1)), (_MINUTE, timedelta(minutes=1))):
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - the agency's zone is put to it by the caller
        except ValueError:
            continue
        if 1970 < moment.year < 9000:
            return moment, length
    raise BadRequestError("bad_request", "a day is written 2026-11-24, a minute 2026-11-24T09:30")


def _to_instant(text: str, zone: ZoneInfo, *, is_end: bool = False) -> str:
    moment, length = read_moment(text)
    return format_instant((moment + (length if is_end else timedelta())).replace(tzinfo=zone).astimezone(UTC))


def _find_subjects(installation: Installation, text: str) -> tuple[str, ...]:
    named = find_subjects(installation.catalogue, text)
    if named:
        return named
    wellknown = {"ledger": ledger_subject, "policy": policy_subject}
    if text in wellknown:
        return (wellknown[text](installation.config.origin),)
    try:
        return (parse_shown_id(text),)
    except MalformedError:
        return ()

"""What is searched for, as commands, programs and the page's address say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ingest_server.errors import BadRequestError

_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?", re.ASCII)


class Sort(StrEnum):
    """Orders of a list; a minus means descending. Recordings without a claimed time come last either way."""

    RECEIVED = "received"
    RECEIVED_LAST = "-received"
    SIZE = "size"
    SIZE_LAST = "-size"
    STARTED = "started"
    STARTED_LAST = "-started"

    @property
    def column(self) -> str:
        """The catalogue's column."""
        return {"received": "received_index", "size": "size", "started": "started_local"}[self.value.lstrip("-")]

    @property
    def is_descending(self) -> bool:
        """Whether the largest comes first."""
        return self.value.startswith("-")

    @property
    def opposite(self) -> Sort:
        """The same order backwards."""
        return Sort(self.value[1:] if self.is_descending else f"-{self.value}")


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """What is searched for; every given condition must hold.

    Attributes:
        officer: Officer number as claimed, or a part of a registered officer's name.
        recorder: Recorder id, or its serial as claimed, registered or reported by the device.
        since: Earliest start by the recorder's own clock, ``YYYY-MM-DD`` or with a time.
        until: Latest start, likewise; a day alone means the whole day.
        case: Case file number it is attached to.
        text: Words, each found in path, claims, evidence id, officer's name, labels, case number or title; a
            whole evidence id or SHA-256 finds exactly that recording.
        unit: Code of a unit that the recording or its officer belongs to, or a unit above theirs.
        received_since: Earliest reception, an instant.
        received_until: Reception before this instant.
        stage: Procedural stage at which it is attached to any case file.
        label: A label it carries.
        is_attached: Whether it is attached to any case file.
        is_labelled: Whether it carries any label.
        finding: A severity of one of its findings, or ``any``.
        sort: The order.
    """

    officer: str | None = None
    recorder: str | None = None
    since: str | None = None
    until: str | None = None
    case: str | None = None
    text: str | None = None
    unit: str | None = None
    received_since: str | None = None
    received_until: str | None = None
    stage: str | None = None
    label: str | None = None
    is_attached: bool | None = None
    is_labelled: bool | None = None
    finding: str | None = None
    sort: Sort = Sort.RECEIVED_LAST


def read_local_time(text: str | None) -> str | None:
    """A day or a time by a recorder's clock, in the form the catalogue compares.

    Raises:
        BadRequestError: It is none; finding nothing would look like an answer.
    """
    if text is None:
        return None
    try:
        # The pattern keeps out the forms that the parser knows besides, the parser dates that no calendar has.
        datetime.fromisoformat(text if _LOCAL_TIME.fullmatch(text) else "")
    except ValueError as error:
        raise BadRequestError("wrong_usage", "a time is YYYY-MM-DD, or YYYY-MM-DDTHH:MM with or without :SS") from error
    return text.replace(" ", "T")

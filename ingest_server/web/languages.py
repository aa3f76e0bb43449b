"""The interface's two languages: texts by gettext catalogues, numbers and times as each language writes them.

English texts are the message identities in templates and code; each area keeps its Chinese in its own
``locales/zh_Hans/<area>.po``, read at start without a compile step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from chain_of_custody.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCALES = Path(__file__).parent / "locales"
COOKIE = "evidock_language"
LANGUAGES = {"zh-Hans": "zh_Hans_CN", "en": "en_GB"}
DEFAULT = "zh-Hans"
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the interface.

    Attributes:
        tag: As in the ``lang`` attribute, ``zh-Hans`` or ``en``.
    """

    tag: str

    @property
    def other(self) -> Language:
        """The language that the switch leads to."""
        return Language("en" if self.tag == DEFAULT else DEFAULT)

    def gettext(self, message: str) -> str:
        """A text in this language; one without a translation stays English."""
        return message if self.tag == "en" else _texts().get((message, ""), message)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """A text with a count; Chinese has one form."""
        if self.tag == "en":
            return singular if count == 1 else plural
        return _texts().get((singular, ""), plural)

    def pgettext(self, context: str, message: str) -> str:
        """A text whose English word means two things."""
        return message if self.tag == "en" else _texts().get((message, context), message)

    def show_number(self, value: float) -> str:
        """A number with the language's grouping."""
        return format_decimal(value, locale=LANGUAGES[self.tag])

    def show_time(self, instant: str | datetime | None, zone: ZoneInfo, *, form: str = "second") -> str:
        """An instant in the agency's zone: ``second``, ``minute``, ``day`` or ``clock`` (time of day alone)."""
        if instant is None:
            return ""
        at = parse_instant(instant) if isinstance(instant, str) else instant
        pattern = {
            "second": "yyyy-MM-dd HH:mm:ss",
            "minute": "yyyy-MM-dd HH:mm",
            "clock": "HH:mm:ss",
            "day": "y 年 M 月 d 日 EEEE" if self.tag == DEFAULT else "EEEE d MMMM y",
        }[form]
        return format_datetime(at, pattern, tzinfo=zone, locale=LANGUAGES[self.tag])

    def show_size(self, count: int | None) -> str:
        """A byte count in binary units."""
        if count is None:
            return ""
        size, unit = float(count), 0
        while size >= 1024 and unit < len(_SIZES) - 1:
            size, unit = size / 1024, unit + 1
        return f"{format_decimal(round(size, 1 if unit else 0), locale=LANGUAGES[self.tag])} {_SIZES[unit]}"

    def show_duration(self, duration: float | timedelta | None) -> str:
        """A duration as a player shows it: ``7:05``, ``1:02:03``."""
        if duration is None:
            return ""
        seconds = int(duration.total_seconds() if isinstance(duration, timedelta) else duration)
        hours, rest = divmod(seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def choose_language(cookie: str | None, accepted: str | None) -> Language:
    """The language a person chose before, else the first that their browser asks for, else Chinese."""
    if cookie in LANGUAGES:
        return Language(cookie)
    for item in (accepted or "").split(",")[:10]:
        tag = item.partition(";")[0].strip().lower()
        if tag.startswith("zh"):
            return Language(DEFAULT)
        if tag.startswith("en"):
            return Language("en")
    return Language(DEFAULT)


def _first(forms: object) -> str:
    """The singular of a message with plural forms; Chinese has one form for all counts."""
    if isinstance(forms, str):
        return forms
    return str(forms[0]) if isinstance(forms, (tuple, list)) and forms else ""


@cache
def _texts() -> Mapping[tuple[str, str], str]:
    texts: dict[tuple[str, str], str] = {}
    for path in sorted((LOCALES / "zh_Hans").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="zh_Hans"):
                identity, text = _first(message.id), _first(message.string)
                if identity and text:
                    texts[identity, message.context or ""] = text
    return texts

"""Every text that people read exists in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import ingest_server
from ingest_server.sentences import SENTENCES
from ingest_server.web.languages import LOCALES, Language, choose_language

SOURCES = Path(ingest_server.__file__).parent
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}


def list_texts() -> list[tuple[str, str | None, str]]:
    """Place, context and English text of every message in templates."""
    found = extract_from_dir(
        str(SOURCES), METHODS, OPTIONS, keywords={"_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
    )
    return [
        (f"{place}:{line}", context, message if isinstance(message, str) else message[0])
        for place, line, message, _, context in found
    ]


def list_translations() -> dict[tuple[str, str], str]:
    """What the locale files hold."""
    texts: dict[tuple[str, str], str] = {}
    for path in sorted((LOCALES / "zh_Hans").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="zh_Hans"):
                identity = message.id if isinstance(message.id, str) else message.id[0]
                string = message.string if isinstance(message.string, str) else message.string[0]
                texts[identity, message.context or ""] = string
    return texts


def test_every_text_of_the_pages_is_translated() -> None:
    known = list_translations()
    missing = [f"{place}: {text!r}" for place, context, text in list_texts() if not known.get((text, context or ""))]
    assert list_texts()
    assert not missing, "\n".join(missing)


def test_translations_keep_their_placeholders() -> None:
    for (english, _), chinese in list_translations().items():
        wanted = set(re.findall(r"%\((\w+)\)s", english)) - {"count"}
        assert wanted <= set(re.findall(r"%\((\w+)\)s", chinese)), english


def test_chinese_uses_full_width_punctuation() -> None:
    for (english, _), chinese in list_translations().items():
        assert not re.search(r"[一-鿿][,;:?!]", chinese), f"{english!r}: {chinese!r}"
    for code, (_, chinese) in SENTENCES.items():
        assert not re.search(r"[一-鿿][,;:?!]", chinese), code


@pytest.mark.parametrize(
    ("cookie", "accepted", "tag"),
    [
        (None, None, "zh-Hans"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "fr,zh-CN;q=0.8", "zh-Hans"),
        ("en", "zh-CN", "en"),
        ("xx", "en", "en"),
    ],
)
def test_the_language_is_the_persons_choice_then_the_browsers(
    cookie: str | None, accepted: str | None, tag: str
) -> None:
    assert choose_language(cookie, accepted).tag == tag


def test_an_instant_is_shown_in_the_agencys_zone() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert Language("en").show_time("2026-11-24T18:30:05.000000Z", zone) == "2026-11-25 02:30:05"


def test_one_text_has_one_translation() -> None:
    """Texts are one catalogue, whichever file they stand in; of two translations the file's name would decide."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in sorted((LOCALES / "zh_Hans").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="zh_Hans"):
                string = message.string if isinstance(message.string, str) else message.string[0]
                identity = message.id if isinstance(message.id, str) else message.id[0]
                if identity:
                    found.setdefault((identity, message.context or ""), set()).add(string)
    assert not {text: strings for text, strings in found.items() if len(strings) > 1}

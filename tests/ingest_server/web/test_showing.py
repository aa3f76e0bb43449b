"""Text from outside as pages show it."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.web.showing import show_outside, show_plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<b>&'\"", "<bdi>a&lt;b&gt;&amp;&#39;&#34;</bdi>"),
        ("a\u202eb<", '<bdi>a<span class="unseen">U+202E</span>b&lt;</bdi>'),
        ("\x00\x1b\u2066\u200b\ufeff", "<bdi>" + "".join(
            f'<span class="unseen">U+{code}</span>' for code in ("0000", "001B", "2066", "200B", "FEFF")
        ) + "</bdi>"),
        ("执法记录.mp4", "<bdi>执法记录.mp4</bdi>"),
        (7, "<bdi>7</bdi>"),
    ],
)  # fmt: skip
def test_a_name_is_isolated_and_nothing_in_it_is_hidden(text: object, shown: str) -> None:
    assert show_outside(text) == shown


def test_a_title_hides_nothing() -> None:
    assert show_plain("a\u202e\x00b<") == "aU+202EU+0000b<"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_becomes_text_alone_that_can_be_seen(text: str) -> None:
    shown = str(show_outside(text))
    inner = shown.removeprefix("<bdi>").removesuffix("</bdi>")
    plain = re.sub(r'<span class="unseen">U\+([0-9A-F]{4,6})</span>', lambda found: chr(int(found[1], 16)), inner)
    assert not re.search("[<>\"']", re.sub(r'<span class="unseen">U\+[0-9A-F]{4,6}</span>', "", inner))
    assert not [c for c in inner if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert unescape(plain) == text or "&" in text or "\x00" in text or not text.isprintable()

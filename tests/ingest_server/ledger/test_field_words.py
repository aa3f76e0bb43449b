"""Members of records have words, whatever stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.ledger.field_words import FIELD_WORDS, show_field


@pytest.mark.parametrize(
    ("path", "english", "chinese"),
    [
        ("files[2].size", "files 3 › size, bytes", "文件 3 › 大小（字节）"),
        ("digests.sha2-256", "digests › SHA-256", "校验值 › SHA-256"),
        ("[0].code", "1 › code", "1 › 代码"),
        ("size", "size, bytes", "大小（字节）"),
        ("files[0].never_heard_of", "", ""),
    ],
)
def test_a_path_is_shown_in_words(path: str, english: str, chinese: str) -> None:
    assert (show_field(path, "en"), show_field(path, "zh-Hans")) == (english, chinese)


@given(st.text(max_size=80))
def test_no_name_from_outside_breaks_it(path: str) -> None:
    assert isinstance(show_field(path, "en"), str)


def test_every_name_has_two_languages() -> None:
    assert all(english and chinese for english, chinese in FIELD_WORDS.values())

"""Texts cut into pieces: whatever stands in a text is found by the index's pieces of it."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.searching.grams import cut_text, fold_text, read_query

TEXTS = st.text(st.sampled_from("abc019Ａ市场东街é／_-. \n𠮷ß"), max_size=40)


def find_by_index(text: str, query: str) -> bool:
    """Whether the index's expression for a query finds a text."""
    database = sqlite3.connect(":memory:")
    database.execute("create virtual table g using fts5 (grams, content = '', detail = none, tokenize = 'ascii')")
    database.execute("insert into g (rowid, grams) values (1, ?)", (cut_text(fold_text(text)),))
    asked = read_query(query)
    expression = asked.match or asked.prefix
    return expression is None or bool(database.execute("select 1 from g where g match ?", (expression,)).fetchone())


@given(TEXTS, st.integers(0, 40), st.integers(1, 12))
def test_every_part_of_a_text_is_found(text: str, start: int, length: int) -> None:
    folded = fold_text(text)
    assert find_by_index(text, folded[start : start + length])


@given(st.text(max_size=60), st.text(max_size=20))
def test_no_query_breaks_the_index(text: str, query: str) -> None:
    find_by_index(text, query)


@pytest.mark.parametrize("query", ["市场", "市", "ZFY", "4207", "014207", "ｚｆｙ", "z", "场监", "dcim 市场"])
def test_parts_of_words_and_of_chinese_are_found(query: str) -> None:
    assert find_by_index("DCIM/ZFY_014207.MP4\n市场监管大队", query)


@pytest.mark.parametrize("query", ["管市", "7024", "zfz", "场市"])
def test_what_is_not_there_is_not_found(query: str) -> None:
    assert not find_by_index("DCIM/ZFY_014207.MP4\n市场监管大队", query)

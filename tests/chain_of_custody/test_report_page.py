"""The page that is for reading only."""

import json

import pytest

from chain_of_custody.report_page import render_page
from chain_of_custody.sentences import Sentence
from tests.support.custody_packages import Installation, read_members

LIMITS = (Sentence("since_docking"), Sentence("later", {"index": 7}))


@pytest.fixture
def facts(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(b"one", path="<script>alert(1)</script>\u202e.mp4")
    return json.loads(read_members(agency.export([recording]))["report.json"])


def test_names_from_recorders_are_escaped(facts):
    page = render_page(facts, LIMITS).decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page


def test_page_says_in_both_languages_that_it_is_no_evidence(facts):
    page = render_page(facts, LIMITS).decode()
    assert "is no evidence" in page
    assert "不作为证据" in page


def test_page_lists_what_is_not_proved(facts):
    assert "since the dock read them, not before" in render_page(facts, LIMITS).decode()


def test_page_loads_nothing(facts):
    page = render_page(facts, LIMITS).decode()
    assert not any(word in page for word in ("http://", "https://", "src=", "url("))

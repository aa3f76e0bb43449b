from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent.screen
from agent.rack.board import Notice, SlotState, SlotView
from agent.screen.texts import CHINESE, ENGLISH, NOTICES, Words, list_texts
from agent.screen.tiles import CONTRADICTION, count_groups, make_tile

FOLDER = Path(agent.screen.__file__).parent
ZH, EN = Words(CHINESE), Words(ENGLISH)
SEALED = SlotView(1, SlotState.SEALED, recorder="KD1", files_total=3, files_read=3, files_sealed=3)


@pytest.mark.parametrize("counts", [{"files_failed": 1}, {"files_sealed": 2}, {"files_total": 0}])
def test_a_slot_that_says_sealed_against_its_counts_is_a_problem(counts: dict[str, int]) -> None:
    tile = make_tile(replace(SEALED, **counts), EN)
    assert (tile.state, tile.hero) == (SlotState.PROBLEM, "Counts do not agree")


def test_a_sealed_slot_may_be_taken() -> None:
    assert make_tile(SEALED, ZH).hero == "可以取走"


@pytest.mark.parametrize("state", [state for state in SlotState if state is not SlotState.SEALED])
def test_no_other_state_says_take_it(state: SlotState) -> None:
    tile = make_tile(replace(SEALED, state=state), EN)
    assert "Take it" not in (tile.hero, tile.word, tile.sentence)


@pytest.mark.parametrize("state", [SlotState.READING, SlotState.SENDING])
def test_a_slot_under_way_never_says_a_hundred(state: SlotState) -> None:
    slot = SlotView(1, state, files_total=1, bytes_total=10, bytes_read=10, bytes_sealed=10)
    assert make_tile(slot, EN).percent == 99


def test_a_code_without_words_is_shown_as_a_problem_for_a_person() -> None:
    slot = SlotView(1, SlotState.PROBLEM, notices=(Notice("NEVER_HEARD_OF", "error"),))
    assert make_tile(slot, EN).hero == "A person must look (NEVER_HEARD_OF)"


@given(st.text(max_size=60))
def test_no_name_off_a_recorder_brings_control_signs_to_the_screen(name: str) -> None:
    shown = make_tile(replace(SEALED, recorder=name), ZH).recorder
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


def test_every_notice_the_agent_gives_has_words() -> None:
    given_codes = set()
    for path in FOLDER.parent.rglob("*.py"):
        given_codes |= set(re.findall(r"Notice\(\s*\"([A-Z_]+)\"", path.read_text(encoding="utf-8")))
    assert given_codes - {CONTRADICTION.code} <= set(NOTICES)


def test_every_slot_is_in_one_group() -> None:
    tiles = [make_tile(SlotView(number, state), EN) for number, state in enumerate(SlotState, 1)]
    assert sum(count_groups(tiles).values()) == len(tiles)


def test_every_text_of_code_and_templates_has_chinese() -> None:
    used = set(NOTICES.values())
    for path in [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")]:
        used |= set(re.findall(r"say\(\s*[\"']([^\"']+)[\"']", path.read_text(encoding="utf-8")))
    assert used <= set(list_texts())


@pytest.mark.parametrize("state", list(SlotState))
def test_every_state_speaks_both_languages(state: SlotState) -> None:
    for words in (ZH, EN):
        tile = make_tile(SlotView(1, state), words)
        assert tile.word
        assert tile.sentence
        assert bool(re.search("[一-鿿]", tile.sentence)) is (words is ZH)

"""First signs of quality in real files, with the frames that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.films import draw_black, draw_frozen, draw_hand, draw_street, make_silence, make_tone, write_film
from tests.support.sandboxes import list_codes, look_at

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("film", "code"),
    [
        ({"seconds": 12, "draw": draw_black}, "picture_black"),
        ({"seconds": 12, "draw": draw_hand}, "picture_covered"),
        ({"seconds": 20, "draw": draw_frozen}, "picture_frozen"),
        ({"seconds": 50, "draw": None, "sound": make_silence}, "sound_silent"),
        ({"seconds": 12, "draw": draw_black, "keyframes": 1000}, "picture_black"),
        ({"seconds": 12, "draw": draw_black, "container": "mpegts"}, "picture_black"),
    ],
)
def test_a_sign_is_found(tmp_path: Path, film: dict[str, Any], code: str) -> None:
    outcome = look_at(write_film(tmp_path / "a.mp4", **film), "examination")
    assert list_codes(outcome) == [code]
    shown = {piece.finding for piece in outcome.pieces}
    assert shown == (set() if code == "sound_silent" else {code})


@pytest.mark.parametrize(
    "film", [{"seconds": 20}, {"seconds": 20, "sound": None}, {"seconds": 50, "draw": None, "sound": make_tone}]
)
def test_a_good_recording_shows_no_sign(tmp_path: Path, film: dict[str, Any]) -> None:
    outcome = look_at(write_film(tmp_path / "a.mp4", **film), "examination")
    assert (list_codes(outcome), outcome.pieces) == ([], ())
    assert outcome.report["examined"]["is_whole"]


def test_the_stretch_and_its_frames_are_named(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", 24, lambda at: draw_black(at) if 8 <= at < 16 else draw_street(at))
    outcome = look_at(film, "examination")
    found = outcome.report["findings"][0]
    assert (found["from_ms"], found["to_ms"]) == (8000, 15000)
    assert [piece.at_ms for piece in outcome.pieces] == [8000, 11000, 15000]
    assert {piece.width for piece in outcome.pieces} == {320}


def test_content_that_ends_early_is_found(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mkv", 20, container="matroska")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    assert "media_ends_early" in list_codes(look_at(film, "examination"))


def test_damage_is_found_and_passed_over(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", 20)
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    film.write_bytes(bytes(data))
    outcome = look_at(film, "examination")
    assert "media_damaged" in list_codes(outcome)
    assert outcome.report["examined"]["until_ms"] > 19_000


def test_an_examination_whose_time_is_up_says_how_far_it_came(tmp_path: Path) -> None:
    outcome = look_at(write_film(tmp_path / "a.mp4", 20), "examination", budget_s=0)
    assert (outcome.report["examined"]["is_whole"], list_codes(outcome)) == (False, [])

"""Signs of quality on values: long enough stretches, and pictures of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from ingest_server.media.decoding.signs import PictureSigns, Shown, SoundSigns, Watcher
from ingest_server.media.thresholds import Thresholds
from tests.support.films import draw_black, draw_frozen, draw_hand, draw_street

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def watch(draw: Callable[[float], NDArray[np.uint8]], seconds: int = 30) -> PictureSigns:
    signs = PictureSigns(Thresholds())
    for second in range(seconds):
        luma = cv2.resize(cv2.cvtColor(draw(second), cv2.COLOR_BGR2GRAY), (160, 90), interpolation=cv2.INTER_AREA)
        signs.add(second * 1000, luma.astype(np.uint8), b"%d" % second)
    signs.close()
    return signs


def found(signs: PictureSigns) -> dict[str, list[tuple[int, int]]]:
    return {
        name: [(stretch.from_ms, stretch.to_ms) for stretch in watcher.found]
        for name, watcher in (("black", signs.black), ("covered", signs.covered), ("frozen", signs.frozen))
    }


@pytest.mark.parametrize(
    ("draw", "name"), [(draw_black, "black"), (draw_hand, "covered"), (draw_frozen, "frozen"), (draw_street, "")]
)
def test_a_sign_is_found_and_no_other(draw: Callable[[float], NDArray[np.uint8]], name: str) -> None:
    wanted = {"black": [], "covered": [], "frozen": []} | ({name: [(0, 29000)]} if name else {})
    assert found(watch(draw)) == wanted


def test_a_stretch_begins_and_ends_where_it_does() -> None:
    signs = watch(lambda second: draw_black(second) if 10 <= second < 20 else draw_street(second))
    assert found(signs)["black"] == [(10_000, 19_000)]
    assert [at_ms for at_ms, _ in signs.black.found[0].shown.choose()] == [10_000, 14_000, 19_000]


def test_a_dark_picture_with_edges_is_not_black() -> None:
    assert found(watch(lambda second: (draw_street(second) // 6).astype(np.uint8)))["black"] == []


def test_a_short_stretch_is_let_go() -> None:
    watcher = Watcher(5000)
    for at_ms in (0, 2000, 4999):
        watcher.note(at_ms, at_ms, holds=True)
    watcher.note(6000, 6000, holds=False)
    assert watcher.found == []


def test_pictures_of_a_long_stretch_stay_few_and_spread() -> None:
    shown = Shown()
    for second in range(10_000):
        shown.add(second, b"x")
    assert len(shown.between) <= 8
    first, middle, last = (at for at, _ in shown.choose())
    assert first == 0
    assert 3000 < middle < 7000
    assert last == 9999


def test_silence_is_found_and_a_whisper_is_not() -> None:
    for level, wanted in ((0.0, 1), (0.005, 0)):
        signs = SoundSigns(Thresholds())
        for second in range(60):
            signs.add(second * 1000, second * 1000 + 1000, np.full(8000, level, np.float32))
        signs.close()
        assert len(signs.silent.found) == wanted


def test_a_recorder_may_keep_the_half_minute_before_recording_without_sound() -> None:
    signs = SoundSigns(Thresholds())
    for second in range(90):
        signs.add(second * 1000, second * 1000 + 1000, np.full(8000, 0.0 if second < 30 else 0.1, np.float32))
    signs.close()
    assert signs.silent.found == []

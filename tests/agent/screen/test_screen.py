"""The dock's screen in a real browser: live, readable at the sizes docks have, silent about what it cannot know."""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.errors import HomeError
from agent.rack.board import Board, Notice, SlotState
from agent.screen.page import DockFacts, Source
from agent.screen.serving import serve_screen
from tests.support.browser import SIZES, check_access, check_width, open_page, photograph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PICTURES = os.environ.get("EVIDOCK_PICTURES")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "wide", (1280, 800))


def fill(board: Board, slots: int) -> None:
    """Every state there is, again and again; the last slot keeps hostile names."""
    size = 8 << 30
    values: list[dict[str, object]] = [
        {"state": SlotState.SEALED, "files_read": 9, "files_sealed": 9, "bytes_sealed": size, "officer": "林晓岚"},
        {"state": SlotState.READING, "bytes_read": size * 63 // 100, "seconds_left": 170.0, "officer": "周明远"},
        {"state": SlotState.SENDING, "bytes_sealed": size * 3 // 5, "seconds_left": 340.0},
        {"state": SlotState.SAFE_HERE, "notices": (Notice("WAITS_FOR_NETWORK", "warning", (("count", "9"),)),)},
        {"state": SlotState.FREE},
        {
            "state": SlotState.PROBLEM,
            "files_failed": 2,
            "notices": (Notice("FILES_ONLY_ON_RECORDER", "error", (("count", "2"),)),),
        },
    ]
    for number in range(1, slots + 1):
        some = values[(number - 1) % len(values)]
        if some["state"] is not SlotState.FREE:
            some = {
                "recorder": f"KD401{number:02}",
                "files_total": 9,
                "bytes_total": size,
                "docking_id": "d" * 32,
            } | some
        board.change(number, **some)
    board.change(slots, recorder=f"{HOSTILE}\u202e\n" + "W" * 90, officer=None)


@contextmanager
def screen(slots: int = 8, *, is_offline: bool = False) -> Iterator[tuple[str, Board]]:
    """A filled board's screen."""
    board = Board(slots)
    fill(board, slots)
    source = Source(
        board,
        lambda: DockFacts("城东-01", is_offline, 29),
        lambda: datetime(2026, 11, 13, 3, 12, tzinfo=UTC),
        threading.Event(),
    )
    with serve_screen(source, "127.0.0.1:0") as url:
        yield url, board


def fetch(url: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Fetch one page."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize("size", ["dock", "wide"])
@pytest.mark.parametrize("slots", [8, 12, 24])
def test_the_board_is_whole_in_its_window(browser: Browser, slots: int, size: str, language: str) -> None:
    with screen(slots) as (url, _), open_page(browser, url, size=size) as page:
        page.goto(f"/?lang={language}")
        page.wait_for_selector(f"#slot-{slots}")
        check_width(page)
        check_access(page)
        if PICTURES:
            photograph(page, Path(PICTURES), f"board-{slots}-{size}-{language}")
        height = page.evaluate("document.documentElement.scrollHeight - innerHeight")
        assert height <= 0, f"{height} px below the window"
        cut = page.evaluate(
            """[...document.querySelectorAll('.middle > *')].filter(e => {
              const inner = e.getBoundingClientRect(), outer = e.parentElement.getBoundingClientRect();
              return inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1; })
            .concat([...document.querySelectorAll('.todo, .tile')].filter(e => e.scrollHeight > e.clientHeight + 2))
            .concat([...document.querySelectorAll('.top b')].filter(e => e.scrollWidth > e.clientWidth))
            .map(e => e.className + ': ' + e.textContent)"""
        )
        assert not cut


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize("size", ["dock", "wide"])
def test_the_page_of_a_slot_says_what_was_handed_in(browser: Browser, size: str, language: str) -> None:
    with screen() as (url, _), open_page(browser, url, size=size) as page:
        for number in (1, 5, 6):
            page.goto(f"/slots/{number}?lang={language}")
            check_width(page)
            check_access(page)
            if PICTURES:
                photograph(page, Path(PICTURES), f"slot-{number}-{size}-{language}")
        page.goto(f"/slots/1?lang={language}")
        assert ("9 个文件全部固证" if language == "zh-Hans" else "All 9 files are sealed") in page.inner_text("main")


def test_a_change_of_the_board_shows_without_a_touch(browser: Browser) -> None:
    with screen() as (url, board), open_page(browser, url, size="dock") as page:
        page.goto("/")
        page.focus("#slot-2")
        board.change(2, state=SlotState.SEALED, files_sealed=9)
        page.wait_for_selector("#slot-2[data-state=sealed]")
        assert page.evaluate("document.activeElement.id") == "slot-2"
        assert "已固证" in page.inner_text("#told")


def test_a_screen_whose_agent_ended_calls_itself_stale(browser: Browser) -> None:
    with screen() as (url, _):
        opened = open_page(browser, url, size="dock")
        page = opened.__enter__()
        page.goto("/")
        page.wait_for_function("document.getElementById('stale').hidden")
    page.wait_for_selector("#stale", state="visible")
    opened.__exit__(None, None, None)


def test_the_page_of_a_slot_goes_back_by_itself(browser: Browser) -> None:
    with screen() as (url, _), open_page(browser, url, size="dock") as page:
        page.clock.install()
        page.goto("/slots/1")
        page.clock.fast_forward(61_000)
        page.wait_for_selector("#slot-1")


def test_keys_alone_lead_to_a_slot_and_back(browser: Browser) -> None:
    with screen() as (url, _), open_page(browser, url, size="dock") as page:
        page.goto("/")
        page.focus("#slot-1")
        page.keyboard.press("Enter")
        page.wait_for_selector(".facts")
        page.keyboard.press("Escape")
        page.wait_for_selector("#slot-1")


def test_sound_is_off_until_a_person_wants_it(browser: Browser) -> None:
    with screen() as (url, _), open_page(browser, url, size="dock") as page:
        page.goto("/")
        assert page.get_attribute("#sound", "aria-pressed") == "false"
        page.click("#sound")
        page.reload()
        page.wait_for_selector("#sound[aria-pressed=true]")


def test_names_off_a_recorder_are_text_and_never_markup() -> None:
    with screen() as (url, _):
        for path in ("", "slots/8"):
            _, _, text = fetch(url + path)
            assert HOSTILE not in text
            assert "&lt;script&gt;" in text


def test_every_answer_carries_the_strict_policy_and_nothing_inline() -> None:
    with screen() as (url, _):
        for path in ("", "tiles", "slots/1", "slots/99", "static/screen.js", "static/none"):
            _, headers, text = fetch(url + path)
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert "<style" not in text
            assert "style=" not in text


def test_a_page_of_another_host_is_refused() -> None:
    with screen() as (url, _):
        assert fetch(url, Host="evil.example")[0] == 400


def test_the_board_of_an_unknown_slot_is_not_found() -> None:
    with screen() as (url, _):
        assert fetch(url + "slots/99")[0] == 404


def test_the_page_of_a_slot_says_why_its_docking_failed() -> None:
    with screen() as (url, board):
        board.change(6, notices=(Notice("DOCKING_FAILED", "error", (("why", "pulled <out>"),)),))
        assert "Docking failed: pulled &lt;out&gt;" in fetch(url + "slots/6?lang=en")[2]


def test_a_poll_that_waits_is_answered_when_the_board_changes() -> None:
    with screen() as (url, board):
        version, _ = board.read()
        threading.Timer(0.3, lambda: board.change(1, state=SlotState.PROBLEM)).start()
        begun = time.monotonic()
        assert 'data-state="problem" href="/slots/1' in fetch(f"{url}tiles?since={version}")[2]
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:99999", ":80", "127.0.0.1:²"])
def test_an_address_that_makes_no_sense_is_refused_in_words(address: str) -> None:
    source = Source(Board(1), lambda: DockFacts("x", False, None), lambda: datetime.now(UTC), threading.Event())
    with pytest.raises(HomeError, match="HOST:PORT"), serve_screen(source, address):
        pass

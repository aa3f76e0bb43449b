"""Headless Chromium for tests of the pages: the real browser, no network but this machine's."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Width and height of a phone, a tablet or dock screen, and a laptop.
SIZES = {"phone": (390, 844), "dock": (1024, 600), "laptop": (1440, 900)}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A running browser."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian and Ubuntu: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@contextmanager
def open_page(
    browser: Browser, url: str, *, size: str = "laptop", language: str = "zh-Hans", theme: str = "light"
) -> Iterator[Page]:
    """A fresh browser window on this address; an error in a page's script or a refused resource fails the test."""
    width, height = SIZES[size]
    context: BrowserContext = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        locale="zh-CN" if language == "zh-Hans" else "en-GB",
        color_scheme="dark" if theme == "dark" else "light",
        has_touch=size == "phone",
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
    )
    try:
        yield page
    finally:
        context.close()
    assert not problems, problems


def sign_in(page: Page, name: str, password: str) -> None:
    """Sign in as a person does."""
    page.goto("/signin")
    page.fill("#f-name", name)
    page.fill("#f-password", password)
    page.click("form[action='/signin'] button")
    page.wait_for_url(lambda url: "/signin" not in url)


def photograph(page: Page, folder: Path, name: str) -> None:
    """Keep a picture of the whole page."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def check_access(page: Page) -> None:
    """Fail on anything that axe finds against WCAG 2.2 AA."""
    from axe_playwright_python.sync_playwright import Axe

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    results = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    assert results.violations_count == 0, results.generate_report()


def check_width(page: Page) -> None:
    """Fail where a page is wider than its window: nobody should have to scroll sideways to read."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the window"

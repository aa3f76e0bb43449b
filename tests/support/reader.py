"""Somebody who reads the pages in one language and acts on the words that stand there."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ingest_server.web.languages import Language
from tests.support.browser import check_width, open_page
from tests.support.people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

SIZES = {"laptop": (1440, 900), "phone": (390, 844)}
PATIENCE_SECONDS = 20
LARGEST_PICTURE = 150_000
_PLAYING = (
    "(() => { const video = document.querySelector('video'); return !video.paused && video.currentTime > 0.3; })()"
)


class Reader:
    """A person at a browser window.

    Attributes:
        page: The window.
        language: What the person reads; every word looked for is looked for in it.
    """

    def __init__(self, page: Page, language: str, journey: str) -> None:
        self.page = page
        self.language = Language(language)
        self._journey = journey
        self._folder = os.environ.get("EVIDOCK_SCREENSHOTS")

    def words(self, text: str, **values: object) -> str:
        """A text of the interface in the person's language, given in English."""
        said = self.language.gettext(text)
        return said % values if values else said

    def counted(self, singular: str, plural: str, count: int) -> str:
        """A text with a count, in the person's language."""
        return self.language.ngettext(singular, plural, count) % {"count": count}

    def choose(self, english: str, chinese: str) -> str:
        """What the person types or reads that is no text of the interface."""
        return chinese if self.language.tag == "zh-Hans" else english

    def open_link(self, link: str) -> None:
        """Open a one-time link and set the password."""
        self.page.goto(link)
        self.fill("New password", PASSWORD)
        self.fill("The same again", PASSWORD)
        self.press("Set password and sign in")
        self.see_overview()

    def see_overview(self) -> None:
        """Be on the first page after signing in; its heading says how much waits."""
        self.page.get_by_role("link", name=self.words("Overview"), exact=True).and_(
            self.page.locator("[aria-current=page]")
        ).wait_for()

    def sign_out(self) -> None:
        """Sign out and come to the first page."""
        self.press("Sign out")
        self.see_heading("Sign in")

    def go(self, entry: str) -> None:
        """Follow an entry of the navigation."""
        self.page.get_by_role("navigation", name=self.words("Main"), exact=True).get_by_role(
            "link", name=self.words(entry)
        ).click()
        self.see_heading(entry)

    def press(self, text: str, **values: object) -> None:
        """Press the button with these words."""
        self.page.get_by_role("button", name=self.words(text, **values)).first.click()

    def follow(self, text: str, **values: object) -> None:
        """Follow the link with these words."""
        self.page.get_by_role("link", name=self.words(text, **values)).first.click()

    def unfold(self, text: str) -> None:
        """Open what is folded under these words."""
        self.page.locator("summary", has_text=self.words(text)).first.click()

    def fill(self, label: str, text: str) -> None:
        """Write into the field with this label."""
        self.field(label).fill(text)

    def field(self, label: str) -> Locator:
        """The field with this label that can be seen; required ones say so after it."""
        said = self.words(label)
        return (
            self.page.get_by_label(said)
            .and_(self.page.locator("input:visible, textarea:visible, select:visible"))
            .first
        )

    def see_heading(self, text: str, **values: object) -> None:
        """Be on the page with this heading."""
        self.page.get_by_role("heading", level=1, name=self.words(text, **values)).wait_for()

    def see(self, text: str, **values: object) -> Locator:
        """See these words of the interface."""
        return self.see_said(self.words(text, **values))

    def see_said(self, said: str) -> Locator:
        """See exactly what is given."""
        found = self.page.locator("#main").get_by_text(said).filter(visible=True).first
        found.wait_for(timeout=PATIENCE_SECONDS * 1000)
        return found

    def wait_until(self, condition: str) -> None:
        """Wait until a condition holds; the browser's own waiting would need what the policy forbids."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, condition
            self.page.wait_for_timeout(50)

    def give_reason(self, purpose: str, reason: str, basis: str = "") -> None:
        """State the reason for access, and see the recording play."""
        self.see_said(self.words("State your reason before watching"))
        self.page.get_by_label(self.words(purpose), exact=True).check()
        if basis:
            self.fill("Legal basis or number", basis)
        self.fill("What you look for", reason)
        self.press("Record and play")
        self.wait_until(_PLAYING)

    def photograph(self, name: str, size: str = "laptop", at: str = "") -> None:
        """Keep a picture of what the person sees, where EVIDOCK_SCREENSHOTS names a folder for them."""
        check_width(self.page)
        if not self._folder:
            return
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.evaluate(
            "(at) => at ? document.querySelector(at).scrollIntoView({ block: 'end' }) : window.scrollTo(0, 0)", at
        )
        path = Path(self._folder) / f"{self._journey}-{name}.{self.language.tag}.png"
        write_picture(path, self.page.screenshot(animations="disabled", caret="hide"))
        self.page.set_viewport_size({"width": SIZES["laptop"][0], "height": SIZES["laptop"][1]})


def write_picture(path: Path, screenshot: bytes) -> None:
    """Write a picture that a repository can hold: colours in steps of four, and smaller where footage fills it."""
    picture = cv2.imdecode(np.frombuffer(screenshot, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    height, width = picture.shape[:2]
    scale = 1.0
    while True:
        size = (round(width * scale), round(height * scale))
        fitting = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        fitting = np.clip((fitting.astype(np.int16) + 2) // 4 * 4, 0, 255).astype(np.uint8)
        data = cv2.imencode(".png", fitting, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
        if len(data) <= LARGEST_PICTURE:
            break
        scale *= 0.9
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextmanager
def read_pages(browser: Browser, url: str, language: str, journey: str) -> Iterator[Reader]:
    """A fresh window for somebody who reads this language."""
    with open_page(browser, url, language=language) as page:
        yield Reader(page, language, journey)

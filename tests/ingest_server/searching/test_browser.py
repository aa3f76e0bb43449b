"""The list in the real browser: as one types, by keys, pictures when it has settled, accessible in every state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.ingest_server.searching.test_pages import make_picture, previews
from tests.support.browser import check_access, check_width, open_page, sign_in
from tests.support.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.filled import Filled


def open_list(page: Page, filled: Filled, address: str = "/recordings", role: str = "supervisor") -> None:
    sign_in(page, filled.people.as_role(role).name, PASSWORD)
    page.goto(address)


def test_the_list_answers_as_one_types_and_its_address_follows(filled: Filled, browser: Browser) -> None:
    with open_page(browser, filled.system.url, language="en") as page:
        open_list(page, filled)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "text=" in request.url else None)
        page.keyboard.press("/")
        page.keyboard.type("0320_0002", delay=20)
        expect(page.locator("#results tbody tr")).to_have_count(1)
        assert page.url.endswith("/recordings?text=0320_0002")
        # Nine keys, but not nine searches.
        assert len(asked) <= 2
        page.reload()
        assert page.locator("#find-text").input_value() == "0320_0002"


def test_rows_are_walked_selected_and_opened_by_keys(filled: Filled, browser: Browser) -> None:
    with open_page(browser, filled.system.url, language="en") as page:
        open_list(page, filled)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("x")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("x")
        assert page.locator("[data-bulk-words]").inner_text() == "Selected: 2"
        assert page.locator("tr.sel").count() == 2
        href = page.locator("tbody tr").nth(1).locator(".open").get_attribute("href")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{href}")


def test_all_on_the_page_are_selected_and_attached(filled: Filled, browser: Browser) -> None:
    filled.open_casefile("〔2026〕90号")
    with open_page(browser, filled.system.url, language="en") as page:
        open_list(page, filled)
        page.locator("[data-all]").check()
        page.click("[data-bulk-act]")
        page.fill("#f-number", "〔2026〕90号")
        page.select_option("#f-stage", "service")
        page.get_by_role("button", name="Show what will happen").click()
        check_access(page)
        page.fill("#f-reason", "one incident")
        page.get_by_role("button", name="Attach 3 recordings").click()
        page.wait_for_url("**/recordings/linked?**")
        assert "3 recordings are attached at this stage" in page.content()
        check_access(page)
        page.get_by_role("button", name="Undo").click()
        page.wait_for_load_state()
        assert "3 recordings are not attached at this stage" in page.content()


def test_pictures_come_when_the_list_has_settled_and_are_one_event(filled: Filled, browser: Browser) -> None:
    for shown in filled.own[:2]:
        make_picture(filled, shown)
    before = len(previews(filled))
    with open_page(browser, filled.system.url, language="en") as page:
        open_list(page, filled)
        page.wait_for_selector("[data-picture] img, #pictures-failed:not(.vh)", state="attached")
        page.wait_for_timeout(300)
        assert len(previews(filled)) == before + 1
        page.click("[data-pictures-switch]")
        page.goto("/recordings?officer=014207")
        page.wait_for_timeout(1300)
        assert page.locator("[data-picture] img").count() == 0


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/recordings", "/recordings?text=nowhere&since=2026-11-01", "/recordings?since=x"])
def test_every_state_of_the_list_is_accessible(
    filled: Filled, browser: Browser, address: str, theme: str, language: str
) -> None:
    with open_page(browser, filled.system.url, language=language, theme=theme) as page:
        open_list(page, filled, address, "evidence_administrator")
        check_access(page)
        for width, height in ((390, 844), (1024, 768), (1440, 900)):
            page.set_viewport_size({"width": width, "height": height})
            check_width(page)

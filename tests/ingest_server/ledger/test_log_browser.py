"""The custody log in the real browser: filtering in place, checking a proof, following up, exporting, paper."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import check_access, open_page, sign_in
from tests.support.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.people import People


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_an_administrator_follows_up_a_refusal_and_reviews(people: People, browser: Browser, language: str) -> None:
    admin = people.as_role("evidence_administrator")
    people.as_role("officer").get("/log")
    with open_page(browser, people.system.url, language=language) as page:
        sign_in(page, admin.name, PASSWORD)
        page.click("a[href='/log?outcome=open']")
        page.wait_for_selector("tr.refused")
        page.locator("tr.refused a[href^='/log?subject=']").first.click()
        page.wait_for_url("**/log?subject=the-officer")
        page.click("tr.refused a[href$='#follow-up']")
        page.fill("#f-note", "Asked the officer: an old bookmark.")
        check_access(page)
        page.click("form[action$='/note'] button")
        page.wait_for_selector("#follow-up .notes")
        page.goto("/log")
        page.click("summary")
        check_access(page)
        page.click("form[action='/log/review'] button")
        page.wait_for_selector("tr.reviewed, .review header p")
        assert page.locator("a[href='/log?outcome=open']").first.inner_text().strip().startswith("0")


def test_a_filter_changes_the_lines_without_leaving_the_page(people: People, browser: Browser) -> None:
    with open_page(browser, people.system.url, language="en") as page:
        sign_in(page, people.as_role("auditor").name, PASSWORD)
        page.goto("/log")
        page.evaluate("window.stays = true")
        page.select_option("#f-type", "ledger.opened")
        page.wait_for_url("**type=ledger.opened**")
        expect(page.locator("#lines tbody tr:not(.reviewed)")).to_have_count(1)
        assert page.evaluate("window.stays")


def test_a_proof_is_checked_in_the_page(people: People, browser: Browser) -> None:
    with open_page(browser, people.system.url, language="en") as page:
        sign_in(page, people.as_role("auditor").name, PASSWORD)
        page.goto("/log/2")
        page.click("#proof [data-check]")
        page.wait_for_selector("#proof .result.ok")
        assert "signature of the checkpoint good" in page.locator("#proof .result").inner_text()
        assert people.system.vkey in page.locator("#proof [data-key]").inner_text()
        check_access(page)


def test_a_false_proof_is_seen_in_the_page(people: People, browser: Browser) -> None:
    with open_page(browser, people.system.url, language="en") as page:
        sign_in(page, people.as_role("auditor").name, PASSWORD)
        other = json.loads(people.as_role("auditor").get("/log/1/proof").data)

        def swap(route):  # type: ignore[no-untyped-def]
            route.fulfill(json={**other, "index": 2})

        page.route("**/log/2/proof", swap)
        page.goto("/log/2")
        page.click("#proof [data-check]")
        page.wait_for_selector("#proof .result.bad")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_is_recorded_then_downloaded(people: People, browser: Browser, form: str) -> None:
    with open_page(browser, people.system.url, language="en") as page:
        sign_in(page, people.as_role("auditor").name, PASSWORD)
        page.goto("/log?type=accounts")
        page.click("a[href^='/log/export']")
        page.check(f"input[value='{form}']")
        page.fill("#f-reason", "quarterly audit")
        page.click("form[action='/log/export'] button")
        page.wait_for_url(re.compile("/log/exports/"))
        check_access(page)
        with page.expect_download() as download:
            page.click("#export a[download]")
        assert Path(download.value.path()).stat().st_size > 100
        assert download.value.suggested_filename.endswith(f".{form}")
        page.wait_for_selector("#export .note.ok")


def test_on_paper_there_are_the_lines_and_nothing_to_press(people: People, browser: Browser) -> None:
    with open_page(browser, people.system.url, language="en") as page:
        sign_in(page, people.as_role("auditor").name, PASSWORD)
        page.goto("/log?type=accounts")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 700, "height": 1000})
        assert page.locator(".log").is_visible()
        for unwanted in (".side", ".top", ".filters", ".review-line", ".pager"):
            assert not page.locator(unwanted).first.is_visible(), unwanted
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0

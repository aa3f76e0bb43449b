"""Docks, recorders and registers in the real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import check_access, check_width, open_page, sign_in
from tests.support.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.filled import Filled

KINDS = {"recorder": "/recorders", "dock": "/docks", "revoke": "/docks"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_page_about_one_of_them_is_accessible_and_fits(
    filled: Filled, browser: Browser, kind: str, language: str, theme: str
) -> None:
    administrator = filled.people.as_role("evidence_administrator")
    found = re.search(rf"{KINDS[kind]}/[0-9A-Z]{{26}}", administrator.read(KINDS[kind]))
    assert found
    with open_page(browser, filled.system.url, language=language, theme=theme) as page:
        sign_in(page, administrator.name, PASSWORD)
        page.goto(found[0] + ("/revoke" if kind == "revoke" else ""))
        check_access(page)
        for size in ((390, 844), (1024, 768), (1440, 900)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            check_width(page)


def test_a_code_and_a_link_are_shown_with_a_button_that_copies(filled: Filled, browser: Browser) -> None:
    for role, path, name, shown in (
        ("system_administrator", "/docks", "back-office", "#code"),
        ("security_administrator", "/registers", "new-person", "#link"),
    ):
        person = filled.people.as_role(role)
        with open_page(browser, filled.system.url, language="en", size="phone") as page:
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            sign_in(page, person.name, PASSWORD)
            page.goto(path)
            page.click("main summary")
            page.fill("#f-name", name)
            page.click("main details button")
            page.click("[data-copy]")
            page.wait_for_selector("text=Copied")
            assert page.evaluate("navigator.clipboard.readText()") == page.inner_text(shown)
            check_access(page)
            check_width(page)

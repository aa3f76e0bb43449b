"""Every page in the real browser: accessible, as wide as its window, under the strict policy, within its budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import check_access, check_width, open_page, sign_in
from tests.support.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.people import People

BUDGET = 150 * 1024
OPEN_PAGES = ["/signin", "/link"]
# A page and a role that may see it.
PAGES = [
    ("/", "supervisor"),
    ("/me", "supervisor"),
    ("/casefiles", "supervisor"),
    ("/recordings", "supervisor"),
    ("/docks", "evidence_administrator"),
    ("/docks/unreported", "evidence_administrator"),
    ("/recorders", "evidence_administrator"),
    ("/recorders/register", "evidence_administrator"),
    ("/work", "evidence_administrator"),
    ("/registers", "security_administrator"),
    ("/registers?show=officers", "security_administrator"),
    ("/registers?show=units", "security_administrator"),
    ("/", "evidence_administrator"),
    ("/", "security_administrator"),
    ("/registers/sign-in-failures", "security_administrator"),
    ("/log", "evidence_administrator"),
    ("/log/0", "evidence_administrator"),
    ("/log/1", "auditor"),
    ("/log/export", "auditor"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize("path", OPEN_PAGES)
def test_a_page_before_signing_in_is_accessible(
    people: People, browser: Browser, path: str, language: str, theme: str
) -> None:
    with open_page(browser, people.system.url, size="phone", language=language, theme=theme) as page:
        page.goto(path)
        check_access(page)
        check_width(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize(("path", "role"), PAGES)
def test_a_page_is_accessible(
    people: People, browser: Browser, path: str, role: str, language: str, theme: str
) -> None:
    person = people.as_role(role)
    with open_page(browser, people.system.url, language=language, theme=theme) as page:
        sign_in(page, person.name, PASSWORD)
        page.goto(path)
        assert page.locator("html").get_attribute("lang") == language
        check_access(page)
        for size in ((390, 844), (1024, 768), (1440, 900)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            check_width(page)


@pytest.mark.parametrize(("path", "role"), PAGES)
def test_a_page_stays_within_its_budget(people: People, browser: Browser, path: str, role: str) -> None:
    person = people.as_role(role)
    with open_page(browser, people.system.url) as page:
        sign_in(page, person.name, PASSWORD)
        sizes: list[int] = []
        page.context.clear_cookies(name="nothing")
        page.on("response", lambda answer: sizes.append(len(answer.body()) if answer.status == 200 else 0))
        page.goto(path, wait_until="networkidle")
    assert 0 < sum(sizes) <= BUDGET, sizes


@pytest.mark.parametrize(("path", "role"), PAGES)
def test_a_page_allows_nothing_inline_and_nothing_from_elsewhere(people: People, path: str, role: str) -> None:
    answer = people.as_role(role).get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    text = answer.data.decode()
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick" not in text
    assert "http://" not in text.replace("http://www.w3.org", "").replace(people.system.url, "")

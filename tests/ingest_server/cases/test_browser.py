"""Case files in the real browser: accessible, within the window, and worked as a person works them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import check_access, check_width, open_page, sign_in
from tests.support.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.filled import Filled

BUDGET = 150 * 1024


@pytest.fixture(scope="module")
def casefile(filled: Filled) -> str:
    """A case file with recordings within and outside the reach, and a text record."""
    made = filled.open_casefile("云市监处〔2026〕318 号", "禾远建材经营部销售不合格电线电缆案")
    filled.attach(made, *filled.own, filled.foreign)
    handler = filled.people.as_role("case_handler")
    handler.upload(
        f"/casefiles/{made}/documents", {"stage": "investigation", "kind": "transcript"}, "笔录.txt", "询问".encode()
    )
    return made


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize("path", ["", "/attach", "/exports"])
def test_a_page_of_a_case_file_is_accessible_and_fits(
    filled: Filled, browser: Browser, casefile: str, path: str, language: str, theme: str
) -> None:
    with open_page(browser, filled.system.url, language=language, theme=theme) as page:
        sign_in(page, filled.people.as_role("evidence_administrator").name, PASSWORD)
        page.goto(f"/casefiles/{casefile}{path}")
        for details in page.locator("main details").all():
            details.evaluate("element => { element.open = true; }")
        check_access(page)
        for size in ((390, 844), (1024, 768), (1440, 900)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            check_width(page)


@pytest.mark.parametrize("path", ["/casefiles", "/casefiles/{}", "/casefiles/{}/attach", "/casefiles/{}/exports"])
def test_a_page_of_a_case_file_stays_within_its_budget(
    filled: Filled, browser: Browser, casefile: str, path: str
) -> None:
    with open_page(browser, filled.system.url) as page:
        sign_in(page, filled.people.as_role("evidence_administrator").name, PASSWORD)
        sizes: list[int] = []
        page.on("response", lambda answer: sizes.append(len(answer.body()) if answer.status == 200 else 0))
        page.goto(path.format(casefile), wait_until="networkidle")
    assert 0 < sum(sizes) <= BUDGET, sizes


def test_a_person_opens_attaches_detaches_undoes_adds_and_exports(
    filled: Filled, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    record = tmp_path_factory.mktemp("record") / "现场笔录.txt"
    record.write_text("现场检查情况", encoding="utf-8")
    with open_page(browser, filled.system.url, language="zh-Hans") as page:
        sign_in(page, filled.people.as_role("evidence_administrator").name, PASSWORD)
        page.goto("/casefiles")
        page.click("summary:has-text('新建案卷')")
        page.fill("#f-number", "旅程-1")
        page.fill("#f-title", "占道经营检查")
        page.click("button:has-text('建立案卷')")
        page.click("a:has-text('关联音像记录') >> nth=0")
        page.fill("#find-recording", "_0002")
        page.wait_for_selector("text=_0001.MP4", state="detached")
        page.check("#found input[type=checkbox]")
        page.fill("#f-reason", "现场录制")
        page.click("button:has-text('关联到案卷')")
        page.wait_for_selector("text=已关联 1 条音像记录")
        page.click("summary:has-text('取消关联')")
        page.fill("input[name=reason]:visible", "误关联")
        page.click("button:has-text('从本环节取消关联')")
        page.click("button:has-text('撤销')")
        page.wait_for_selector(f"text={filled.own[1]}")
        page.click("summary:has-text('添加文字记录')")
        page.set_input_files("#f-file", record)
        page.click("button:has-text('添加到本环节')")
        page.wait_for_selector("text=文字记录已添加")
        assert page.locator("text=现场笔录.txt").first.is_visible()
        page.click("a:has-text('生成证据包')")
        page.fill("#f-reason", "移送法院")
        page.click("button:has-text('生成证据包')")
        page.wait_for_selector("text=离线核验程序已用本台账的公钥核验通过", timeout=60_000)
        with page.expect_download() as download:
            page.click("button:has-text('下载证据包')")
        path = record.with_name("package.zip")
        download.value.save_as(path)
    assert filled.system.run("custody", "verify", path, "--vkey", filled.system.vkey).returncode == 0


def test_a_file_that_is_too_large_is_told_before_it_is_sent(filled: Filled, browser: Browser, casefile: str) -> None:
    with open_page(browser, filled.system.url, language="en") as page:
        sign_in(page, filled.people.as_role("case_handler").name, PASSWORD)
        page.goto(f"/casefiles/{casefile}")
        page.click("summary:has-text('Add a text record')")
        page.locator("#f-file").evaluate("field => { field.dataset.limit = '10'; }")
        page.set_input_files("#f-file", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 longer"})
        assert "larger than" in page.locator("#f-file").evaluate("field => field.validationMessage")


def test_a_refused_file_is_told_where_the_person_is(filled: Filled, browser: Browser, casefile: str) -> None:
    with open_page(browser, filled.system.url, language="en") as page:
        sign_in(page, filled.people.as_role("case_handler").name, PASSWORD)
        page.goto(f"/casefiles/{casefile}")
        page.click("summary:has-text('Add a text record')")
        page.set_input_files("#f-file", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"not a pdf"})
        page.click("button:has-text('Add to this stage')")
        page.wait_for_selector("text=This kind of file is not taken")

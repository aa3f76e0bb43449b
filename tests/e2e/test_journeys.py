"""The three users' journeys, each played from signing in to its end in a real browser, in both languages.

``EVIDOCK_SCREENSHOTS=FOLDER`` keeps the pictures that docs/walkthrough shows (``make screenshots``).
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from ingest_server.demo.recorders import RECORDERS
from tests.support.agency import ADMINISTRATOR, OFFICER, SUPERVISOR
from tests.support.reader import read_pages

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.agency import Agency
    from tests.support.reader import Reader

pytestmark = pytest.mark.parametrize("language", ["zh-Hans", "en"])
ROWS = "#results tbody tr"


def test_an_officer_finds_the_own_recording_plays_it_and_notes_what_matters(
    agency: Agency, browser: Browser, language: str
) -> None:
    with read_pages(browser, agency.system.url, language, "officer") as reader:
        page = reader.page
        reader.open_link(agency.link(OFFICER))
        reader.go("My recordings")
        expect(page.locator(ROWS)).to_have_count(len(agency.own))
        expect(page.locator(f"{ROWS} img")).to_have_count(len(agency.own), timeout=20_000)
        reader.wait_until("[...document.querySelectorAll('#results img')].every((one) => one.naturalWidth > 0)")
        reader.photograph("1-recordings")
        reader.photograph("1-recordings-phone", size="phone")
        # Each language has its own recording, as a journey leaves its label there.
        page.locator(ROWS).nth(0 if language == "en" else 1).get_by_role("link").first.click()

        reader.give_reason("My own record", reader.choose("to write the inspection report", "撰写检查记录"))
        page.keyboard.press("k")
        reader.see_said(reader.words("This is the original, as it was taken from the recorder"))
        page.keyboard.press("l")
        reader.wait_until("document.querySelector('[data-note-at]').value !== '0:00'")
        note = reader.choose("the party is told their rights", "告知当事人权利")
        reader.fill("What happens there", note)
        page.keyboard.press("Enter")
        reader.see_said(note)
        reader.field("Label").select_option(label=reader.choose("Important", "重点"))
        reader.press("Set label")
        expect(page.locator("#labels .tag")).to_contain_text(reader.choose("Important", "重点"))
        reader.photograph("2-playing", at="#notes")

        page.reload()
        reader.see("Label set")
        reader.press("Check all here")
        reader.see("All lines checked: numbered without a gap, each naming the one before it")
        reader.press("End my access")
        reader.see("State your reason before watching")
        reader.sign_out()


def test_an_administrator_reviews_the_log_and_follows_up_a_refusal(
    agency: Agency, browser: Browser, language: str, tmp_path: Path
) -> None:
    asked = agency.own[0] if language == "en" else agency.own[1]
    agency.refuse("zhang-min" if language == "en" else "zhang-min-2", asked)
    with read_pages(browser, agency.system.url, language, "administrator") as reader:
        page = reader.page
        reader.open_link(agency.link(ADMINISTRATOR))
        page.get_by_role("link", name=reader.words("Refusals to follow up")).wait_for()
        reader.photograph("1-overview")
        reader.go("Custody log")
        reader.field("Outcome").select_option(label=reader.words("Not followed up"))
        page.wait_for_url("**outcome=open**")
        refused = page.locator("#lines tbody tr.refused")
        refused.first.wait_for()
        reader.photograph("2-refused")
        refused.first.get_by_role("link").first.click()

        note = reader.choose(
            "Asked her: the wrong file number. No further step.", "已询问本人：编号输错，无须进一步处理。"
        )
        reader.fill("Follow-up note", note)
        reader.press("Record the note")
        reader.see_said(note)
        reader.press("Check here")
        reader.see("Checked here: in the ledger, signature of the checkpoint good")
        reader.photograph("3-followed-up")

        reader.go("Custody log")
        reader.unfold("Mark as reviewed")
        reader.fill("Review note", reader.choose("one refusal, followed up", "一次拒绝，已跟进"))
        reader.press("Record the review")
        reader.see_said(reader.words("Reviewed up to #%(index)s by %(actor)s, %(time)s.").partition("%")[0])

        lines = _export_log(reader, tmp_path)
        assert any("request.refused" in line for line in lines)
        reader.sign_out()


def _export_log(reader: Reader, folder: Path) -> list[str]:
    """Export the log as a table, with a reason; the lines of the file."""
    reader.follow("Export")
    reader.page.get_by_label(reader.words("Table (CSV)")).check()
    reader.fill("Reason", reader.choose("monthly inspection", "月度检查"))
    reader.press("Record and export")
    with reader.page.expect_download() as downloading:
        reader.follow("Download")
    file = folder / "log.csv"
    downloading.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return [",".join(row) for row in csv.reader(stream)]


def test_a_supervisor_answers_a_dispute_with_a_package_that_a_stranger_verifies(
    agency: Agency, browser: Browser, language: str, tmp_path: Path
) -> None:
    number = "2026-0117" if language == "en" else "市监案〔2026〕117号"
    agency.open_casefile(number, "Dispute over a stall inspection" if language == "en" else "占道经营检查争议")
    basis = "TS-2026-0087"
    with read_pages(browser, agency.system.url, language, "supervisor") as reader:
        page = reader.page
        reader.open_link(agency.link(SUPERVISOR))
        reader.go("Recordings")
        expect(page.locator(ROWS)).to_have_count(len(agency.own) + len(agency.others))
        # The list answers while the name is being typed; nothing is sent by Enter.
        page.keyboard.press("/")
        page.keyboard.type(reader.choose("chen jie", "陈杰"), delay=40)
        expect(page.locator(ROWS)).to_have_count(len(RECORDERS[2].clip_seconds))
        expect(page.locator(f"{ROWS} img")).to_have_count(len(RECORDERS[2].clip_seconds), timeout=20_000)
        reader.photograph("1-found")
        page.locator(ROWS).nth(0 if language == "en" else 1).get_by_role("link").first.click()

        reader.see("State your reason before watching")
        reader.photograph("2-reason-phone", size="phone", at="#access-reason")
        reader.give_reason("Complaint", reader.choose("whether the goods were listed", "物品是否当场登记"), basis)
        page.keyboard.press("k")

        reader.unfold("Attach to a case file")
        reader.fill("Case number", number)
        page.locator("#cases").get_by_label(reader.words("Reason")).locator("visible=true").fill(
            reader.choose("the stop that the complaint is about", "投诉所涉执法过程")
        )
        page.locator("#cases").get_by_role("button", name=reader.words("Attach"), exact=True).click()
        expect(page.locator("#cases")).to_contain_text(number)
        reader.follow("Export with its case file")

        reader.see("What a package would contain now")
        reader.see_said(reader.counted("%(count)s file", "%(count)s files", 1))
        reader.photograph("3-preview")
        reader.fill("For whom and on what legal basis?", reader.choose(f"court, {basis}", f"法院调取，{basis}"))
        reader.press("Make the package")
        reader.see(
            "The offline verifier proved this package under the ledger's own key."
            " Whoever gets it can do the same without this server."
        )
        reader.photograph("4-verified")
        with page.expect_download() as downloading:
            reader.press("Download the package")
        package = tmp_path / "package.zip"
        downloading.value.save_as(package)
        # What was verified is called as what was downloaded.
        reader.see_said(downloading.value.suggested_filename)
        reader.sign_out()
    verified = agency.system.run("custody", "verify", package, "--vkey", agency.system.vkey, check=False)
    assert verified.returncode == 0, verified.stdout

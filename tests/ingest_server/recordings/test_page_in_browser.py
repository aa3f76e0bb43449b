"""The page of one recording in the real browser: it plays, it is driven by keys, and it checks proofs by itself."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import check_access, check_width, open_page, sign_in
from tests.support.people import PASSWORD
from tests.support.recorded import REASON

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tests.support.people import Person
    from tests.support.recorded import Recorded

BUDGET = 150 * 1024
SIZES = ((390, 844), (1024, 768), (1440, 900))
IS_PLAYING = "!document.querySelector('video').paused && document.querySelector('video').currentTime > 0.2"


def enter(page: Page, recorded: Recorded, person: Person, shown_id: str) -> None:
    """Sign in, state the reason as a person does, and come to the page with its player."""
    if page.url == "about:blank":
        sign_in(page, person.name, PASSWORD)
    page.goto(f"/recordings/{shown_id}")
    page.check(f"input[name=purpose][value={REASON['purpose']}]")
    page.fill("#access-basis", REASON["basis"])
    page.fill("#access-reason", REASON["reason"])
    page.click("form[action$='/access'] button")
    page.wait_for_selector("#notes")


def wait_until(page: Page, condition: str) -> None:
    """Wait until a condition holds; the browser's own waiting would need what the page's policy forbids."""
    deadline = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(30)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_the_page_is_accessible_before_and_after_access(
    recorded: Recorded, browser: Browser, language: str, theme: str
) -> None:
    person = recorded.people.as_role("evidence_administrator")
    with open_page(browser, recorded.people.system.url, language=language, theme=theme) as page:
        sign_in(page, person.name, PASSWORD)
        page.goto(f"/recordings/{recorded.odd}")
        look_over(page)
        page.set_viewport_size({"width": 1440, "height": 900})
        enter(page, recorded, person, recorded.own)
        page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")
        look_over(page)
        page.goto(f"/recordings/{recorded.own}/history")
        page.click("[data-check-all]")
        page.wait_for_selector(".st-ok")
        look_over(page)


def look_over(page: Page) -> None:
    check_access(page)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        check_width(page)


def test_the_page_stays_within_its_budget(recorded: Recorded, browser: Browser) -> None:
    person = recorded.people.as_role("supervisor")
    with open_page(browser, recorded.people.system.url) as page:
        enter(page, recorded, person, recorded.own)
        sizes: list[int] = []
        page.on("response", lambda answer: sizes.append(len(answer.body()) if answer.status == 200 else 0))
        page.goto(f"/recordings/{recorded.own}", wait_until="networkidle")
    assert 0 < sum(sizes) <= BUDGET, sizes


def test_it_plays_at_once_and_obeys_the_keys(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        enter(page, recorded, recorded.people.as_role("supervisor"), recorded.own)
        wait_until(page, IS_PLAYING)
        assert page.inner_text("[data-play-word]") == "Pause"
        page.keyboard.press("k")
        wait_until(page, "document.querySelector('video').paused")
        page.keyboard.press("j")
        wait_until(page, "document.querySelector('video').currentTime === 0")
        page.keyboard.press(".")
        wait_until(page, "Math.abs(document.querySelector('video').currentTime - 0.04) < 0.011")
        page.keyboard.press(",")
        wait_until(page, "document.querySelector('video').currentTime < 0.005")
        page.keyboard.press("l")
        wait_until(page, "document.querySelector('video').currentTime > 2.5")
        page.select_option("[data-speed]", "2")
        assert page.evaluate("document.querySelector('video').playbackRate") == 2
        # What is typed is text, not a command.
        page.fill("#note-text", "")
        page.locator("#note-text").press("j")
        assert page.evaluate("document.querySelector('video').currentTime") > 2.5
        wait_until(page, "document.querySelector('[data-clock]').textContent === '14:03:23'")


def test_a_note_is_added_where_the_player_is_without_leaving_it(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        enter(page, recorded, recorded.people.as_role("supervisor"), recorded.own)
        wait_until(page, IS_PLAYING)
        page.keyboard.press("k")
        page.evaluate("window.stays = true; document.querySelector('video').currentTime = 2")
        wait_until(page, "document.querySelector('#note-at').value === '0:02'")
        page.fill("#note-text", "seals are put on")
        page.press("#note-text", "Enter")
        page.wait_for_selector("text=seals are put on")
        assert page.evaluate("window.stays")
        page.evaluate("document.querySelector('video').currentTime = 0")
        page.click(".marks button[aria-label*='seals are put on']")
        wait_until(page, "document.querySelector('video').currentTime === 2")
        # The other forms' version is still good: a note outdates nobody's decision.
        page.fill("#label-own", "after a note")
        page.click(".labelling button")
        page.wait_for_selector(".tag:has-text('after a note')")
        assert page.evaluate("window.stays")


def test_what_one_adds_stands_in_the_chain_of_custody_at_once(recorded: Recorded, browser: Browser) -> None:
    person = recorded.people.as_role("evidence_administrator")
    with open_page(browser, recorded.people.system.url) as page:
        enter(page, recorded, person, recorded.own)
        page.fill("#note-text", "beside the chain")
        page.click(".adding button")
        page.wait_for_selector("#custody li >> text=beside the chain")
        # The label is set on what the page now shows, so nobody is told of a conflict with oneself.
        page.fill("#label-own", "told at once")
        page.click(".labelling button")
        page.wait_for_selector("#custody li >> text=told at once")
        page.locator("#custody [data-check]").first.click()
        page.wait_for_selector("#custody li.proved")


def test_a_file_that_cannot_be_played_says_so(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        page.route("**/media/**", lambda route: route.fulfill(body=b"nothing a player knows", content_type="video/mp4"))
        enter(page, recorded, recorded.people.as_role("supervisor"), recorded.own)
        page.wait_for_selector("text=This browser cannot play this kind of file")
        assert page.is_visible("text=Download the original")


def test_an_access_that_ended_is_told_by_the_player(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        page.route("**/media/**", lambda route: route.fulfill(status=403, body=b""))
        enter(page, recorded, recorded.people.as_role("supervisor"), recorded.own)
        page.wait_for_selector("text=Your access has ended")


def test_every_line_is_proved_in_the_page(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        sign_in(page, recorded.people.as_role("supervisor").name, PASSWORD)
        page.goto(f"/recordings/{recorded.own}/history")
        page.click("[data-check-all]")
        page.wait_for_selector("text=All lines checked")
        count = page.locator("li[data-index]").count()
        assert page.locator("li.proved").count() == count > 0
        # Chromium knows Ed25519, so the checkpoint's signature was checked too.
        assert page.locator("text=signature of the checkpoint good").count() == count


def tamper(kind: str, proof: dict[str, object]) -> None:
    """Change one thing in a proof as a lying server might."""
    if kind == "leaf":
        leaf = bytearray(base64.b64decode(str(proof["leaf"])))
        leaf[-40] ^= 1
        proof["leaf"] = base64.b64encode(leaf).decode()
    elif kind == "path":
        path = proof["path"]
        assert isinstance(path, list)
        first = bytearray(base64.b64decode(path[0]))
        first[0] ^= 1
        path[0] = base64.b64encode(first).decode()
    elif kind == "signature":
        head, _, last = str(proof["checkpoint"]).rstrip("\n").rpartition(" ")
        signature = bytearray(base64.b64decode(last))
        signature[-1] ^= 1
        proof["checkpoint"] = f"{head} {base64.b64encode(signature).decode()}\n"
    elif kind == "size":
        text = str(proof["checkpoint"]).split("\n")
        text[1] = str(int(text[1]) + 1)
        proof["checkpoint"] = "\n".join(text)
    else:
        openings = proof["openings"]
        assert isinstance(openings, dict)
        openings["actor"]["value"]["name"] = "somebody else"


@pytest.mark.parametrize("kind", ["leaf", "path", "signature", "size", "opening"])
def test_a_tampered_proof_is_false(recorded: Recorded, browser: Browser, kind: str) -> None:
    def answer(route: Route) -> None:
        proof = json.loads(route.fetch().body())
        tamper(kind, proof)
        route.fulfill(json=proof)

    with open_page(browser, recorded.people.system.url, language="en") as page:
        page.route("**/proofs/*", answer)
        sign_in(page, recorded.people.as_role("supervisor").name, PASSWORD)
        page.goto(f"/recordings/{recorded.own}/history")
        page.locator("[data-check]").last.click()
        page.wait_for_selector("text=The proof does not hold")
        assert page.locator("li.false").count() == 1
        assert page.locator("li.proved").count() == 0


def test_the_proof_of_another_line_is_false(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        sign_in(page, recorded.people.as_role("supervisor").name, PASSWORD)
        page.goto(f"/recordings/{recorded.own}/history")
        last = page.locator("li[data-index]").last.get_attribute("data-index")
        page.route("**/proofs/*", lambda route: route.continue_(url=route.request.url.rpartition("/")[0] + f"/{last}"))
        page.locator("[data-check]").first.click()
        page.wait_for_selector("text=The proof does not hold")


def test_a_line_that_was_dropped_is_missed(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        sign_in(page, recorded.people.as_role("supervisor").name, PASSWORD)
        page.goto(f"/recordings/{recorded.own}/history")
        page.evaluate("document.querySelectorAll('li[data-index]')[1].remove()")
        page.click("[data-check-all]")
        page.wait_for_selector("text=Lines whose check failed")


def test_a_proof_that_cannot_be_fetched_is_not_called_false(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        page.route("**/proofs/*", lambda route: route.abort())
        sign_in(page, recorded.people.as_role("supervisor").name, PASSWORD)
        page.goto(f"/recordings/{recorded.own}/history")
        page.locator("[data-check]").first.click()
        page.wait_for_selector("text=could not be fetched")
        assert page.locator("li.false").count() == 0


def test_where_the_browser_knows_no_such_signature_it_says_so(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        page.add_init_script("SubtleCrypto.prototype.importKey = () => Promise.reject(new Error('NotSupported'));")
        sign_in(page, recorded.people.as_role("supervisor").name, PASSWORD)
        page.goto(f"/recordings/{recorded.own}/history")
        page.locator("[data-check]").first.click()
        page.wait_for_selector("text=signature not checked here")


def test_the_timeline_prints_whole(recorded: Recorded, browser: Browser) -> None:
    with open_page(browser, recorded.people.system.url, language="en") as page:
        sign_in(page, recorded.people.as_role("supervisor").name, PASSWORD)
        page.goto(f"/recordings/{recorded.own}/history")
        page.emulate_media(media="print")
        assert page.is_visible("text=Received and sealed")
        assert not page.is_visible("[data-check-all]")
        assert not page.is_visible("nav.side")

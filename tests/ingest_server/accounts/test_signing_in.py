"""Signing in at the pages: links, passwords, throttling, sessions."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ingest_server.accounts.signing_in import name_browser
from ingest_server.accounts.users import add_user, renew_link
from ingest_server.custody.actors import operator_actor
from ingest_server.web.visits import safe_path
from tests.support.people import PASSWORD, Person

if TYPE_CHECKING:
    from tests.support.people import People


def make_link(people: People, name: str) -> str:
    with people.installation() as installation:
        return add_user(installation, operator_actor(), name, "supervisor")


def test_a_link_sets_a_password_and_signs_in_once(people: People) -> None:
    link = make_link(people, "once")
    person = Person(people.system.url, "once")
    person.spend(link)
    assert "once" in person.read("/me")
    again = Person(people.system.url, "once").request(
        "POST", "/link", {"token": link.partition("#")[2], "password": PASSWORD, "again": PASSWORD}
    )
    assert again.status == 403
    assert b"used before" in again.data


def test_a_renewed_link_ends_the_earlier_one(people: People) -> None:
    first = make_link(people, "renewed")
    with people.installation() as installation:
        second = renew_link(installation, operator_actor(), "renewed")
    fields = {"token": first.partition("#")[2], "password": PASSWORD, "again": PASSWORD}
    assert Person(people.system.url, "renewed").request("POST", "/link", fields).status == 403
    Person(people.system.url, "renewed").spend(second)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "weakling-name"])
def test_a_weak_password_is_refused_and_the_link_stays_good(people: People, password: str) -> None:
    name = "weakling-name" if password == "weakling-name" else f"weak-{len(password)}"
    link = make_link(people, name)
    person = Person(people.system.url, name)
    fields = {"token": link.partition("#")[2], "password": password, "again": password}
    assert person.request("POST", "/link", fields).status == 400
    person.spend(link)


def test_a_wrong_password_and_an_unknown_name_read_the_same(people: People) -> None:
    people.as_role("supervisor")
    wrong = Person(people.system.url, "the-supervisor").sign_in("not the password")
    unknown = Person(people.system.url, "nobody at all").sign_in("not the password")
    assert wrong.status == unknown.status == 401
    assert wrong.data.replace(b"the-supervisor", b"") == unknown.data.replace(b"nobody at all", b"")
    assert people.types().count("account.sign_in_failed") >= 2


def test_guessing_is_throttled_even_with_the_right_password(people: People) -> None:
    people.add("guessed", "legal_reviewer")
    for _ in range(6):
        assert Person(people.system.url, "guessed").sign_in("a wrong password").status == 401
    assert Person(people.system.url, "Guessed").sign_in("a wrong password").status == 429
    answer = Person(people.system.url, "guessed").sign_in()
    assert answer.status == 429
    assert b"Too many wrong passwords" in answer.data


def test_guesses_sent_at_once_are_throttled_like_those_one_after_the_other(people: People) -> None:
    people.add("guessed-at-once", "legal_reviewer")
    with ThreadPoolExecutor(24) as pool:
        statuses = list(
            pool.map(
                lambda n: Person(people.system.url, "guessed-at-once").sign_in(f"a wrong password {n}").status,
                range(24),
            )
        )
    # Only between trying a password and noting the failure may one more slip through.
    assert statuses.count(401) <= 12
    assert statuses.count(401) + statuses.count(429) == 24


def test_the_password_is_not_guessed_from_a_session_that_was_left_open(people: People) -> None:
    person = people.add("left-open", "legal_reviewer")
    before = people.types().count("account.sign_in_failed")
    new = "four other quiet words"
    tries = [person.post("/me/password", {"old": f"wrong {n}", "password": new, "again": new}).status for n in range(7)]
    assert tries == [400] * 6 + [429]
    assert people.types().count("account.sign_in_failed") == before + 6
    assert person.post("/me/password", {"old": PASSWORD, "password": new, "again": new}).status == 429


def test_an_unknown_name_takes_as_long_as_a_wrong_password(people: People) -> None:
    people.add("timed", "legal_reviewer")
    Person(people.system.url, "warm").sign_in("warm up the hash of nobody")

    def measure(name: str) -> float:
        started = time.perf_counter()
        assert Person(people.system.url, name).sign_in("a wrong password").status == 401
        return time.perf_counter() - started

    known, unknown = [], []
    for n in range(4):
        known.append(measure("timed"))
        unknown.append(measure(f"untimed-{n}"))
    # The quickest of each: whatever else the machine does only adds. Without the hash it would be a tenth.
    assert 0.5 < min(known) / min(unknown) < 2


def test_a_link_opened_in_somebody_elses_browser_ends_the_session_there(people: People) -> None:
    person = people.add("before-in-this-browser", "supervisor")
    cookies = dict(person.cookies)
    person.spend(make_link(people, "after-in-this-browser"))
    assert person.cookies["evidock_session"] != cookies["evidock_session"]
    person.cookies = cookies
    assert person.get("/me").status == 303


def test_a_page_without_a_session_leads_to_sign_in_and_back(people: People) -> None:
    stranger = Person(people.system.url, "nobody")
    answer = stranger.get("/me")
    assert (answer.status, answer.headers["location"]) == (303, "/signin?next=%2Fme")


def test_signing_out_ends_the_session(people: People) -> None:
    person = people.add("leaver", "auditor")
    cookies = dict(person.cookies)
    assert person.post("/signout").status == 303
    person.cookies = cookies
    assert person.get("/me").status == 303


def test_a_cookie_in_the_browser_before_signing_in_is_never_the_session(people: People) -> None:
    people.as_role("supervisor")
    person = Person(people.system.url, "the-supervisor", cookies={"evidock_session": "planted"})
    person.sign_in()
    assert person.cookies["evidock_session"] != "planted"


def test_another_session_can_be_ended_by_its_owner(people: People) -> None:
    first = people.add("two-places", "supervisor")
    second = Person(people.system.url, "two-places")
    second.sign_in()
    page = second.read("/me")
    other = page.split("/me/sessions/")[1].split("/end")[0]
    assert second.post(f"/me/sessions/{other}/end").status == 303
    assert first.get("/me").status == 303
    assert second.get("/me").status == 200


def test_nobody_ends_the_session_of_somebody_else(people: People) -> None:
    victim = people.add("victim", "supervisor")
    with people.installation() as installation:
        row = installation.private.fetch_one(
            "select session_id from sessions where account_id = ?", people.account_id(victim)
        )
    assert row is not None
    assert people.as_role("supervisor").post(f"/me/sessions/{row['session_id']}/end").status == 404
    assert victim.get("/me").status == 200


def test_a_form_without_the_sessions_token_is_refused_and_recorded(people: People) -> None:
    person = people.as_role("supervisor")
    answer = person.request("POST", "/signout", {"csrf": "0" * 32})
    assert answer.status == 403
    assert person.get("/me").status == 200
    assert "csrf" in people.system.read_parts("request.refused", "refusal", "code")


def test_a_form_sent_by_another_site_is_refused(people: People) -> None:
    fields = {"name": "the-supervisor", "password": PASSWORD}
    answer = Person(people.system.url, "").request("POST", "/signin", fields, {"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403


def test_changing_the_password_ends_the_other_sessions(people: People) -> None:
    first = people.add("changer", "supervisor")
    second = Person(people.system.url, "changer")
    second.sign_in()
    new = "four other quiet words"
    assert second.post("/me/password", {"old": "wrong", "password": new, "again": new}).status == 400
    assert second.post("/me/password", {"old": PASSWORD, "password": new, "again": new}).status == 200
    assert first.get("/me").status == 303
    assert Person(people.system.url, "changer").sign_in(new).status == 303


def test_neither_password_nor_link_nor_cookie_is_stored_in_the_clear(people: People) -> None:
    link = make_link(people, "hidden")
    person = Person(people.system.url, "hidden")
    person.spend(link)
    stored = b"".join(path.read_bytes() for path in people.system.data.glob("*.db*"))
    for secret in (PASSWORD, link.partition("#")[2], person.cookies["evidock_session"]):
        assert secret.encode() not in stored


def test_the_language_is_kept(people: People) -> None:
    person = Person(people.system.url, "")
    assert person.request("POST", "/language", {"language": "zh-Hans", "next": "/signin"}).status == 303
    assert 'lang="zh-Hans"' in person.read("/signin")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "\\\\evil",
        "/a\\b",
        "/a\tb",
        "javascript:x",
        "",
        None,
    ],
)
def test_no_redirect_leads_to_another_host(target: str) -> None:
    assert safe_path(target) == "/"


def test_a_path_of_ours_is_kept() -> None:
    assert safe_path("/recordings?officer=1&text=a%2Fb") == "/recordings?officer=1&text=a%2Fb"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko) Chrome/156.0.0.0 Safari/537.36", "Chrome 156, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0.2210.91", "Edge 120, Windows"),
        ("<script>", "another browser"),
        ("", "another browser"),
    ],
)  # fmt: skip
def test_a_browser_is_named_as_people_call_it(agent: str, name: str) -> None:
    assert name_browser(agent) == name

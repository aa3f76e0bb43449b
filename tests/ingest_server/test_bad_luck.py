"""Bad luck and bad manners between a browser and the server: restarts, slow and oversized requests, lost rights."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import parse_shown_id
from ingest_server.access import media
from ingest_server.access.grants import use_grant
from ingest_server.access.ranges import Span
from ingest_server.accounts.sessions import COOKIE, find_viewer
from ingest_server.accounts.users import change_user
from ingest_server.custody.actors import operator_actor
from tests.support.people import OFFICER, PASSWORD, UNIT, Person

if TYPE_CHECKING:
    from tests.support.people import People
    from tests.support.recorded import Recorded

FORM_HEAD = b"POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"


def test_a_page_opened_before_a_restart_still_works_after_it(recorded: Recorded) -> None:
    system, person = recorded.people.system, recorded.people.as_role("supervisor")
    address = recorded.open(person, recorded.own)
    page = person.read(f"/recordings/{recorded.own}")
    version = page.split('name="version" value="')[1].split('"')[0]
    system.stop_server()
    system.start_server()
    # The same token and version, as the page that was open has them.
    answer = person.post(f"/recordings/{recorded.own}/labels", {"version": version, "own": "after-restart"})
    assert answer.status == 303
    assert "after-restart" in person.read(f"/recordings/{recorded.own}")
    assert person.get(address, Range="bytes=0-9").status == 206


def test_a_page_whose_session_ended_is_led_to_sign_in_and_nothing_is_done(recorded: Recorded) -> None:
    person = recorded.people.add("away-too-long", "supervisor", unit=UNIT)
    person.read(f"/recordings/{recorded.own}")
    with recorded.people.installation() as installation:
        installation.private.execute(
            "update sessions set seen_at = '2020-01-01T00:00:00.000000Z' where account_id = ?",
            recorded.people.account_id(person),
        )
    before = recorded.people.types()
    answer = person.post(f"/recordings/{recorded.own}/labels", {"version": "9", "own": "too late"})
    assert (answer.status, answer.headers["location"]) == (303, "/signin")
    answer = person.post(f"/recordings/{recorded.own}/labels", {"own": "too late"}, **{"HX-Request": "true"})
    assert (answer.status, answer.headers["hx-redirect"]) == (401, "/signin")
    assert recorded.people.types() == before


def _change(people: People, person: Person, **changed: str | None) -> None:
    facts: dict[str, str | None] = {"role": "supervisor", "officer": None, "unit": UNIT, "status": "active", **changed}
    with people.installation() as installation:
        change_user(
            installation,
            operator_actor(),
            people.account_id(person),
            role=str(facts["role"]),
            officer=facts["officer"],
            unit=facts["unit"],
            status=str(facts["status"]),
            reason="test",
        )


@pytest.mark.parametrize("changed", [{"status": "disabled"}, {"role": "auditor"}, {"unit": "4100001"}], ids=str)
def test_what_an_account_may_no_longer_do_ends_at_once(recorded: Recorded, changed: dict[str, str]) -> None:
    people = recorded.people
    name = f"changed-{next(iter(changed))}"
    person = people.add(name, "supervisor", unit=UNIT)
    if "unit" in changed:
        people.system.server("unit", "add", "4100001", "--name", "Elsewhere")
    address = recorded.open(person, recorded.own)
    assert person.get(address, Range="bytes=0-9").status == 206
    _change(people, person, **changed)
    assert person.get("/me").status == 303
    answer = person.get(address, Range="bytes=0-9")
    assert answer.status == 403
    # Nor does the old grant open for the account's next session.
    again = Person(people.system.url, name)
    assert again.sign_in().status == (401 if "status" in changed else 303)
    assert again.get(address, Range="bytes=0-9").status == 403


def test_an_answer_under_way_breaks_off_when_the_account_is_disabled(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = recorded.people
    person = people.add("watching-now", "supervisor", unit=UNIT)
    address = recorded.open(person, recorded.own)
    evidence_id = parse_shown_id(recorded.own)
    monkeypatch.setattr(media, "RECHECK_S", -1.0)
    with people.installation() as installation:
        viewer = find_viewer(installation, person.cookies[COOKIE])
        assert viewer is not None
        grant = use_grant(installation, viewer, address.split("/")[2], evidence_id)
        row = installation.catalogue.fetch_one("select * from recordings where evidence_id = ?", evidence_id)
        assert row is not None
        opened = media.Opened(installation, viewer, grant, row, "video/mp4")
        assert next(media._read_guarded(opened, Span(0, 10)))
        _change(people, person, status="disabled")
        with pytest.raises(ConnectionAbortedError):
            next(media._read_guarded(opened, Span(0, 10)))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"GET /me HTTP/1.1\r\nHost: x\r\nX-A: ",
        FORM_HEAD + b"Content-Length: 1000\r\n\r\nname=",
        b"POST /api/v1/casefiles HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        b"POST /dock/v1/dockings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
    ids=["nothing", "half a line", "half a header", "half a form", "half a document", "half a chunk"],
)
def test_slow_requests_hold_up_nobody(recorded: Recorded, sent: bytes) -> None:
    person = recorded.people.as_role("supervisor")
    with ExitStack() as lines:
        for _ in range(150):
            line = socket.create_connection(("127.0.0.1", recorded.people.system.port))
            lines.enter_context(closing(line))
            line.sendall(sent)
        started = time.monotonic()
        for _ in range(5):
            assert person.get("/me").status == 200
        assert time.monotonic() - started < 10


def test_a_slow_form_of_somebody_known_holds_up_nobody(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    head = (
        f"POST /recordings/{recorded.own}/notes HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\ncsrf="
    )
    with ExitStack() as lines:
        for _ in range(60):
            line = socket.create_connection(("127.0.0.1", recorded.people.system.port))
            lines.enter_context(closing(line))
            line.sendall(head.encode())
        started = time.monotonic()
        for _ in range(5):
            assert person.get("/me").status == 200
        assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("path", "headers", "fields"),
    [
        ("/recordings?text=" + "x" * 60_000, {}, None),
        ("/recordings?" + "&".join(f"a{n}=1" for n in range(5000)), {}, None),
        ("/me", {"X-Large": "x" * 60_000}, None),
        ("/me", {"Accept-Language": ",".join(["xx"] * 10_000)}, None),
        ("/me", {"Range": "bytes=" + ",".join(["0-1"] * 5000)}, None),
        ("/signin", {}, {"name": "x" * 500_000, "password": "y"}),
        ("/signin", {}, {"name": "x", "password": "y" * 500_000}),
        ("/signin", {}, {f"f{n}": "" for n in range(20_000)}),
        ("/signin", {}, {"name": "x" * 3_000_000}),
        ("/language", {}, {"language": "en", "next": "/" + "x" * 100_000}),
    ],
    ids=["query", "pairs", "header", "languages", "ranges", "name", "password", "fields", "form", "next"],
)  # fmt: skip
def test_an_oversized_request_is_refused_or_answered(
    recorded: Recorded, path: str, headers: dict[str, str], fields: dict[str, str] | None
) -> None:
    person = recorded.people.as_role("supervisor")
    answer = person.request("GET" if fields is None else "POST", path, fields, headers)
    assert answer.status in {200, 303, 400, 401, 413, 414, 431}
    if fields is not None:
        assert answer.status in {400, 413}
    assert person.get("/me").status == 200


def test_a_form_that_does_not_say_how_long_it_is_is_refused(recorded: Recorded) -> None:
    with closing(socket.create_connection(("127.0.0.1", recorded.people.system.port))) as line:
        line.sendall(FORM_HEAD + b"Transfer-Encoding: chunked\r\n\r\n6\r\nname=a\r\n0\r\n\r\n")
        line.settimeout(10)
        assert line.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "cookie", ["x" * 50_000, "evidock_session=" + "x" * 5000, "evidock_session=é", "=;;=", "a" * 101]
)
def test_a_cookie_that_is_none_is_nobody(recorded: Recorded, cookie: str) -> None:
    stranger = Person(recorded.people.system.url, "nobody")
    answer = stranger.request("GET", "/me", headers={"Cookie": cookie.encode().decode("latin-1")})
    assert answer.status in {303, 400, 431}


def test_nothing_secret_is_ever_in_the_ledger_the_catalogue_or_the_servers_own_words(recorded: Recorded) -> None:
    people, system = recorded.people, recorded.people.system
    administrator = people.as_role("security_administrator")
    made = administrator.post("/registers/accounts", {"name": "told-once", "role": "auditor"}).data.decode()
    link = made.split("/link#")[1].split('"')[0].split("<")[0]
    assert link not in administrator.read("/registers")
    stranger = Person(system.url, "told-once")
    stranger.spend(f"#{link}")
    stranger.sign_in("a mistaken secret phrase")
    Person(system.url, "a password typed as a name").sign_in("x")
    token = system.server("token", "add", "told", "--role", "auditor").stdout.split()[-1]
    code = system.server("dock", "add", "second").stdout.split()[-1]
    person = people.as_role("supervisor")
    recorded.open(person, recorded.own)
    person.get(f"/media/{'0' * 32}/{recorded.own}")
    secrets = [
        PASSWORD, link, "a mistaken secret phrase", "a password typed as a name", token, code, code.replace("-", ""),
        person.csrf, person.cookies[COOKIE], stranger.cookies[COOKIE],
    ]  # fmt: skip
    places = [*system.data.glob("*.db*"), *system.data.rglob("*.log"), system.folder / "server.log"]
    assert any(place.name == "ledger.db" for place in places)
    for place in places:
        # The token of forms is kept beside its session, for as long as that lasts.
        known = {person.csrf} if place.name.startswith("private") else set()
        content = place.read_bytes()
        assert not [s for s in secrets if s not in known and s.encode() in content], place
    assert OFFICER.encode() in (system.data / "ledger.db").read_bytes()


def test_many_who_guess_at_once_hold_up_nobody_else(recorded: Recorded) -> None:
    """The last of this file: afterwards this address may not sign in for a while."""
    person = recorded.people.as_role("supervisor")
    with ExitStack() as lines:
        for n in range(150):
            line = socket.create_connection(("127.0.0.1", recorded.people.system.port))
            lines.enter_context(closing(line))
            body = f"name=guess{n}&password=wrong".encode()
            line.sendall(FORM_HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        slowest = 0.0
        for _ in range(5):
            started = time.monotonic()
            assert person.get("/me").status == 200
            slowest = max(slowest, time.monotonic() - started)
    assert slowest < 3

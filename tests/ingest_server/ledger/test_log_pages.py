"""The custody log's pages at a running server: reading, reviewing, following up."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from chain_of_custody.note import parse_vkey
from chain_of_custody.proofs import LogProof, parse_log_proof, verify_log_proof
from ingest_server.accounts.users import change_user
from ingest_server.custody.actors import Actor, operator_actor
from ingest_server.custody.recording import Event
from tests.support.people import Person

if TYPE_CHECKING:
    from tests.support.people import People

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def find_events(people: People, kind: str) -> list[int]:
    return [event["index"] for event in people.system.events() if event["type"] == kind]


def last_review(page: str) -> str:
    found = re.search(r'name="previous" value="(-?\d+)"', page)
    assert found
    return found[1]


def refuse_somebody(people: People) -> int:
    """A refusal of the officer; its index."""
    assert people.as_role("officer").get("/log").status == 403
    return find_events(people, "request.refused")[-1]


def test_lines_are_newest_first_and_lead_to_their_records(people: People) -> None:
    page = people.as_role("auditor").read("/log")
    shown = [int(index) for index in re.findall(r'<a href="/log/(\d+)">#', page)]
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] == 0
    assert "Ledger opened" in page
    assert "保管台账" in Person(people.system.url, "", "zh-Hans", people.as_role("auditor").cookies).read("/log")


def test_paging_reaches_every_line_both_ways(people: People) -> None:
    with people.installation() as installation:
        for number in range(120):
            event = Event("later.invented", "officer", f"{number:032x}", {"officer": {"number": f"9{number:05}"}})
            installation.custody.record(operator_actor(), event)
    auditor = people.as_role("auditor")
    seen, path, pages = [], "/log?type=later.invented", []
    while path:
        page = auditor.read(path)
        seen += re.findall(r'<a href="/log/(\d+)">#', page)
        pages.append(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert [int(index) for index in seen] == find_events(people, "later.invented")[::-1]
    back = re.search(r'href="([^"]+)" rel="prev"', pages[1])
    assert back
    above = re.findall(r'<a href="/log/(\d+)">#', auditor.read(back[1].replace("&amp;", "&")))
    assert above == re.findall(r'<a href="/log/(\d+)">#', pages[0])


@pytest.mark.parametrize(
    ("query", "there", "absent"),
    [
        ("type=accounts", "Signed in", "Ledger opened"),
        ("type=ledger.opened", "Ledger opened", "Signed in"),
        ("actor=operator", "operator", "Signed in"),
        ("actor=nobody+was+called+so", "No event fits", "Ledger opened"),
        ("subject=3100457", "Unit registered", "Ledger opened"),
        ("subject=ledger", "Ledger opened", "Unit registered"),
        ("subject=unknown", "No event fits", "Ledger opened"),
        ("since=2020-01-01&goto=0", "Ledger opened", "No event fits"),
        ("since=2199-01-01", "No event fits", "Ledger opened"),
        ("until=2020-01-01T10:00", "No event fits", "Ledger opened"),
        ("goto=3", "Unit registered", "Account made"),
        ("goto=2020-01-01", "No event fits", "Ledger opened"),
    ],
)
def test_a_filter_shows_only_what_fits(people: People, query: str, there: str, absent: str) -> None:
    lines = people.as_role("auditor").read(f"/log?{query}").partition('id="lines"')[2]
    assert there in lines
    assert absent not in lines


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "until=2026-02-30",
        "outcome=maybe",
        "before=-1",
        "before=x",
        "before=9999999999999999",
        "goto=x",
        "actor=" + "a" * 201,
        "subject=a%00b",
        "since=0001-01-01",
        "new=2",
        "after=١٢",
    ],
)
def test_a_filter_that_is_none_is_refused_in_words(people: People, query: str) -> None:
    assert people.as_role("auditor").get(f"/log?{query}").status == 400


@pytest.mark.parametrize("index", ["999999", "x", "-1", "0x1", "1" * 30, "%00", "²"])
def test_an_entry_that_is_not_there_is_not_found(people: People, index: str) -> None:
    for tail in ("", "/proof", "/proof.tlog-proof", "/leaf.json", "/record.json"):
        assert people.as_role("auditor").get(f"/log/{index}{tail}").status == 404


def test_a_refusal_stands_out_and_names_who_was_refused(people: People) -> None:
    index = refuse_somebody(people)
    line = re.search(
        rf'<tr class="refused">\s*<td[^>]*><a href="/log/{index}">.*?</tr>',
        people.as_role("auditor").read("/log"),
        re.DOTALL,
    )
    assert line
    assert "the-officer" in line[0]
    assert "the role does not allow it" in line[0]
    assert "GET /log" in line[0]
    assert "#bad" in line[0]


def test_a_refusal_is_followed_up_with_a_note(people: People) -> None:
    admin, index = people.as_role("evidence_administrator"), refuse_somebody(people)
    assert f'/log/{index}"' in admin.read("/log?outcome=open")
    assert "Not followed up yet" in admin.read(f"/log/{index}")
    answer = admin.post(f"/log/{index}/note", {"note": f"Asked the officer.\r\n{HOSTILE[:-1]}"})
    assert (answer.status, answer.headers["location"]) == (303, f"/log/{index}#follow-up")
    page = admin.read(f"/log/{index}")
    assert "Asked the officer. &lt;img src=x onerror=alert(1)&gt;" in page
    assert "Not followed up yet" not in page
    assert f'/log/{index}"' not in admin.read("/log?outcome=open").partition('id="lines"')[2]
    assert people.system.read_parts("ledger.noted", "note", "index")[-1] == index


def test_an_empty_note_and_one_with_hidden_characters_are_refused(people: People) -> None:
    admin = people.as_role("evidence_administrator")
    for note in ("", "   ", "a\u202eb", "a\x00b", "a" * 2001):
        assert admin.post("/log/0/note", {"note": note}).status == 400
    assert admin.post("/log/999999/note", {"note": "x"}).status == 404


def test_reviewing_moves_the_line_and_leaves_only_what_is_new(people: People) -> None:
    admin = people.as_role("evidence_administrator")
    refuse_somebody(people)
    page = admin.read("/log")
    top = re.findall(r'<a href="/log/(\d+)">#', page)[0]
    fields = {"up_to": top, "previous": last_review(page), "note": "Read through."}
    assert admin.post("/log/review", fields).status == 303
    page = admin.read("/log")
    assert f"Reviewed up to #{top} by" in page
    assert "0 refusals to follow up" in page
    assert "0 events since the review" in page
    assert "Read through." in page
    newer = refuse_somebody(people)
    lines = admin.read("/log?new=1").partition('id="lines"')[2]
    assert f'/log/{newer}"' in lines
    assert f'/log/{top}"' not in lines


def test_of_two_reviews_of_the_same_state_the_second_is_told(people: People) -> None:
    admin = people.as_role("evidence_administrator")
    other = people.add("another-administrator", "evidence_administrator")
    page = admin.read("/log")
    fields = {"up_to": re.findall(r'<a href="/log/(\d+)">#', page)[0], "previous": last_review(page), "note": ""}
    with ThreadPoolExecutor(2) as both:
        statuses = list(both.map(lambda who: who.post("/log/review", fields).status, [admin, other]))
    assert sorted(statuses) == [303, 409]
    assert other.post("/log/review", fields).status == 409


@pytest.mark.parametrize(
    ("up_to", "previous"), [("x", "-1"), ("-1", "-1"), ("9999999", ""), ("1", "²"), ("1" * 19, "-1")]
)
def test_a_review_of_nothing_is_refused(people: People, up_to: str, previous: str) -> None:
    admin = people.as_role("evidence_administrator")
    refuse_somebody(people)
    asked = {"up_to": up_to, "previous": previous or last_review(admin.read("/log"))}
    assert admin.post("/log/review", asked).status == 400


def test_only_who_may_review_sees_the_forms(people: People) -> None:
    page = people.as_role("auditor").read("/log/0")
    assert "Record the note" not in page
    assert people.as_role("auditor").post("/log/0/note", {"note": "x"}).status == 403


def test_the_proof_of_an_entry_holds_for_anyone(people: People) -> None:
    auditor = people.as_role("auditor")
    value = json.loads(auditor.get("/log/2/proof").data)
    leaf = base64.b64decode(value["leaf"])
    verifiers, origin = [parse_vkey(people.system.vkey)], "evidence.example/unit"
    path = tuple(base64.b64decode(item) for item in value["path"])
    proof = LogProof(value["index"], path, value["checkpoint"].encode())
    name = parse_vkey(value["vkey"]).name
    assert name.startswith(origin)
    assert verify_log_proof(proof, leaf, verifiers, name).size > 2
    assert auditor.get("/log/2/leaf.json").data == leaf
    file = auditor.get("/log/2/proof.tlog-proof")
    assert verify_log_proof(parse_log_proof(file.data), leaf, verifiers, name).size > 2
    assert 'filename="entry-2.tlog-proof"' in file.headers["content-disposition"]


def test_a_change_shows_before_and_after(people: People) -> None:
    people.system.server("policy", "set", "lock.short_days", "9", "--reason", "a test")
    page = people.as_role("auditor").read(f"/log/{find_events(people, 'policy.changed')[-1]}")
    assert "Before and after" in page
    assert "lock.short_days" in page
    assert "a test" in page


def test_names_stay_as_they_were_and_either_finds_all(people: People) -> None:
    with people.installation() as installation:
        for number, name in enumerate(("old name", "new name")):
            event = Event("later.renamed", "officer", f"{number + 900:032x}", {"officer": {"number": f"8{number}"}})
            installation.custody.record(Actor("account", name, "e" * 32), event)
    for asked in ("old+name", "new+name"):
        lines = people.as_role("auditor").read(f"/log?actor={asked}").partition("<tbody>")[2]
        assert "old name" in lines
        assert "new name" in lines


def test_hostile_text_is_only_text(people: People) -> None:
    with people.installation() as installation:
        event = Event(
            "unit.added",
            "unit",
            "f" * 32,
            {"unit": {"code": HOSTILE, "name": HOSTILE, "parent": None}, "reason": HOSTILE},
        )
        installation.custody.record(Actor("account", HOSTILE, HOSTILE), event)
    index = find_events(people, "unit.added")[-1]
    for path in ("/log", f"/log/{index}"):
        page = people.as_role("auditor").read(path)
        assert "<img src=x" not in page
        assert "U+202E" in page
        assert "\u202e" not in page


def test_an_erased_record_says_so_and_keeps_its_place(people: People) -> None:
    with people.installation() as installation:
        change_user(
            installation,
            operator_actor(),
            people.account_id(people.as_role("auditor")),
            role="auditor",
            officer=None,
            unit="3100457",
            status="active",
            reason="erased later",
        )
    person = Person(people.system.url, "the-auditor")
    person.sign_in()
    people.as_role("auditor").cookies = person.cookies
    index = find_events(people, "account.changed")[-1]
    with closing(sqlite3.connect(people.system.data / "ledger.db")) as database:
        database.execute('delete from records where "index" = ?', (index,))
        database.commit()
    page = person.read(f"/log/{index}")
    assert "This record was erased" in page
    assert person.get(f"/log/{index}/record.json").status == 404
    assert json.loads(person.get(f"/log/{index}/proof").data)["index"] == index
    # A catalogue that is built anew knows no more than the leaf.
    people.system.server("catalogue", "rebuild")
    line: Any = re.search(rf'<a href="/log/{index}">.*?</tr>', person.read(f"/log?goto={index}"), re.DOTALL)
    assert "Account changed" in line[0]
    assert "Erased" in line[0]

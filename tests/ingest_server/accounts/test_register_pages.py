"""The security administrator's registers: accounts, links, sessions, officers, units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import show_id
from tests.support.people import OFFICER, UNIT, Person

if TYPE_CHECKING:
    from tests.support.people import People


def make_account(people: People, name: str, **changed: str) -> tuple[str, str]:
    """Make an account at the page; gives its address and its link."""
    fields = {"name": name, "role": "case_handler", "officer": "", "unit": UNIT, **changed}
    answer = people.as_role("security_administrator").post("/registers/accounts", fields)
    page = answer.data.decode()
    assert answer.status == 200, page
    link, address = re.search(r'id="link">([^<]+)<', page), re.search(r"/registers/accounts/[0-9A-Z]{26}", page)
    assert link
    assert address
    return address[0], link[1]


def facts(people: People, address: str, **changed: str) -> dict[str, str]:
    page = people.as_role("security_administrator").read(address)
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    return {
        "version": version[1], "role": "case_handler", "officer": "", "unit": UNIT, "status": "active",
        "reason": "moved", **changed,
    }  # fmt: skip


def test_an_account_is_made_and_its_link_shown_once(people: People) -> None:
    address, link = make_account(people, "new-handler")
    person = Person(people.system.url, "new-handler")
    person.spend(link)
    assert "new-handler" in person.read("/me")
    assert link.partition("#")[2] not in people.as_role("security_administrator").read(address)


def test_a_renewed_link_ends_the_earlier_one(people: People) -> None:
    address, first = make_account(people, "renewer")
    page = people.as_role("security_administrator").post(f"{address}/link").data.decode()
    second = re.search(r'id="link">([^<]+)<', page)
    assert second
    fields = {"token": first.partition("#")[2], "password": "three quiet words 7", "again": "three quiet words 7"}
    assert Person(people.system.url, "renewer").request("POST", "/link", fields).status == 403
    Person(people.system.url, "renewer").spend(second[1])


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"name": ""}, 400),
        ({"name": "a\u202eb"}, 400),
        ({"role": "emperor"}, 400),
        ({"officer": "nobody"}, 404),
        ({"unit": "nowhere"}, 404),
        ({"name": "twice"}, 409),
    ],
)
def test_an_account_that_cannot_be_is_not_made(people: People, changed: dict[str, str], status: int) -> None:
    if status == 409:
        make_account(people, "Twice")
    fields = {"name": "refused", "role": "case_handler", "officer": "", "unit": "", **changed}
    assert people.as_role("security_administrator").post("/registers/accounts", fields).status == status


def test_a_change_takes_effect_at_once_and_ends_sessions(people: People) -> None:
    address, link = make_account(people, "changing")
    person = Person(people.system.url, "changing")
    person.spend(link)
    answer = people.as_role("security_administrator").post(address, facts(people, address, role="auditor"))
    assert answer.status == 303
    assert person.get("/casefiles").status == 303
    person.sign_in()
    assert person.get("/casefiles").status == 403
    assert people.system.read_parts("account.changed", "change", "after")[-1]["role"] == "auditor"


def test_a_disabled_account_signs_in_no_more(people: People) -> None:
    address, link = make_account(people, "leaving")
    person = Person(people.system.url, "leaving")
    person.spend(link)
    people.as_role("security_administrator").post(address, facts(people, address, status="disabled"))
    assert person.sign_in().status == 401
    assert people.as_role("security_administrator").post(f"{address}/link").status == 404


def test_the_second_to_change_an_account_is_told(people: People) -> None:
    address, _ = make_account(people, "contested")
    mine, theirs = facts(people, address, role="auditor"), facts(people, address, role="supervisor")
    administrator = people.as_role("security_administrator")
    assert administrator.post(address, mine).status == 303
    answer = administrator.post(address, theirs)
    assert answer.status == 409
    assert b"Somebody else changed it meanwhile" in answer.data


def test_signing_in_meanwhile_is_no_conflict(people: People) -> None:
    address, link = make_account(people, "busy-person")
    form = facts(people, address, role="auditor")
    Person(people.system.url, "busy-person").spend(link)
    assert people.as_role("security_administrator").post(address, form).status == 303


@pytest.mark.parametrize("changed", [{"role": "evidence_administrator"}, {"status": "disabled"}])
def test_nobody_changes_their_own_role_or_disables_themselves(people: People, changed: dict[str, str]) -> None:
    administrator = people.as_role("security_administrator")
    address = f"/registers/accounts/{show_id(people.account_id(administrator))}"
    own = facts(people, address, **{"role": "security_administrator", "unit": "", **changed})
    answer = administrator.post(address, own)
    assert answer.status == 403
    assert b"own role" in answer.data
    assert administrator.get("/registers").status == 200
    assert "own_account" in people.system.read_parts("request.refused", "refusal", "code")


def test_the_security_administrator_ends_somebodys_session(people: People) -> None:
    address, link = make_account(people, "left-open")
    person = Person(people.system.url, "left-open")
    person.spend(link)
    page = people.as_role("security_administrator").read(address)
    session = re.search(rf"{address}/sessions/([0-9a-f]{{32}})/end", page)
    assert session
    assert people.as_role("security_administrator").post(f"{address}/sessions/{session[1]}/end").status == 303
    assert person.get("/me").status == 303
    assert people.types()[-1] == "account.session_revoked"


def test_units_and_officers_are_registered(people: People) -> None:
    administrator = people.as_role("security_administrator")
    unit = {"code": "W1", "name": "West squad", "parent": UNIT}
    assert administrator.post("/registers/units", unit).status == 303
    officer = {"number": "015026", "name": "周明远", "unit": "W1", "certificate": "C-1", "valid_until": "2027-01-31"}
    assert administrator.post("/registers/officers", officer).status == 303
    assert "West squad" in administrator.read("/registers?show=units")
    page = administrator.read("/registers?show=officers")
    assert all(text in page for text in ("015026", "周明远", "2027-01-31", OFFICER))


@pytest.mark.parametrize(
    ("form", "fields", "status"),
    [
        ("units", {"code": UNIT, "name": "another name"}, 409),
        ("units", {"code": "N1", "name": "n", "parent": "nowhere"}, 404),
        ("units", {"code": "", "name": "n"}, 400),
        ("officers", {"number": OFFICER, "name": "Somebody else"}, 409),
        ("officers", {"number": "1", "name": "n", "valid_until": "soon"}, 400),
        ("officers", {"number": "1", "name": "n", "unit": "nowhere"}, 404),
    ],
)
def test_an_entry_that_cannot_be_is_told(people: People, form: str, fields: dict[str, str], status: int) -> None:
    assert people.as_role("security_administrator").post(f"/registers/{form}", fields).status == status


@pytest.mark.parametrize("role", ["officer", "supervisor", "evidence_administrator", "system_administrator", "auditor"])
def test_nobody_else_reaches_the_registers(people: People, role: str) -> None:
    address, _ = make_account(people, f"target-{role}")
    person = people.as_role(role)
    for path in ("/registers", address):
        assert person.get(path).status == 403
    for path in (
        "/registers/accounts", "/registers/units", "/registers/officers", address, f"{address}/link",
        f"{address}/sessions/{'0' * 32}/end",
    ):  # fmt: skip
        assert person.post(path, {"name": "x"}).status == 403

"""Recorders at the pages: issue and return, one holder at a time, the register."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.people import OFFICER

if TYPE_CHECKING:
    import urllib3

    from tests.support.filled import Filled

ISSUE = {"officer": OFFICER, "battery": "90 %", "space": "58 GB", "clock": "+2 s", "note": ""}


def find_recorder(filled: Filled, serial: str) -> str:
    page = filled.people.as_role("evidence_administrator").read(f"/recorders?text={serial}")
    found = re.search(r"/recorders/([0-9A-Z]{26})", page)
    assert found, page
    return found[1]


def issue(filled: Filled, recorder: str, at: str, **changed: str) -> urllib3.BaseHTTPResponse:
    person = filled.people.as_role("evidence_administrator")
    return person.post(f"/recorders/{recorder}/issue", {**ISSUE, "at": at, **changed})


def give_back(filled: Filled, recorder: str, at: str, holding: str = "", **checks: str) -> urllib3.BaseHTTPResponse:
    person = filled.people.as_role("evidence_administrator")
    if not holding:
        found = re.search(r'name="holding" value="([0-9a-f]{32})"', person.read(f"/recorders/{recorder}"))
        assert found
        holding = found[1]
    fields = {"holding": holding, "at": at, "battery": "", "space": "", "clock": "", "note": "", **checks}
    return person.post(f"/recorders/{recorder}/return", fields)


def test_a_recorder_says_what_it_is_known_by_and_its_dockings(filled: Filled) -> None:
    page = filled.people.as_role("supervisor").read(f"/recorders/{find_recorder(filled, '3100457')}")
    assert "The place where it was seen" in page
    assert "front-desk" in page
    assert "3 sealed, 0 sealed before" in page


def test_a_recorder_is_issued_held_returned_and_stands_in_the_register(filled: Filled) -> None:
    recorder = find_recorder(filled, "3100457")
    assert issue(filled, recorder, "2024-03-01T08:00").status == 303
    administrator = filled.people.as_role("evidence_administrator")
    assert "since 2024-03-01 08:00" in administrator.read(f"/recorders/{recorder}")
    assert recorder in administrator.read(f"/recorders?text={OFFICER}")
    assert give_back(filled, recorder, "2024-03-01T18:30", note="镜头有划痕").status == 303
    page = administrator.read("/recorders/register?month=2024-03")
    for text in ("Li Wei", "2024-03-01 08:00", "2024-03-01 18:30", "90 %", "58 GB", "镜头有划痕"):
        assert text in page
    assert "Nothing was issued" in administrator.read("/recorders/register?month=2023-01")
    at = filled.system.read_parts("recorder.issued", "issue", "at")[-1]
    assert at == "2024-03-01T00:00:00.000000Z"


def test_the_second_holder_is_told_who_holds_it(filled: Filled) -> None:
    recorder = find_recorder(filled, "3100999")
    assert issue(filled, recorder, "2024-04-01T08:00").status == 303
    answer = issue(filled, recorder, "2024-04-01T08:01")
    assert answer.status == 409
    assert b"Somebody holds this recorder already" in answer.data
    assert give_back(filled, recorder, "2024-04-01T09:00").status == 303


def test_a_return_made_twice_is_told(filled: Filled) -> None:
    recorder = find_recorder(filled, "3100999")
    issue(filled, recorder, "2024-04-02T08:00")
    page = filled.people.as_role("evidence_administrator").read(f"/recorders/{recorder}")
    holding = re.search(r'name="holding" value="([0-9a-f]{32})"', page)
    assert holding
    assert give_back(filled, recorder, "2024-04-02T09:00").status == 303
    assert give_back(filled, recorder, "2024-04-02T09:00", holding[1]).status == 409


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"officer": "000000"}, 404),
        ({"battery": ""}, 400),
        ({"clock": " "}, 400),
        ({"space": "x" * 61}, 400),
        ({"at": "2999-01-01T00:00"}, 400),
        ({"at": "1999-01-01T00:00"}, 400),
        ({"at": "yesterday"}, 400),
        ({"note": "a\x00b"}, 400),
    ],
)
def test_what_cannot_be_is_not_issued(filled: Filled, changed: dict[str, str], status: int) -> None:
    recorder = find_recorder(filled, "3100457")
    before = filled.people.types().count("recorder.issued")
    assert issue(filled, recorder, **{"at": "2024-05-01T08:00", **changed}).status == status
    assert filled.people.types().count("recorder.issued") == before


def test_a_return_before_the_issue_cannot_be(filled: Filled) -> None:
    recorder = find_recorder(filled, "3100999")
    issue(filled, recorder, "2024-06-01T08:00")
    assert give_back(filled, recorder, "2024-05-31T08:00").status == 400
    assert give_back(filled, recorder, "2024-06-01T09:00").status == 303


@pytest.mark.parametrize("role", ["supervisor", "system_administrator", "security_administrator"])
def test_who_may_only_look_issues_nothing(filled: Filled, role: str) -> None:
    recorder, person = find_recorder(filled, "3100457"), filled.people.as_role(role)
    assert person.post(f"/recorders/{recorder}/issue", {**ISSUE, "at": "2024-07-01T08:00"}).status == 403
    assert person.post(f"/recorders/{recorder}/return", {"holding": "0" * 32}).status == 403
    assert "Issue it" not in person.read(f"/recorders/{recorder}")


def test_the_catalogue_still_follows_from_the_ledger(filled: Filled) -> None:
    assert filled.system.server("catalogue", "check").returncode == 0

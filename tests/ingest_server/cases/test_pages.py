"""Case files at the pages: opening, attaching, detaching, reach, and two people at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.filled import Filled
    from tests.support.people import Person

NUMBER = "云市监处〔2026〕318 号/a?b#c%"


def detach(filled: Filled, person: Person, casefile: str, evidence_id: str, **changed: str) -> tuple[int, str, str]:
    fields = {
        "version": filled.version(casefile),
        "stage": "investigation",
        "evidence_id": evidence_id,
        "reason": "wrong case",
        **changed,
    }
    answer = person.post(f"/casefiles/{casefile}/detachments", fields)
    return answer.status, answer.headers.get("location", ""), answer.data.decode()


def test_a_case_file_is_opened_whatever_its_number_holds(filled: Filled) -> None:
    casefile = filled.open_casefile(NUMBER)
    person = filled.people.as_role("supervisor")
    assert NUMBER in person.read(f"/casefiles/{casefile}")
    assert casefile in person.read("/casefiles?text=318")
    assert "No case file matches" in person.read("/casefiles?text=nothing-like-it")


def test_a_number_stands_under_one_title(filled: Filled) -> None:
    filled.open_casefile("2026-0001", "first")
    administrator = filled.people.as_role("evidence_administrator")
    answer = administrator.post("/casefiles", {"number": "2026-0001", "title": "second"})
    assert answer.status == 409
    assert b"already exists" in answer.data


@pytest.mark.parametrize("number", ["", " ", "a\x00b", "a\u202eb", "x" * 501])
def test_a_number_that_is_none_is_refused(filled: Filled, number: str) -> None:
    administrator = filled.people.as_role("evidence_administrator")
    assert administrator.post("/casefiles", {"number": number, "title": "t"}).status == 400


def test_markup_in_number_and_title_is_shown_as_it_is(filled: Filled) -> None:
    casefile = filled.open_casefile('<img src=x onerror="a">', "<script>alert(1)</script>")
    for path in ("/casefiles", f"/casefiles/{casefile}", f"/casefiles/{casefile}/exports"):
        page = filled.people.as_role("supervisor").read(path)
        assert "<img src=x" not in page
        assert "<script>alert" not in page
    assert "&lt;script&gt;" in page or "&lt;img" in page


def test_recordings_are_attached_to_a_stage_and_shown_there(filled: Filled) -> None:
    casefile = filled.open_casefile("attach-1")
    filled.attach(casefile, *filled.own[:2])
    page = filled.people.as_role("supervisor").read(f"/casefiles/{casefile}")
    assert all(evidence_id in page for evidence_id in filled.own[:2])
    assert "2 recordings" in page
    assert filled.own[0] not in filled.people.as_role("supervisor").read(f"/casefiles/{casefile}?stage=review")


def test_a_recording_outside_the_reach_keeps_its_place_and_says_nothing(filled: Filled) -> None:
    casefile = filled.open_casefile("withheld-1")
    filled.attach(casefile, filled.own[0], filled.foreign)
    page = filled.people.as_role("supervisor").read(f"/casefiles/{casefile}")
    assert "Withheld: outside your reach" in page
    assert filled.foreign not in page
    assert "999999" not in page
    assert filled.foreign in filled.people.as_role("evidence_administrator").read(f"/casefiles/{casefile}")


def test_nobody_attaches_or_detaches_what_is_outside_their_reach(filled: Filled) -> None:
    casefile = filled.open_casefile("reach-1")
    filled.attach(casefile, filled.foreign)
    supervisor = filled.people.as_role("supervisor")
    fields = {"version": filled.version(casefile), "stage": "review", "reason": "r", "evidence_id": filled.foreign}
    answer = supervisor.post(f"/casefiles/{casefile}/attachments", fields)
    assert answer.status == 404
    assert b"no such recording within your reach" in answer.data
    assert detach(filled, supervisor, casefile, filled.foreign)[0] == 404
    assert filled.foreign not in supervisor.read(f"/casefiles/{casefile}/attach")


def test_a_search_for_what_to_attach_finds_by_file_name(filled: Filled) -> None:
    casefile = filled.open_casefile("find-1")
    page = filled.people.as_role("supervisor").read(f"/casefiles/{casefile}/attach?text=_0002.MP4")
    assert filled.own[1] in page
    assert filled.own[0] not in page


def test_detaching_is_undone_and_both_acts_stay(filled: Filled) -> None:
    casefile = filled.open_casefile("undo-1")
    filled.attach(casefile, filled.own[0])
    supervisor = filled.people.as_role("supervisor")
    status, location, _ = detach(filled, supervisor, casefile, filled.own[0])
    assert status == 303
    page = supervisor.read(location)
    assert "1 recording was detached" in page
    assert "Undo" in page
    undone = {"version": filled.version(casefile), "stage": "investigation", "reason": "Detaching undone"}
    assert supervisor.post(f"/casefiles/{casefile}/attachments", {**undone, "evidence_id": filled.own[0]}).status == 303
    assert filled.own[0] in supervisor.read(f"/casefiles/{casefile}")
    acts = [event["type"] for event in filled.system.events() if event["type"].startswith("recording.")]
    assert acts[-2:] == ["recording.detached", "recording.attached"]


def test_the_second_of_two_people_is_told_and_nothing_is_overwritten(filled: Filled) -> None:
    casefile = filled.open_casefile("two-1")
    filled.attach(casefile, *filled.own[:2])
    version = filled.version(casefile)
    first, second = filled.people.as_role("supervisor"), filled.people.as_role("case_handler")
    assert detach(filled, first, casefile, filled.own[0], version=version)[0] == 303
    status, _, page = detach(filled, second, casefile, filled.own[1], version=version)
    assert status == 409
    assert "Somebody else changed it meanwhile" in page
    assert filled.own[1] in page
    assert filled.own[0] not in page


def test_attaching_on_an_old_version_is_refused_with_what_was_typed(filled: Filled) -> None:
    casefile = filled.open_casefile("two-2")
    version = filled.version(casefile)
    filled.attach(casefile, filled.own[0])
    fields = {"version": version, "stage": "review", "reason": "my careful reason", "evidence_id": filled.own[1]}
    answer = filled.people.as_role("supervisor").post(f"/casefiles/{casefile}/attachments", fields)
    assert answer.status == 409
    assert b"my careful reason" in answer.data


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"stage": "nowhere"}, 400),
        ({"reason": " "}, 400),
        ({"version": "x"}, 400),
        ({"evidence_id": "no id"}, 400),
        ({"evidence_id": ""}, 400),
        ({"evidence_id": "0" * 26}, 404),
    ],
)
def test_a_form_that_is_wrong_changes_nothing(filled: Filled, changed: dict[str, str], status: int) -> None:
    casefile = filled.open_casefile(f"wrong-{changed}")
    before = filled.version(casefile)
    fields = {"version": before, "stage": "review", "reason": "r", "evidence_id": filled.own[0], **changed}
    assert filled.people.as_role("supervisor").post(f"/casefiles/{casefile}/attachments", fields).status == status
    assert filled.version(casefile) == before


@pytest.mark.parametrize("path", ["/casefiles/x", "/casefiles/%2e%2e", f"/casefiles/{'0' * 26}", "/casefiles/%00"])
def test_an_address_of_no_case_file_is_not_found(filled: Filled, path: str) -> None:
    assert filled.people.as_role("supervisor").get(path).status == 404


@pytest.mark.parametrize("role", ["officer", "auditor", "system_administrator", "security_administrator"])
def test_a_role_without_case_files_sees_none(filled: Filled, role: str) -> None:
    casefile = filled.open_casefile(f"refused-{role}")
    person = filled.people.as_role(role)
    for path in ("/casefiles", f"/casefiles/{casefile}", f"/casefiles/{casefile}/attach"):
        assert person.get(path).status == 403


@pytest.mark.parametrize("form", ["", "/attachments", "/detachments", "/documents/00000000000000000000000000/remove"])
def test_who_may_only_read_changes_nothing(filled: Filled, form: str) -> None:
    casefile = filled.open_casefile(f"readonly-{form}")
    reviewer = filled.people.as_role("legal_reviewer")
    path = f"/casefiles/{casefile}{form}" if form else "/casefiles"
    assert reviewer.post(path, {"number": "n", "title": "t", "version": "1"}).status == 403
    assert "Attach recordings" not in reviewer.read(f"/casefiles/{casefile}")


def test_the_catalogue_still_follows_from_the_ledger(filled: Filled) -> None:
    assert filled.system.server("catalogue", "check").returncode == 0

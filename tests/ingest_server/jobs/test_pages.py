"""Pages of background work: what they show to whom, and what may be done there."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ingest_server.jobs.database import JobsDatabase
from tests.support.browser import check_access, check_width, open_page, sign_in
from tests.support.films import write_film
from tests.support.people import PASSWORD
from tests.support.received import receive
from tests.support.running import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.people import People

HOSTILE = "DCIM/<script>alert(1)</script>\u202e4pm.mp4"
STATES = ("waiting", "running", "done", "failed", "cancelled")


@pytest.fixture
def rows(people: People, tmp_path: Path) -> Iterator[dict[str, int]]:
    """One job in each state, of a recording with a hostile name; gives their numbers."""
    film = write_film(tmp_path / "a.mp4", 1)
    with people.installation() as installation, closing(JobsDatabase(installation.data)) as jobs:
        jobs.execute("delete from jobs")
        evidence_id = receive(installation, film, HOSTILE)
        wanted = [(index, "pictures", evidence_id, 10) for index in range(len(STATES))]
        jobs.add_jobs("evidence.example/unit/2026", wanted, 0, "2026-11-25T00:00:00.000000Z")
        numbers = {}
        for state, row in zip(STATES, jobs.fetch("select job_id from jobs order by job_id"), strict=True):
            jobs.execute(
                "update jobs set state = ?, done = 700, total = 1000, attempts = 1, reason = ? where job_id = ?",
                *(state, f"because of <b>{state}</b>", row["job_id"]),
            )
            numbers[state] = row["job_id"]
        yield numbers
        jobs.execute("delete from jobs")
        jobs.execute("delete from flags")


def count(people: People, kind: str) -> int:
    return people.types().count(kind)


def test_progress_is_shown_in_bytes_and_per_cent(people: People, rows: dict[str, int]) -> None:
    page = people.as_role("evidence_administrator").read("/work")
    assert '<progress max="1000" value="700"' in page
    assert "70%" in page


def test_names_and_reasons_from_outside_are_text(people: People, rows: dict[str, int]) -> None:
    page = people.as_role("evidence_administrator").read("/work")
    assert "<script>alert" not in page
    assert "<b>failed</b>" not in page
    assert "U+202E" in page


def test_jobs_are_listed_by_state(people: People, rows: dict[str, int]) -> None:
    page = people.as_role("evidence_administrator").read("/work?state=failed")
    assert f'id="job-{rows["failed"]}"' in page
    assert f'id="job-{rows["done"]}"' not in page
    for odd in ("state=nonsense", "before=x", "before=-1", "before=99999999999999999999", "before=1&state=failed"):
        people.as_role("evidence_administrator").read(f"/work?{odd}")


def test_recordings_outside_ones_reach_are_not_named(people: People, rows: dict[str, int]) -> None:
    page = people.as_role("system_administrator").read("/work")
    assert "DCIM/" not in page
    assert "outside your reach" in page


@pytest.mark.parametrize("role", ["officer", "case_handler", "legal_reviewer", "auditor", "security_administrator"])
def test_who_may_not_see_work_is_refused(people: People, role: str) -> None:
    person, before = people.as_role(role), count(people, "request.refused")
    assert person.get("/work").status == 403
    assert count(people, "request.refused") == before + 1


@pytest.mark.parametrize("act", ["pause", "resume", "{waiting}/cancel", "{failed}/again"])
def test_who_may_only_look_changes_nothing(people: People, rows: dict[str, int], act: str) -> None:
    person = people.as_role("supervisor")
    before = people.types()
    answer = person.post(f"/work/{act.format(**rows)}", {"reason": "because"})
    assert answer.status == 403
    added = people.types()[len(before) :]
    assert added == ["request.refused"]
    page = people.as_role("supervisor").read("/work")
    assert 'action="/work/pause"' not in page


def test_a_job_page_is_for_who_may_act(people: People, rows: dict[str, int]) -> None:
    assert people.as_role("supervisor").get(f"/work/{rows['failed']}").status == 403


def test_cancelling_needs_a_reason_and_is_an_event(people: People, rows: dict[str, int]) -> None:
    person = people.as_role("system_administrator")
    assert person.post(f"/work/{rows['waiting']}/cancel", {"reason": " "}).status == 400
    before = count(people, "work.cancelled")
    assert person.post(f"/work/{rows['waiting']}/cancel", {"reason": "not needed"}).status == 303
    assert count(people, "work.cancelled") == before + 1
    assert "not needed" in person.read(f"/work/{rows['waiting']}")


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_what_has_ended_meanwhile_is_not_cancelled(people: People, rows: dict[str, int], state: str) -> None:
    before = count(people, "work.cancelled")
    answer = people.as_role("system_administrator").post(f"/work/{rows[state]}/cancel", {"reason": "too late"})
    assert answer.status == 409
    assert count(people, "work.cancelled") == before


def test_asking_again_is_an_event(people: People, rows: dict[str, int]) -> None:
    before = count(people, "work.requested")
    assert people.as_role("evidence_administrator").post(f"/work/{rows['failed']}/again").status == 303
    assert count(people, "work.requested") == before + 1


def test_pausing_and_going_on_are_events(people: People, rows: dict[str, int]) -> None:
    person = people.as_role("evidence_administrator")
    assert person.post("/work/pause", {"reason": ""}).status == 400
    assert person.post("/work/pause", {"reason": "an export needs the machine"}).status == 303
    assert "paused" in person.read("/work")
    assert person.post("/work/resume").status == 303
    assert people.types()[-2:] == ["work.paused", "work.resumed"]


def test_a_form_without_the_sessions_token_is_refused(people: People, rows: dict[str, int]) -> None:
    person = people.as_role("evidence_administrator")
    answer = person.request("POST", "/work/pause", {"reason": "because", "csrf": "x"})
    assert answer.status == 403


@pytest.mark.parametrize("path", ["/work/999999", "/work/99999999999999999999", "/work/-1"])
def test_a_job_that_is_none_is_not_found(people: People, path: str) -> None:
    assert people.as_role("evidence_administrator").get(path).status == 404


def test_programs_read_the_same(people: People, rows: dict[str, int]) -> None:
    system = people.system
    token = system.server("token", "add", "probe-w", "--role", "evidence_administrator").stdout.strip().splitlines()[-1]
    status, work = fetch(f"{system.url}/api/v1/work", token=token)
    assert status == 200
    assert work["counts"] == dict.fromkeys(STATES, 1)
    assert [(job["done"], job["total"]) for job in work["running"]] == [(700, 1000)]
    other = system.server("token", "add", "probe-o", "--role", "officer").stdout.strip().splitlines()[-1]
    assert fetch(f"{system.url}/api/v1/work", token=other)[0] == 403
    assert fetch(f"{system.url}/api/v1/work")[0] == 401


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-Hans", "dark")])
def test_the_pages_are_accessible_with_something_to_show(
    people: People, rows: dict[str, int], browser: Browser, language: str, theme: str
) -> None:
    person = people.as_role("evidence_administrator")
    with open_page(browser, people.system.url, size="phone", language=language, theme=theme) as page:
        sign_in(page, person.name, PASSWORD)
        for path in ("/work", f"/work/{rows['running']}", f"/work/{rows['failed']}"):
            page.goto(path)
            for size in ((390, 844), (1440, 900)):
                page.set_viewport_size({"width": size[0], "height": size[1]})
                check_access(page)
                check_width(page)


def test_the_page_follows_the_work_and_keeps_the_focus(people: People, rows: dict[str, int], browser: Browser) -> None:
    person = people.as_role("evidence_administrator")
    with open_page(browser, people.system.url, language="en") as page:
        sign_in(page, person.name, PASSWORD)
        page.goto("/work")
        page.focus(f"#run-{rows['running']}")
        with people.installation() as installation, closing(JobsDatabase(installation.data)) as jobs:
            jobs.execute("update jobs set done = 900 where job_id = ?", rows["running"])
        page.get_by_text("90%").first.wait_for()
        assert page.evaluate("document.activeElement.id") == f"run-{rows['running']}"

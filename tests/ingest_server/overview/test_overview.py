"""The overview: each count opens the list that it counted, nothing is hidden, and green is earned."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import ledger_subject, new_id
from chain_of_custody.signing import SigningKey
from ingest_server.accounts.sessions import COOKIE, find_viewer
from ingest_server.accounts.users import add_user
from ingest_server.cases.commands import add_casefile
from ingest_server.custody.actors import operator_actor, server_actor
from ingest_server.custody.recording import Event
from ingest_server.overview.proof_health import read_proof_health
from ingest_server.overview.tasks import list_tasks
from ingest_server.permissions import ROLES
from ingest_server.web.visits import read_zone
from tests.support.people import OFFICER, UNIT, Person

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from tests.support.people import People

ROW = re.compile(
    r'<li class="(\w+)(?: done)?">.*?<span class="num">([\d,]+)(\+?)</span>.*?<h3>(.*?)</h3>.*?</li>', re.DOTALL
)


def read_rows(page: str) -> dict[str, tuple[str, int, str]]:
    """Title to family, count and address of each row."""
    rows = {}
    for found in ROW.finditer(page):
        address = re.search(r'<a class="b" href="([^"]+)"', found[0])
        count = int(found[2].replace(",", ""))
        rows[found[4]] = (found[1], count, html.unescape(address[1]) if address else "")
    return rows


def receive(people: People, *, officer: str = OFFICER, severity: str = "") -> str:
    """A recording as the ledger tells of it; no bytes stand behind it."""
    evidence_id = new_id()
    claims: list[JsonValue] = [{"name": "officer", "value": officer, "source": "name:test"}]
    received: JsonValue = {
        "digests": {"sha2-256": f"{int(evidence_id, 16):064x}"}, "size": 1, "store_key": evidence_id,
        "version_id": "v", "lock_mode": "none", "retain_until": None,
    }  # fmt: skip
    recording: JsonValue = {
        "claims": claims, "recorder_id": "1" * 32, "dock_id": "2" * 32, "docking_id": "3" * 32, "path": "A.MP4",
        "path_b64": evidence_id,
    }  # fmt: skip
    findings: JsonValue = [{"code": "SOME", "severity": severity, "message": "seen"}] if severity else []
    parts = {"received": received, "recording": recording, "findings": findings}
    with people.installation() as installation:
        installation.custody.record(server_actor(), Event("recording.received", "recording", evidence_id, parts))
    return evidence_id


def count_listed(page: str) -> int:
    """How many the list of recordings says that it found."""
    found = re.search(r"<b>([\d,]+) found</b>", page)
    return int(found[1].replace(",", "")) if found else 0


@pytest.mark.parametrize("role", ROLES)
def test_every_row_of_every_role_leads_somewhere(people: People, role: str) -> None:
    person = people.as_role(role)
    refusals = len(people.system.read_parts("request.refused", "refusal", "code"))
    for title, (_, count, address) in read_rows(person.read("/")).items():
        if count:
            assert person.get(address).status == 200, f"{role}: {title} leads to {address}"
    # A link that leads to a refusal would also be an event.
    assert len(people.system.read_parts("request.refused", "refusal", "code")) == refusals


def test_an_officer_sees_only_own_work(people: People) -> None:
    officer = people.as_role("officer")
    before = read_rows(officer.read("/"))
    receive(people, severity="error")
    receive(people, severity="warning")
    receive(people)
    receive(people, officer="999999", severity="error")
    rows = read_rows(officer.read("/"))
    more = {"Serious findings": 1, "Doubtful findings": 1, "Not attached": 3, "New recordings": 3, "Without a label": 3}
    for title, count in more.items():
        assert rows[title][1] == before[title][1] + count, title
        assert count_listed(officer.read(rows[title][2])) == rows[title][1], title
    assert rows["Serious findings"][0] == "bad"


def test_a_label_takes_a_recording_off_the_list(people: People) -> None:
    officer, evidence_id = people.as_role("officer"), receive(people)
    before = read_rows(officer.read("/"))
    with people.installation() as installation:
        label: dict[str, JsonValue] = {"label": {"text": "争议", "listed": True}}
        installation.custody.record(server_actor(), Event("recording.labelled", "recording", evidence_id, label))
    assert read_rows(officer.read("/"))["Without a label"][1] == before["Without a label"][1] - 1
    with people.installation() as installation:
        installation.custody.record(server_actor(), Event("recording.unlabelled", "recording", evidence_id, label))
    assert read_rows(officer.read("/"))["Without a label"][1] == before["Without a label"][1]


def test_the_unit_sees_what_its_officers_recorded(people: People) -> None:
    supervisor = people.as_role("supervisor")
    before = read_rows(supervisor.read("/"))
    receive(people)
    receive(people, officer="999999")
    rows = read_rows(supervisor.read("/"))
    assert rows["Not attached"][1] == before["Not attached"][1] + 1
    assert count_listed(supervisor.read(rows["Not attached"][2])) == rows["Not attached"][1]


def test_case_files_without_recordings_are_counted_and_listed(people: People) -> None:
    with people.installation() as installation:
        add_casefile(installation, operator_actor(), "JC-1", "Nothing attached")
    handler = people.as_role("case_handler")
    _, count, address = read_rows(handler.read("/"))["Case files without recordings"]
    assert count == 1
    assert "JC-1" in handler.read(address)


def test_a_refusal_waits_until_it_is_followed_up(people: People) -> None:
    admin = people.as_role("evidence_administrator")
    before = read_rows(admin.read("/"))["Refusals to follow up"][1]
    people.as_role("officer").get("/log")
    family, count, address = read_rows(admin.read("/"))["Refusals to follow up"]
    assert (family, count, address) == ("bad", before + 1, "/log?outcome=open")
    index = max(event["index"] for event in people.system.events() if event["type"] == "request.refused")
    assert admin.post(f"/log/{index}/note", {"note": "A wrong bookmark."}).status == 303
    assert read_rows(admin.read("/"))["Refusals to follow up"][1] == before


def test_a_zero_of_nothing_is_not_green(people: People) -> None:
    rows = read_rows(people.as_role("system_administrator").read("/"))
    assert rows["Docks not heard of"][:2] == ("idle", 0)
    assert rows["Store"][:2] == ("ok", 0)


def test_a_dock_nobody_heard_of_is_named(people: People) -> None:
    key: JsonValue = {"dock_key": SigningKey.generate().public.hex, "algorithm": "ed25519"}
    with people.installation() as installation:
        start = installation.clock()
        event = Event("dock.enrolled", "dock", new_id(), {"key": key, "dock": {"name": "north gate"}})
        installation.custody.record(server_actor(), event)
        viewer = find_viewer(installation, people.as_role("system_administrator").cookies[COOKIE])
        assert viewer is not None

        def find() -> tuple[int, str]:
            tasks = list_tasks(installation, viewer, read_zone(installation))
            return next((task.count, task.note) for task in tasks if task.key == "silent_docks")

        assert find() == (0, "")
        installation.clock = lambda: start + timedelta(days=4)
        assert find() == (1, "north gate")


def test_wrong_passwords_are_counted_and_listed(people: People) -> None:
    security = people.as_role("security_administrator")
    before = read_rows(security.read("/"))["Failed sign-ins"][1]
    people.as_role("officer")
    Person(people.system.url, "the-officer").sign_in("a wrong password")
    Person(people.system.url, "nobody of that name").sign_in("a wrong password")
    _, count, address = read_rows(security.read("/"))["Failed sign-ins"]
    assert count == before + 2
    page = security.read(address)
    assert "the-officer" in page
    assert "nobody of that name" not in page
    assert people.as_role("supervisor").get(address).status == 403


def test_accounts_that_wait_for_their_link_are_counted(people: People) -> None:
    security = people.as_role("security_administrator")
    before = read_rows(security.read("/"))["Accounts without a password"][1]
    with people.installation() as installation:
        add_user(installation, operator_actor(), "waiting", "legal_reviewer", unit=UNIT)
    assert read_rows(security.read("/"))["Accounts without a password"][1] == before + 1


def test_the_health_of_the_proof_says_what_is_missing(people: People) -> None:
    page = people.as_role("auditor").read("/")
    assert "Not witnessed" in page
    assert "Not protected against this machine" in page
    assert "Never checked" in page
    with people.installation() as installation:
        health = read_proof_health(installation)
    assert health.is_receiving
    assert health.is_canary_good
    assert health.size == len(people.system.events())


def test_a_fixity_check_that_failed_is_bad(people: People) -> None:
    with people.installation() as installation:
        fixity: JsonValue = {"checked": 3, "failed": [{"evidence_id": "x", "problem": "digest_differs"}]}
        subject = ledger_subject(installation.config.origin)
        installation.custody.record(operator_actor(), Event("fixity.checked", "ledger", subject, {"fixity": fixity}))
    page = people.as_role("auditor").read("/")
    assert "1 differs" in page
    assert "3 originals read again" in page

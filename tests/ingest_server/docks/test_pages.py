"""Docks at the pages: what they are doing, enrolling from the page, revoking with what stops."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from agent.inventory import sign_inventory
from agent.judging import judge_volume
from agent.posting import post_docking
from agent.scanning import scan_volume
from agent.volumes import open_volume
from chain_of_custody.identities import parse_shown_id
from ingest_server.docks.queries import count_unreported, list_dockings
from ingest_server.docks.watching import find_unreported_limit
from tests.support.docks import copy_home, open_dock
from tests.support.recorder_volumes import fill_volume

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.filled import Filled


def find_dock(filled: Filled, name: str) -> str:
    page = filled.people.as_role("evidence_administrator").read("/docks")
    found = re.search(rf'/docks/([0-9A-Z]{{26}})"><bdi>{re.escape(name)}</bdi>', page)
    assert found, page
    return found[1]


def version_of(filled: Filled, dock: str) -> str:
    with filled.people.installation() as installation:
        head = installation.ledger.head(parse_shown_id(dock))
    assert head is not None
    return str(head.version)


def enrol(filled: Filled, name: str) -> str:
    """Enrol a dock with the command that the page shows; gives its shown identity."""
    answer = filled.people.as_role("system_administrator").post("/docks", {"name": name})
    assert answer.status == 200
    command = re.search(r'id="code">([^<]+)</pre>', answer.data.decode())
    assert command
    words = command[1].split()
    assert words[:2] == ["dock-agent", "enrol"]
    home = filled.system.folder / f"home-{name}"
    filled.system.run("dock-agent", *words[1 : words.index("--home")], "--home", home)
    return find_dock(filled, name)


def test_a_dock_shows_its_last_contact_and_what_became_of_its_last_docking(filled: Filled) -> None:
    page = filled.people.as_role("supervisor").read(f"/docks/{find_dock(filled, 'front-desk')}")
    assert re.search(r"Last contact</dt><dd>20\d\d-", page)
    assert "3 sealed" in page
    assert "3100457" in page


def test_a_dock_enrols_with_the_command_that_the_page_shows(filled: Filled) -> None:
    dock = enrol(filled, "second-desk")
    assert "No docking yet" in filled.people.as_role("supervisor").read(f"/docks/{dock}")
    assert filled.system.read_parts("dock.code_made", "code", "name")[-1] == "second-desk"


def test_an_enrolment_code_is_shown_once_and_stored_nowhere(filled: Filled) -> None:
    person = filled.people.as_role("system_administrator")
    page = person.post("/docks", {"name": "hidden-code"}).data.decode()
    found = re.search(r"--code ([A-Z2-7-]+) ", page)
    assert found
    assert found[1] not in person.read("/docks")
    stored = b"".join(path.read_bytes() for path in filled.system.data.glob("*.db*"))
    assert found[1].encode() not in stored
    assert found[1].replace("-", "").encode() not in stored


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 501])
def test_a_name_that_is_none_makes_no_code(filled: Filled, name: str) -> None:
    assert filled.people.as_role("system_administrator").post("/docks", {"name": name}).status == 400


def test_a_name_of_a_dock_is_shown_as_it_is(filled: Filled) -> None:
    page = filled.people.as_role("system_administrator").post("/docks", {"name": "<b>x</b>"}).data.decode()
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x" in page


def test_revoking_says_what_stops_and_is_an_event(filled: Filled) -> None:
    dock = enrol(filled, "third-desk")
    administrator = filled.people.as_role("system_administrator")
    assert "What stops" in administrator.read(f"/docks/{dock}/revoke")
    fields = {"version": version_of(filled, dock), "reason": "stolen"}
    assert administrator.post(f"/docks/{dock}/revoke", fields).status == 303
    assert "Revoked" in administrator.read(f"/docks/{dock}")
    assert filled.people.types()[-1] == "dock.revoked"
    volume = fill_volume(filled.system.folder / "third", {"DCIM/a.mp4": b"x" * 1000})
    assert filled.system.acquire(volume, home=filled.system.folder / "home-third-desk").exit_code != 0


def test_the_second_to_revoke_a_dock_is_told(filled: Filled) -> None:
    dock = enrol(filled, "fourth-desk")
    administrator = filled.people.as_role("system_administrator")
    fields = {"version": version_of(filled, dock), "reason": "gone"}
    assert administrator.post(f"/docks/{dock}/revoke", fields).status == 303
    answer = filled.people.as_role("evidence_administrator").post(f"/docks/{dock}/revoke", fields)
    assert answer.status in {404, 409}
    assert b"revoked already" in answer.data


def test_revoking_needs_a_reason(filled: Filled) -> None:
    dock = find_dock(filled, "front-desk")
    fields = {"version": version_of(filled, dock), "reason": " "}
    assert filled.people.as_role("system_administrator").post(f"/docks/{dock}/revoke", fields).status == 400


@pytest.mark.parametrize("role", ["officer", "case_handler", "legal_reviewer", "auditor"])
def test_a_role_without_docks_sees_none(filled: Filled, role: str) -> None:
    person = filled.people.as_role(role)
    for path in ("/docks", "/recorders", "/recorders/register"):
        assert person.get(path).status == 403


@pytest.mark.parametrize("role", ["supervisor", "security_administrator"])
def test_who_may_only_look_neither_enrols_nor_revokes(filled: Filled, role: str) -> None:
    dock, person = find_dock(filled, "front-desk"), filled.people.as_role(role)
    assert person.post("/docks", {"name": "n"}).status == 403
    assert person.get(f"/docks/{dock}/revoke").status == 403
    assert person.post(f"/docks/{dock}/revoke", {"version": "1", "reason": "r"}).status == 403
    assert "Enrol a dock" not in person.read("/docks")


def test_the_list_of_dockings_without_a_report_is_what_was_counted(filled: Filled, tmp_path: Path) -> None:
    later = "2999-01-01T00:00:00.000000Z"
    with filled.people.installation() as installation:
        assert count_unreported(installation.catalogue, later) == 0
    volume = open_volume(fill_volume(tmp_path / "pulled", {"a.mp4": b"bytes"}))
    with open_dock(copy_home(filled.system, tmp_path / "home")) as dock, volume.hold() as identity:
        dock.reach_server(is_patient=False)
        scan = scan_volume(volume, identity=identity)
        docking_id, inventory, digest = sign_inventory(dock, volume, scan, judge_volume(dock, volume, scan))
        dock.journal.add_docking(docking_id, volume.source, inventory, digest)
        post_docking(dock, docking_id)
    with filled.people.installation() as installation:
        installation.catalogue.sync()
        rows = list_dockings(installation.catalogue, open_since=later)
        assert count_unreported(installation.catalogue, later) == len(rows) == 1
        assert rows[0]["docking_id"] == docking_id
        assert find_unreported_limit(installation) < later
    assert "Nothing is missing" in filled.people.as_role("supervisor").read("/docks/unreported")

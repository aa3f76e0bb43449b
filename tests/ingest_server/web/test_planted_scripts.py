"""Markup and hidden marks planted wherever a name, a reason or a claim may stand: no page takes them for its own.

Everything that takes text gets it from here, each with a mark of its own. Then each role follows every link in
Chromium: no element may come of it, no script may run, no character may reorder a line, and each mark must be seen.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ingest_server.accounts.registers import add_officer, add_unit
from ingest_server.custody.actors import operator_actor
from tests.support.browser import open_page, sign_in
from tests.support.people import OFFICER, PASSWORD, UNIT, People
from tests.support.recorder_volumes import fill_volume
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.support.people import Person

MOST_PAGES = 60
BIDI = "\u202e\u2066\u200b"
# What only these elements of the planted markup can be.
INTRUDERS = "img[src='x'], [onerror], [data-planted], script:not([src]), iframe, a[href^='javascript']"


def plant(mark: str) -> str:
    """Markup that breaks out of a text, an attribute of either quotes, and a script."""
    return f"{mark}\"'><img src=x onerror=planted()><script data-planted>planted()</script>{{{{7*7}}}}"


def plant_name(mark: str) -> str:
    """The same as a file name may be: without a slash."""
    return f"{mark}\"'><img src=x onerror=planted()>"


@dataclass
class Planted:
    """A system where everything is planted: its people by role and where the walk begins."""

    people: People
    opened: str
    names: dict[str, str]
    starts: dict[str, list[str]]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """A server with markup in everything that people and recorders can name."""
    folder = tmp_path_factory.mktemp("planted")
    system = WholeSystem(folder)
    system.start_server()
    people = People(system)
    with people.installation() as installation:
        add_unit(installation, operator_actor(), "9900", plant("unit-name"), UNIT)
        add_officer(installation, operator_actor(), "990001", plant("officer-name"), unit="9900")
    system.enrol(None, plant("dock-name"))
    files = {
        f"DCIM/{plant_name('folder-name')}/3100457_{OFFICER}20261123140320_0001.MP4": b"a" * 5000,
        f"DCIM/{plant_name('file-name')}{BIDI}.MP4": b"b" * 5000,
        f"DCIM/3100457_{OFFICER}20261123150000_0002.MP4": b"c" * 5000,
    }
    acquired = system.acquire(fill_volume(folder / "volume", files))
    assert acquired.exit_code == 0, acquired.errors
    ids = {path: line["evidence_id"] for path, line in acquired.sealed.items()}
    clean = next(shown for path, shown in ids.items() if path.endswith("0002.MP4"))
    roles = ("evidence_administrator", "supervisor", "security_administrator", "legal_reviewer", "auditor")
    named = {role: people.add(plant(f"account-{role[:8]}")[:80], role) for role in roles}
    casefile = _plant_case(named["evidence_administrator"], clean)
    _plant_recording(named["supervisor"], clean)
    _plant_registers(named)
    with closing(sqlite3.connect(system.data / "catalogue.db")) as catalogue:
        # Our agent writes hidden marks out; another dock might sign them as they are.
        marked = f"DCIM/{plant_name('file-name')}{BIDI}.MP4"
        catalogue.execute("update recordings set path = ? where path like 'DCIM/file-name%'", (marked,))
        catalogue.execute("update recorders set serial = ?", (f"serial{BIDI}",))
        catalogue.commit()
    with people.installation() as installation:
        recorder = installation.catalogue.fetch_one("select recorder_id from recorders")
    assert recorder is not None
    issued = {"officer": OFFICER, "at": "2026-11-24T08:00", "note": plant("issue-note"), "battery": "80",
              "space": "30", "clock": "ok"}  # fmt: skip
    named["evidence_administrator"].post(f"/recorders/{recorder['recorder_id']}/issue", issued)
    starts = [f"/recordings/{shown}" for shown in ids.values()]
    starts += [f"/recordings/{shown}/history" for shown in ids.values()]
    cases = [f"/casefiles/{casefile}", f"/casefiles/{casefile}/attach", f"/casefiles/{casefile}/exports"]
    yield Planted(
        people,
        f"/recordings/{clean}",
        {role: person.name for role, person in named.items()},
        {
            "evidence_administrator": [*starts, *cases, "/recorders", "/recorders/register", "/docks", "/log"],
            "supervisor": [*starts, *cases],
            "security_administrator": ["/registers", "/registers?show=officers", "/registers?show=units"],
            "legal_reviewer": [*starts, "/casefiles"],
            "auditor": ["/log", f"/recordings/{clean}/history"],
        },
    )
    system.stop_server()


def _send(person: Person, path: str, fields: dict[str, str], *statuses: int) -> str:
    answer = person.post(path, fields)
    assert answer.status in (statuses or (303,)), f"{path}: {answer.status}\n{answer.data.decode()[:3000]}"
    return str(answer.headers.get("location", ""))


def _version(person: Person, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', person.read(path))
    assert found
    return found[1]


def _plant_case(person: Person, shown: str) -> str:
    number = plant("case-number")
    casefile = _send(person, "/casefiles", {"number": number, "title": plant("case-title")}).rpartition("/")[2]
    page = f"/casefiles/{casefile}/attach"
    fields = {"version": _version(person, page), "stage": "investigation", "reason": plant("attach-reason")}
    _send(person, f"/casefiles/{casefile}/attachments", {**fields, "evidence_id": shown})
    added = person.upload(
        f"/casefiles/{casefile}/documents",
        {"stage": "investigation", "kind": "transcript"},
        f"{plant_name('document-name')}.pdf",
        b"%PDF-1.7\n" + bytes(100),
    )
    assert added.status == 303, added.data.decode()[:3000]
    _send(person, f"/casefiles/{casefile}/exports", {"reason": plant("export-reason")})
    return casefile


def _plant_recording(person: Person, shown: str) -> None:
    path = f"/recordings/{shown}"
    reason = {"purpose": "complaint", "basis": plant("access-basis"), "reason": plant("access-reason")}
    _send(person, f"{path}/access", reason)
    _send(person, f"{path}/notes", {"at": "0:01", "text": plant("note-text")})
    label = "label\"'><img src=x onerror=planted()>"
    for name in (label, "another"):
        _send(person, f"{path}/labels", {"version": _version(person, path), "own": name})
    fields = {"version": _version(person, path), "label": "another", "reason": plant("unlabel-reason")}
    _send(person, f"{path}/labels/remove", fields)
    saved = {"name": "saved\"'><img src=x onerror=planted()>", "address": "/recordings?text=%22%3E%3Cimg+src%3Dx%3E"}
    _send(person, "/recordings/saved", saved)


def _plant_registers(named: dict[str, Person]) -> None:
    person = named["security_administrator"]
    _send(person, "/registers/accounts", {"name": plant("added-account")[:80], "role": "auditor"}, 200)
    found = re.search(r"/registers/accounts/([0-9A-Z]{26})[^0-9A-Z]", person.read("/registers"))
    assert found
    path = f"/registers/accounts/{found[1]}"
    fields = {"version": _version(person, path), "role": "legal_reviewer", "status": "active"}
    _send(person, path, {**fields, "reason": plant("account-reason")}, 303, 403)


def _walk(page: Page, starts: list[str], url: str) -> str:
    """Follow every link; returns the text of all pages."""
    ran: list[str] = []
    page.expose_function("planted", lambda: ran.append(page.url))
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    waiting, seen, texts = ["/", "/me", *starts], set(), []
    shapes: dict[str, int] = {}
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        # A few of each kind of page are enough: pages of one kind are made by one template.
        shape = re.sub(r"[0-9A-Z]{26}", "*", re.sub(r"=[^&]*", "=", path))
        shapes[shape] = shapes.get(shape, 0) + 1
        if path in seen or shapes[shape] > 3:
            continue
        seen.add(path)
        answer = page.goto(path)
        assert answer is not None
        assert answer.status < 500, path
        source = answer.text()
        for intruder in page.query_selector_all(INTRUDERS):
            raise AssertionError(f"{path}: {intruder.evaluate('e => e.outerHTML')}")
        assert not any(mark in source for mark in BIDI), f"{path} sends hidden marks as they are"
        assert "49" not in re.findall(r"planted\(\)</script>(\w*)", page.inner_text("body"))
        texts.append(source)
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        for link in links:
            assert link.startswith(("http", "blob:")), f"{path} links to {link}"
            target = link.removeprefix(url).partition("#")[0]
            if link.startswith(url) and not re.search(r"/media/|/static/|\.csv|\.json|/log/export|/export\?", target):
                waiting.append(target)
    assert not ran, ran
    return "\n".join(texts)


# What each role's pages must have shown, so that a plant which reached no page makes the test fail.
SHOWN = {
    "evidence_administrator": [
        "unit-name", "officer-name", "dock-name", "folder-name", "file-name", "case-number", "case-title",
        "attach-reason", "document-name", "export-reason", "access-basis", "label", "unlabel-reason",
        "account-evidence",
    ],
    "supervisor": ["note-text", "saved", "access-reason", "label", "case-number", "file-name"],
    "security_administrator": ["unit-name", "officer-name", "added-account", "account-security"],
    "legal_reviewer": ["case-number", "file-name"],
    "auditor": ["account-auditor"],
}  # fmt: skip


@pytest.mark.parametrize("role", list(SHOWN))
def test_no_page_takes_what_was_planted_for_its_own(planted: Planted, browser: Browser, role: str) -> None:
    url = planted.people.system.url
    with open_page(browser, url, language="en") as page:
        sign_in(page, planted.names[role], PASSWORD)
        if role == "supervisor":
            # Notes are shown only under a grant of this session.
            page.goto(planted.opened)
            csrf = page.get_attribute("body", "data-csrf") or ""
            reason = {"purpose": "complaint", "basis": plant("access-basis"), "reason": plant("access-reason")}
            page.request.post(f"{planted.opened}/access", form={"csrf": csrf, **reason})
        text = _walk(page, planted.starts[role], url)
    missing = [mark for mark in SHOWN[role] if not re.search(rf"{mark}[^<]{{0,20}}&gt;&lt;img src=x", text)]
    assert not missing, f"planted, and on no page of the walk: {missing}"

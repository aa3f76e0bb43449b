"""The log out of the house: recorded first, whole or visibly broken, safe in a spreadsheet, checkable by a stranger."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.accounts.sessions import COOKIE, find_viewer
from ingest_server.custody.actors import Actor
from ingest_server.custody.recording import Event
from ingest_server.ledger import queries
from ingest_server.ledger.asking import Asked
from ingest_server.ledger.exporting import (
    ExportStoppedError,
    cancel_export,
    defuse,
    find_ticket,
    prepare_export,
    stream_export,
)
from ingest_server.ledger.queries import LogFilter
from ingest_server.web.languages import Language
from ingest_server.web.visits import read_zone

if TYPE_CHECKING:
    from pathlib import Path

    from chain_of_custody.canonical import JsonValue
    from tests.support.people import People, Person

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "  =1"]


def export(person: Person, form: str, **asked: str) -> tuple[str, bytes]:
    """Export as a person does; the export's page and the file."""
    answer = person.post("/log/export", {"format": form, "reason": "an audit", **asked})
    assert answer.status == 303, answer.data.decode()
    place = answer.headers["location"]
    file = person.get(f"{place}/file")
    assert file.status == 200
    return place, file.data


def test_the_event_comes_before_the_bytes(people: People) -> None:
    auditor = people.as_role("auditor")
    answer = auditor.post("/log/export", {"format": "csv", "reason": "an audit", "type": "accounts"})
    assert people.types()[-1] == "ledger.exported"
    assert people.system.read_parts("ledger.exported", "export", "filter")[-1] == {"type": "accounts"}
    lines = people.system.read_parts("ledger.exported", "export", "lines")[-1]
    rows = auditor.get(answer.headers["location"] + "/file").data.decode("utf-8-sig").splitlines()
    assert len(rows) == lines + 1
    page = auditor.read(answer.headers["location"])
    assert f"All {lines} lines have left." in page


def test_a_table_holds_every_line_of_the_filter(people: People) -> None:
    _, body = export(people.as_role("auditor"), "csv")
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    events = people.system.events()
    # The export's own entry came after what it holds.
    assert [int(row["index"]) for row in rows] == list(range(len(events) - 1))
    assert [row["type"] for row in rows] == [event["type"] for event in events[:-1]]
    assert rows[0]["event"] == "Ledger opened"


def test_no_cell_is_a_formula(people: People) -> None:
    with people.installation() as installation:
        for number, text in enumerate(FORMULAS):
            parts: dict[str, JsonValue] = {"unit": {"code": text, "name": text, "parent": None}, "reason": text}
            event = Event("unit.added", "unit", f"{number + 1:032x}", parts)
            installation.custody.record(Actor("account", text, text), event)
    _, body = export(people.as_role("auditor"), "csv", type="unit.added")
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    shown = {cell for row in rows for cell in row.values()}
    assert not [cell for cell in shown if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]
    for text in FORMULAS:
        assert f"'{text}" in shown


@given(st.text(max_size=20))
def test_a_defused_cell_begins_no_formula_and_loses_nothing(cell: str) -> None:
    safe = defuse(cell)
    assert safe.removeprefix("'") == cell.removeprefix("'") or safe == f"'{cell}"
    assert not safe.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_stranger_checks_an_export_with_the_logs_key_alone(people: People, tmp_path: Path) -> None:
    place, body = export(people.as_role("auditor"), "json")
    value = json.loads(body)
    assert value["count"] == len(value["entries"]) == len(people.system.events()) - 1
    file = tmp_path / "log.json"
    file.write_bytes(body)
    done = people.system.run("custody", "check-log", file, "--vkey", people.system.vkey)
    assert f"{value['count']} lines are in the log" in done.stdout
    assert "custody check-log" in people.as_role("auditor").read(place)
    other = people.system.run("custody", "keygen", "--out", tmp_path / "k.pem", "--name", value["log_export"]["origin"])
    assert people.system.run("custody", "check-log", file, "--vkey", other.stdout.strip(), check=False).returncode == 1


def test_an_export_of_nothing_or_without_reason_is_refused(people: People) -> None:
    auditor, before = people.as_role("auditor"), len(people.system.events())
    for fields in (
        {"format": "csv", "reason": ""},
        {"format": "xlsx", "reason": "x"},
        {"format": "csv", "reason": "x", "actor": "nobody was called so"},
        {"format": "csv", "reason": "x", "since": "never"},
    ):
        assert auditor.post("/log/export", fields).status == 400
    assert len(people.system.events()) == before


def test_somebody_elses_export_is_not_found(people: People) -> None:
    place, _ = export(people.as_role("auditor"), "csv")
    other = people.as_role("evidence_administrator")
    assert other.get(place).status == 404
    assert other.get(f"{place}/file").status == 404
    assert other.post(f"{place}/cancel").status == 404


def test_a_cancelled_export_gives_no_file(people: People) -> None:
    auditor = people.as_role("auditor")
    place = auditor.post("/log/export", {"format": "csv", "reason": "x"}).headers["location"]
    assert auditor.post(f"{place}/cancel").status == 303
    assert "Cancelled" in auditor.read(place)
    assert auditor.get(f"{place}/file").status == 410


def test_cancelling_breaks_the_file_off_and_says_so(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "EXPORT_STRETCH", 1)
    people.as_role("auditor")
    with people.installation() as installation:
        viewer = find_viewer(installation, people.as_role("auditor").cookies[COOKIE])
        assert viewer is not None
        wanted = LogFilter(end=installation.ledger.checkpoint()[0].size)
        export_id = prepare_export(installation, viewer.actor, viewer, Asked(), wanted, "json", "x")
        ticket = find_ticket(installation, viewer, export_id)
        steps = iter(range(10_000))
        start = installation.clock()
        installation.clock = lambda: start + timedelta(seconds=2 * next(steps))
        pieces = stream_export(installation, ticket, Language("en"), read_zone(installation))
        next(pieces)
        next(pieces)
        assert find_ticket(installation, viewer, export_id).state == "running"
        cancel_export(installation, ticket)
        with pytest.raises(ExportStoppedError):
            list(pieces)
        assert find_ticket(installation, viewer, export_id).state == "cancelled"


def test_a_download_that_breaks_off_can_be_made_again(people: People) -> None:
    auditor = people.as_role("auditor")
    place = auditor.post("/log/export", {"format": "json", "reason": "x"}).headers["location"]
    cookie = "; ".join(f"{name}={value}" for name, value in auditor.cookies.items())
    with urllib3.PoolManager() as pool:
        answer = pool.request(
            "GET", f"{people.system.url}{place}/file", headers={"Cookie": cookie}, preload_content=False
        )
        answer.read(10)
        answer.close()
    again = auditor.get(f"{place}/file")
    assert json.loads(again.data)["count"] > 0

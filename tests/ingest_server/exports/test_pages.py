"""Packages at the pages: preview, progress, verification, download, cancelling, restarts."""

from __future__ import annotations

import io
import time
import zipfile
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import new_id, parse_shown_id, show_id
from ingest_server.accounts.users import change_user
from ingest_server.accounts.viewers import Viewer
from ingest_server.custody.actors import operator_actor, server_actor
from ingest_server.custody.recording import Event as CustodyEvent
from ingest_server.exports import runner
from ingest_server.exports.jobs import (
    ExportJob,
    ask_export,
    cancel_export,
    get_job,
    package_path,
    sweep_packages,
)
from ingest_server.exports.runner import StoppedError, mark_interrupted, run_job
from tests.support.people import UNIT, Person

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest_server.installation import Installation
    from tests.support.filled import Filled


def wait_for_end(person: Person, location: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = person.get(location, **{"HX-Request": "true"})
        assert answer.status == 200
        if answer.headers.get("hx-refresh") == "true":
            return person.read(location)
        time.sleep(0.2)
    raise AssertionError("the export did not end")


def make_package(filled: Filled, number: str) -> tuple[Person, str, str]:
    """An administrator's finished package: who, its address, its page."""
    casefile = filled.open_casefile(number)
    filled.attach(casefile, *filled.own[:2])
    administrator = filled.people.as_role("evidence_administrator")
    answer = administrator.post(f"/casefiles/{casefile}/exports", {"reason": "court order 12"})
    assert answer.status == 303, answer.data.decode()
    location = str(answer.headers["location"])
    return administrator, location, wait_for_end(administrator, location)


def test_the_preview_says_what_is_in_and_what_is_not(filled: Filled) -> None:
    casefile = filled.open_casefile("preview-1")
    filled.attach(casefile, *filled.own[:2])
    person = filled.people.as_role("supervisor")
    person.upload(
        f"/casefiles/{casefile}/documents", {"stage": "review", "kind": "other"}, "a.txt", b"the officer wrote this"
    )
    page = person.read(f"/casefiles/{casefile}/exports")
    assert "2 files, 78.1 KiB" in page
    assert "Files of text records" in page
    assert "1 file" in page.split("Files of text records")[1]


def test_a_package_is_made_verified_and_downloaded_by_who_asked(filled: Filled) -> None:
    administrator, location, page = make_package(filled, "package-1")
    assert "The offline verifier proved this package" in page
    answer = administrator.post(f"{location}/download")
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith("attachment;")
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert len([name for name in archive.namelist() if "/data/" in name]) == 2
    path = filled.system.folder / "downloaded.zip"
    path.write_bytes(answer.data)
    assert filled.system.run("custody", "verify", path, "--vkey", filled.system.vkey).returncode == 0
    assert filled.people.types()[-1] == "export.downloaded"


def test_a_package_with_text_records_verifies_and_does_not_hold_them(filled: Filled) -> None:
    casefile = filled.open_casefile("package-2")
    filled.attach(casefile, filled.own[0])
    administrator = filled.people.as_role("evidence_administrator")
    fields = {"stage": "service", "kind": "service_receipt"}
    administrator.upload(f"/casefiles/{casefile}/documents", fields, "送达回证.txt", "已送达".encode())
    location = administrator.post(f"/casefiles/{casefile}/exports", {"reason": "r"}).headers["location"]
    assert "The offline verifier proved this package" in wait_for_end(administrator, location)
    data = administrator.post(f"{location}/download").data
    assert "已送达".encode() not in data
    assert "送达回证.txt".encode() in data


def test_nobody_else_downloads_or_cancels_it(filled: Filled) -> None:
    _, location, _ = make_package(filled, "package-3")
    other = filled.people.as_role("supervisor")
    assert other.post(f"{location}/download").status == 403
    assert other.post(f"{location}/cancel").status == 403
    assert "Download the package" not in other.read(location)
    assert "not_your_export" in filled.system.read_parts("request.refused", "refusal", "code")


def test_a_case_file_beyond_ones_reach_is_not_exported(filled: Filled) -> None:
    casefile = filled.open_casefile("package-4")
    filled.attach(casefile, filled.own[0], filled.foreign)
    person = filled.people.as_role("supervisor")
    assert "1 recording of this case file is outside your reach" in person.read(f"/casefiles/{casefile}/exports")
    assert person.post(f"/casefiles/{casefile}/exports", {"reason": "r"}).status == 403
    assert "export_out_of_reach" in filled.system.read_parts("request.refused", "refusal", "code")


def test_an_empty_case_file_has_nothing_to_export(filled: Filled) -> None:
    casefile = filled.open_casefile("package-5")
    answer = filled.people.as_role("supervisor").post(f"/casefiles/{casefile}/exports", {"reason": "r"})
    assert answer.status == 404
    assert b"nothing to export" in answer.data


@pytest.mark.parametrize("role", ["officer", "case_handler", "legal_reviewer", "auditor"])
def test_who_may_not_export_sees_and_does_nothing(filled: Filled, role: str) -> None:
    casefile = filled.open_casefile(f"package-{role}")
    person = filled.people.as_role(role)
    assert person.get(f"/casefiles/{casefile}/exports").status == 403
    assert person.post(f"/casefiles/{casefile}/exports", {"reason": "r"}).status == 403
    for verb in ("cancel", "again", "download"):
        assert person.post(f"/casefiles/{casefile}/exports/{'0' * 26}/{verb}").status == 403


def ask(filled: Filled, number: str) -> tuple[Viewer, str, Callable[[Installation], str]]:
    """A case file with a recording, a viewer in this process, and how to ask for its package here."""
    casefile = parse_shown_id(filled.open_casefile(number))
    filled.attach(show_id(casefile), filled.own[0])
    administrator = filled.people.as_role("evidence_administrator")
    account = filled.people.account_id(administrator)
    viewer = Viewer(account, administrator.name, "evidence_administrator", None, None, new_id(), "csrf")
    return viewer, casefile, lambda installation: ask_export(installation, viewer, casefile, "reason")


def read(installation: Installation, casefile: str, job_id: str) -> ExportJob:
    return get_job(installation, casefile, job_id)


def test_a_cancelled_export_keeps_nothing_and_the_ledger_says_so(filled: Filled) -> None:
    viewer, casefile, ask_here = ask(filled, "cancel-1")
    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_here(installation))
        installation.private.execute("update export_jobs set state = 'writing' where job_id = ?", job.job_id)
        cancel_export(installation, viewer, job)
        run_job(installation, job, Event())
        assert read(installation, casefile, job.job_id).state == "cancelled"
        assert not package_path(installation, job.job_id).exists()
    types = filled.people.types()
    assert "export.cancelled" in types
    assert types.index("export.cancelled") == len(types) - 1


def test_a_waiting_export_is_cancelled_at_once(filled: Filled) -> None:
    viewer, casefile, ask_here = ask(filled, "cancel-2")
    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_here(installation))
        cancel_export(installation, viewer, job)
        assert read(installation, casefile, job.job_id).state == "cancelled"


def test_what_a_server_left_unfinished_is_interrupted_at_the_next_start(filled: Filled) -> None:
    _, casefile, ask_here = ask(filled, "interrupted-1")
    with filled.people.installation() as installation:
        job_id = ask_here(installation)
        installation.private.execute(
            "update export_jobs set state = 'writing', process = ? where job_id = ?", 2**22 + 1, job_id
        )
        mark_interrupted(installation)
        assert read(installation, casefile, job_id).state == "interrupted"
    administrator = filled.people.as_role("evidence_administrator")
    location = f"/casefiles/{show_id(casefile)}/exports/{show_id(job_id)}"
    assert "Make it again" in administrator.read(location)
    again = administrator.post(f"{location}/again").headers["location"]
    assert "The offline verifier proved this package" in wait_for_end(administrator, again)


def test_what_was_attached_after_asking_is_judged_too(filled: Filled) -> None:
    casefile = parse_shown_id(filled.open_casefile("meanwhile-1"))
    filled.attach(show_id(casefile), filled.own[0])
    person = filled.people.as_role("supervisor")
    viewer = Viewer(filled.people.account_id(person), person.name, "supervisor", None, UNIT, new_id(), "csrf")
    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_export(installation, viewer, casefile, "reason"))
        # In this process, so that the server's own runner leaves it alone.
        filled.attach(show_id(casefile), filled.foreign)
        refused = filled.people.types().count("request.refused")
        prepared = filled.people.types().count("export.prepared")
        run_job(installation, job, Event())
        job = read(installation, casefile, job.job_id)
    assert (job.state, job.code) == ("failed", "export_out_of_reach")
    assert filled.people.types().count("export.prepared") == prepared
    assert filled.people.types().count("request.refused") == refused + 1


def test_an_account_disabled_after_asking_gets_no_package(filled: Filled) -> None:
    casefile = parse_shown_id(filled.open_casefile("meanwhile-2"))
    filled.attach(show_id(casefile), filled.own[0])
    person = filled.people.add("leaves-soon", "supervisor", unit=UNIT)
    account = filled.people.account_id(person)
    viewer = Viewer(account, person.name, "supervisor", None, UNIT, new_id(), "csrf")
    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_export(installation, viewer, casefile, "reason"))
        change_user(
            installation, operator_actor(), account, role="supervisor", officer=None, unit=UNIT, status="disabled",
            reason="left",
        )  # fmt: skip
        run_job(installation, job, Event())
        job = read(installation, casefile, job.job_id)
    assert (job.state, job.code) == ("failed", "not_permitted")


def test_a_package_of_what_was_restricted_since_is_not_given_out(filled: Filled) -> None:
    administrator, location, _ = make_package(filled, "restricted-since")
    shown = filled.own[0]
    with filled.people.installation() as installation:
        for verb, status in (("recording.restricted", 403), ("recording.released", 200)):
            act = CustodyEvent(verb, "recording", parse_shown_id(shown), {"reason": "test"})
            installation.custody.record(server_actor(), act)
            before = filled.people.types().count("export.downloaded")
            assert administrator.post(f"{location}/download").status == status
            assert filled.people.types().count("export.downloaded") == before + (status == 200)
    assert "export_out_of_reach" in filled.system.read_parts("request.refused", "refusal", "code")


def test_a_second_export_while_one_is_under_way_is_refused(filled: Filled) -> None:
    viewer, casefile, ask_here = ask(filled, "twice-1")
    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_here(installation))
        administrator = filled.people.as_role("evidence_administrator")
        answer = administrator.post(f"/casefiles/{show_id(casefile)}/exports", {"reason": "r"})
        assert answer.status == 409
        cancel_export(installation, viewer, job)


def test_a_package_that_does_not_verify_says_so(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    _, casefile, ask_here = ask(filled, "bad-1")
    verify = runner.verify_package

    def tamper(path: Path, trust: object) -> object:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)
        return verify(path, trust)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "verify_package", tamper)
    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_here(installation))
        run_job(installation, job, Event())
        ended = read(installation, casefile, job.job_id)
    assert ended.verdict is not None
    assert ended.verdict["exit_code"] == 1
    page = filled.people.as_role("evidence_administrator").read(
        f"/casefiles/{show_id(casefile)}/exports/{show_id(job.job_id)}"
    )
    assert "does not accept this package" in page


def test_a_package_is_removed_when_its_time_is_over(filled: Filled) -> None:
    administrator, location, _ = make_package(filled, "old-1")
    with filled.people.installation() as installation:
        later = installation.clock() + timedelta(days=8)
        sweep_packages(replace(installation, clock=lambda: later))
    assert administrator.post(f"{location}/download").status == 410
    assert "was removed after 7 days" in administrator.read(location)


def test_an_export_stops_where_the_server_ends(filled: Filled) -> None:
    _, casefile, ask_here = ask(filled, "stop-1")
    ended = Event()
    ended.set()
    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_here(installation))
        run_job(installation, job, ended)
        assert read(installation, casefile, job.job_id).state == "interrupted"
    assert StoppedError("interrupted").state == "interrupted"


def test_an_export_that_fails_in_an_unforeseen_way_is_failed_and_the_next_is_taken_up(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, casefile, ask_here = ask(filled, "unforeseen-1")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with filled.people.installation() as installation:
        job = read(installation, casefile, ask_here(installation))
        monkeypatch.setattr(runner, "export_casefile", fail)
        exports = runner.ExportRunner(installation)
        with pytest.raises(ZeroDivisionError):
            exports.take_next()
        assert read(installation, casefile, job.job_id).code == "internal"
        monkeypatch.undo()
        again = read(installation, casefile, ask_here(installation))
        assert exports.take_next()
        assert read(installation, casefile, again.job_id).state == "done"
        assert not exports.take_next()
    assert viewer.account_id == again.account_id

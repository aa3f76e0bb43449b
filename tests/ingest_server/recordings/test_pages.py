"""The page of one recording: a reason first, reach and permissions, what is withheld, and forms that collide."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import parse_shown_id
from chain_of_custody.note import parse_vkey
from chain_of_custody.proofs import LogProof, verify_log_proof
from ingest_server.custody.actors import server_actor
from ingest_server.custody.recording import Event
from ingest_server.media.recording import Piece, make_events
from tests.support.people import OFFICER
from tests.support.recorded import ODD, REASON

if TYPE_CHECKING:
    from tests.support.recorded import Recorded

PICTURE = b"\xff\xd8\xff-a-picture-\xff\xd9"


def test_other_forms_of_the_id_lead_to_the_page(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    for form in (recorded.own.lower(), parse_shown_id(recorded.own), f"{recorded.own[:5]}-{recorded.own[5:]}"):
        answer = person.get(f"/recordings/{form}")
        assert (answer.status, answer.headers["location"]) == (308, f"/recordings/{recorded.own}")


@pytest.mark.parametrize("form", ["0" * 26, "nonsense", "Z" * 26, "%00", "..%2f.."])
def test_what_is_no_recording_is_not_found(recorded: Recorded, form: str) -> None:
    assert recorded.people.as_role("supervisor").get(f"/recordings/{form}").status == 404


def test_before_access_there_is_a_form_and_no_media(recorded: Recorded) -> None:
    page = recorded.people.add("fresh", "evidence_administrator").read(f"/recordings/{recorded.own}")
    assert 'name="purpose"' in page
    assert "/media/" not in page
    assert 'id="notes"' not in page


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [("purpose", "Choose what you open it for"), ("basis", "Say on what basis"), ("reason", "Say in a sentence why")],
)
def test_without_a_reason_nothing_is_opened(recorded: Recorded, missing: str, sentence: str) -> None:
    person = recorded.people.add(f"without-{missing}", "evidence_administrator")
    before = recorded.people.types().count("recording.viewed")
    answer = person.post(f"/recordings/{recorded.own}/access", {**REASON, missing: ""})
    assert answer.status == 400
    assert sentence in answer.data.decode()
    # What was typed is still there.
    assert all(value in answer.data.decode() for name, value in REASON.items() if name != missing)
    assert recorded.people.types().count("recording.viewed") == before


def test_a_purpose_of_ones_own_is_refused(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    assert person.post(f"/recordings/{recorded.own}/access", {**REASON, "purpose": "curiosity"}).status == 400


def test_the_event_comes_first_and_says_why(recorded: Recorded) -> None:
    person = recorded.people.add("first-event", "evidence_administrator")
    recorded.open(person, recorded.own)
    with recorded.people.installation() as installation:
        entry = [e for e in installation.ledger.subject_entries(parse_shown_id(recorded.own)) if e.record][-1]
        assert entry.record is not None
        assert entry.leaf.type == "recording.viewed"
        access = entry.record.value("access")
        assert isinstance(access, dict)
        assert (access["purpose"], access["basis"], access["role"]) == (
            "complaint", REASON["basis"], "evidence_administrator",
        )  # fmt: skip
        assert entry.record.value("reason") == REASON["reason"]
        # Reading raises no version: nobody's form is outdated by a look.
        head = installation.ledger.head(parse_shown_id(recorded.own))
        assert head is not None
        assert head.version < head.seq


def test_an_officer_opens_the_own_recording_and_adds_a_note(recorded: Recorded) -> None:
    officer = recorded.people.as_role("officer")
    fields = {"purpose": "own_work", "basis": "", "reason": "writing my report"}
    assert officer.post(f"/recordings/{recorded.own}/access", fields).status == 303
    note = {"at": "0:01", "text": "Certificates are shown <b>"}
    assert officer.post(f"/recordings/{recorded.own}/notes", note).status == 303
    page = officer.read(f"/recordings/{recorded.own}")
    assert "Certificates are shown &lt;b&gt;" in page
    assert "the-officer" in page


def test_an_officer_does_not_reach_somebody_elses_recording(recorded: Recorded) -> None:
    officer = recorded.people.as_role("officer")
    before = recorded.refusals(recorded.odd).count("out_of_reach")
    answer = officer.get(f"/recordings/{recorded.odd}")
    assert answer.status == 403
    assert "outside what you may open" in answer.data.decode()
    assert officer.post(f"/recordings/{recorded.odd}/access", REASON).status == 403
    assert recorded.refusals(recorded.odd).count("out_of_reach") == before + 1


def test_notes_are_content_and_withheld_without_access(recorded: Recorded) -> None:
    writer = recorded.people.as_role("supervisor")
    recorded.open(writer, recorded.own)
    writer.post(f"/recordings/{recorded.own}/notes", {"at": "0:02", "text": "a telling remark"})
    reader = recorded.people.add("reader", "legal_reviewer", unit="3100457")
    page = reader.read(f"/recordings/{recorded.own}")
    assert "a telling remark" not in page
    assert "Content withheld" in page
    index = re.search(r'withheld" data-index="(\d+)"', page)
    assert index
    proof = json.loads(reader.read(f"/recordings/{recorded.own}/proofs/{index[1]}"))
    assert proof["openings"] == {}


def test_a_note_without_access_is_refused_and_recorded(recorded: Recorded) -> None:
    person = recorded.people.add("no-access", "case_handler", unit="3100457")
    answer = person.post(f"/recordings/{recorded.own}/notes", {"at": "0:01", "text": "unseen"})
    assert answer.status == 403
    assert "note_without_access" in recorded.refusals(recorded.own)


def test_a_proof_is_one_that_anybody_can_check(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    page = person.read(f"/recordings/{recorded.own}/history")
    for index in re.findall(r'data-index="(\d+)"', page):
        proof = json.loads(person.read(f"/recordings/{recorded.own}/proofs/{index}"))
        path = tuple(base64.b64decode(item) for item in proof["path"])
        verifier = parse_vkey(proof["vkey"])
        log_proof = LogProof(proof["index"], path, proof["checkpoint"].encode())
        verify_log_proof(log_proof, base64.b64decode(proof["leaf"]), [verifier], verifier.name)


@pytest.mark.parametrize("index", ["0", "999999", "99999999999999999999", "-1", "x"])
def test_the_proof_of_another_subject_is_not_given(recorded: Recorded, index: str) -> None:
    answer = recorded.people.as_role("supervisor").get(f"/recordings/{recorded.own}/proofs/{index}")
    assert answer.status in {400, 404}


def test_an_auditor_reads_the_history_and_nothing_else(recorded: Recorded) -> None:
    auditor = recorded.people.as_role("auditor")
    assert "Received and sealed" in auditor.read(f"/recordings/{recorded.own}/history")
    assert auditor.get(f"/recordings/{recorded.own}").status == 403
    assert auditor.post(f"/recordings/{recorded.own}/access", REASON).status == 403


@pytest.mark.parametrize(
    ("role", "act"),
    [
        ("auditor", "access"),
        ("legal_reviewer", "download"),
        ("auditor", "notes"),
        ("legal_reviewer", "labels"),
        ("legal_reviewer", "labels/remove"),
        ("supervisor", "restriction"),
        ("supervisor", "access/revoke"),
        ("officer", "attach"),
        ("officer", "detach"),
    ],
)
def test_every_act_needs_its_permission(recorded: Recorded, role: str, act: str) -> None:
    before = recorded.people.types().count("request.refused")
    answer = recorded.people.as_role(role).post(f"/recordings/{recorded.own}/{act}", REASON)
    assert (answer.status, b"not_permitted" in answer.data) == (403, True)
    assert recorded.people.types().count("request.refused") == before + 1


@pytest.mark.parametrize("path", ["", "/lock", "/history", "/proofs/1"])
def test_looking_needs_a_permission_too(recorded: Recorded, path: str) -> None:
    person = recorded.people.as_role("system_administrator")
    assert person.get(f"/recordings/{recorded.own}{path}").status == 403


@pytest.mark.parametrize("act", ["notes", "labels", "access", "download", "restriction", "attach"])
def test_a_form_without_the_sessions_token_is_refused(recorded: Recorded, act: str) -> None:
    person = recorded.people.as_role("evidence_administrator")
    answer = person.request("POST", f"/recordings/{recorded.own}/{act}", {"csrf": "x", **REASON})
    assert (answer.status, b"csrf" in answer.data) == (403, True)


def test_two_people_who_change_the_same_thing(recorded: Recorded) -> None:
    first, second = recorded.people.as_role("supervisor"), recorded.people.as_role("evidence_administrator")
    page = first.read(f"/recordings/{recorded.own}")
    version = page.split('name="version" value="')[1].split('"')[0]
    path = f"/recordings/{recorded.own}/labels"
    assert second.post(path, {"version": version, "own": "from the second"}).status == 303
    answer = first.post(path, {"version": version, "own": "from the first"})
    assert answer.status == 409
    assert "Somebody else changed it meanwhile" in answer.data.decode()
    page = first.read(f"/recordings/{recorded.own}")
    assert ("from the second" in page, "from the first" in page) == (True, False)


def test_attaching_and_detaching_leave_both_acts(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    recorded.people.system.server("casefile", "add", "2026/7", "--title", "Depot")
    fields = {"number": "2026/7", "stage": "investigation", "reason": "seizure on the spot"}
    assert recorded.change(person, recorded.own, "attach", fields).status == 303
    assert "2026/7" in person.read(f"/recordings/{recorded.own}")
    answer = recorded.change(person, recorded.own, "detach", {**fields, "reason": "wrong case"})
    assert answer.status == 303
    types = recorded.people.types()
    assert ("recording.attached" in types, "recording.detached" in types) == (True, True)


def test_an_unknown_officer_and_a_start_in_the_future_are_rows_for_a_person(recorded: Recorded) -> None:
    page = recorded.people.as_role("evidence_administrator").read(f"/recordings/{recorded.odd}")
    assert "stands in no register" in page
    assert "its clock was ahead" in page
    assert page.count("A person has to judge") == 2
    assert "2099-11-23" not in page or "2999" not in page


def test_claims_from_a_name_are_shown_as_text(recorded: Recorded) -> None:
    page = recorded.people.as_role("evidence_administrator").read(f"/recordings/{recorded.odd}")
    assert f"<bdi>DCIM/{ODD}</bdi>" in page
    assert OFFICER not in page


def test_the_lock_is_read_back_from_the_store(recorded: Recorded) -> None:
    part = recorded.people.as_role("supervisor").get(f"/recordings/{recorded.own}/lock", **{"HX-Request": "true"})
    assert "the version is there" in part.data.decode()


def test_posters_and_frames_are_shown_under_the_grant_alone(recorded: Recorded) -> None:
    identity = parse_shown_id(recorded.own)
    with recorded.people.installation() as installation:
        stored = installation.store.put_derivative("derivatives/2026/" + "ab" * 16, PICTURE)
        pieces = [
            (Piece("poster", 0, 0, None, 960, 540, PICTURE), stored),
            (Piece("frame", 0, 1500, "black_picture", 240, 135, PICTURE), stored),
        ]
        finding = {"code": "black_picture", "severity": "warning", "where": "media", "message": "black", "from_ms": 1000, "to_ms": 2000}  # fmt: skip # noqa: E501
        examined = Event("recording.examined", "recording", identity, {"examined": {}, "findings": [finding]})
        installation.custody.record(server_actor(), examined, *make_events(identity, pieces, {}))
    person = recorded.people.add("sees-frames", "evidence_administrator")
    assert "/frame/0" not in person.read(f"/recordings/{recorded.own}")
    address = recorded.open(person, recorded.own)
    page = person.read(f"/recordings/{recorded.own}")
    assert f'poster="{address}/poster/0"' in page
    assert f"{address}/frame/0" in page
    answer = person.get(f"{address}/frame/0")
    assert (answer.status, answer.headers["content-type"], answer.data) == (200, "image/jpeg", PICTURE)
    assert person.get(f"{address}/thumbnail/0").status == 404
    other = recorded.people.as_role("supervisor")
    assert other.get(f"{address}/poster/0").status == 403


def test_a_long_timeline_is_shown_in_stretches_and_whole(recorded: Recorded) -> None:
    shown = recorded.ids["LOG/20261123.log"]
    with recorded.people.installation() as installation:
        events = [
            Event("recording.viewed", "recording", parse_shown_id(shown), {"reason": f"look {n}"}) for n in range(40)
        ]
        installation.custody.record(server_actor(), *events)
    person = recorded.people.as_role("evidence_administrator")
    page = person.read(f"/recordings/{shown}")
    seqs = [int(seq) for seq in re.findall(r'data-seq="(\d+)"', page)]
    assert len(seqs) == 30
    before = re.search(r"history\?before=(\d+)", page)
    assert before
    assert int(before[1]) == seqs[-1]
    earlier = person.read(f"/recordings/{shown}/history?before={before[1]}")
    seqs += [int(seq) for seq in re.findall(r'data-seq="(\d+)"', earlier)]
    assert seqs == list(range(seqs[0], 0, -1))
    whole = person.read(f"/recordings/{shown}/history?all=yes")
    assert [int(seq) for seq in re.findall(r'data-seq="(\d+)"', whole)] == seqs


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 40, "1"])
def test_a_stretch_that_is_none_is_no_error(recorded: Recorded, before: str) -> None:
    person = recorded.people.as_role("supervisor")
    assert person.get(f"/recordings/{recorded.own}/history?before={before}").status == 200


def test_the_catalogue_follows_from_the_ledger_alone(recorded: Recorded) -> None:
    assert recorded.people.system.server("catalogue", "check").returncode == 0

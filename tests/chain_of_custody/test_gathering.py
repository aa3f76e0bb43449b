"""What an exporter takes from a ledger."""

import pytest

from chain_of_custody.errors import LedgerError
from chain_of_custody.gathering import gather_entries, gather_proofs, list_heads, list_subjects
from chain_of_custody.identities import new_id
from chain_of_custody.policy import Policy, TrustPolicy
from chain_of_custody.verifier import verify_package
from tests.support.custody_packages import Installation


@pytest.fixture
def agency(tmp_path):
    installation = Installation(tmp_path / "data")
    installation.enrol()
    return installation


def test_docks_that_signed_and_the_ledger_are_listed_too(agency):
    recording = agency.receive(b"one")
    ledger_subject = agency.ledger.entry(0).leaf.subject
    assert list_subjects(agency.ledger, [recording]) == (recording, ledger_subject, agency.dock_id)


def test_unknown_subject_has_no_head(agency):
    with pytest.raises(LedgerError):
        list_heads(agency.ledger, [new_id()])


def test_only_listed_histories_up_to_their_heads_are_gathered(agency):
    recording, other = agency.receive(b"one"), agency.receive(b"two")
    prepared = agency.prepare([recording])
    agency.append("recording.exported", recording, "recording", export={"export_id": prepared.leaf.subject})
    entries = gather_entries(agency.ledger, prepared)
    assert {entry.leaf.type for entry in entries} == {
        "ledger.opened",
        "dock.enrolled",
        "recording.received",
        "export.prepared",
    }
    assert other not in {entry.leaf.subject for entry in entries}


def test_other_events_of_docks_say_nothing(agency):
    agency.append("request.refused", agency.dock_id, "dock", refusal={"code": "bad_time", "route": "/x", "count": 1})
    entries = gather_entries(agency.ledger, agency.prepare([agency.receive(b"one")]))
    assert [entry.record for entry in entries if entry.leaf.type == "request.refused"] == [None]


def test_package_with_withheld_parts_is_proved_and_says_so(tmp_path, agency):
    agency.append("request.refused", agency.dock_id, "dock", refusal={"code": "bad_time", "route": "/x", "count": 1})
    (tmp_path / "p.zip").write_bytes(agency.export([agency.receive(b"one")]))
    report = verify_package(tmp_path / "p.zip", TrustPolicy((Policy.from_vkey(agency.vkey),)))
    assert report.exit_code == 0
    assert [item.values for item in report.not_proved if item.code == "withheld"] == [{"parts": 2}]


def test_proofs_are_all_under_one_checkpoint(agency):
    entries = gather_entries(agency.ledger, agency.prepare([agency.receive(b"one")]))
    proofs = gather_proofs(agency.ledger, entries)
    assert {proof.checkpoint_note for proof in proofs.proofs.values()} == {proofs.checkpoint_note}

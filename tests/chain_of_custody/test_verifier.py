"""Verifying packages: what is whole is proved, and each thing tampered with is named."""

import hashlib
import io
import json
import zipfile
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_of_custody.gathering import gather_entries, gather_proofs, list_heads
from chain_of_custody.identities import ledger_subject, new_id, show_id
from chain_of_custody.package import CHECKPOINT_NAME, REPORT_NAME, member_name
from chain_of_custody.packaging import PackagingError, write_package
from chain_of_custody.policy import Policy, TrustPolicy
from chain_of_custody.report import Verdict, render_report
from chain_of_custody.signing import SigningKey
from chain_of_custody.verifier import verify_package
from tests.support.custody_packages import Installation, forge, read_members, write_members

FIRST, SECOND = b"first recording " * 200, b"second recording"
# These are for reading and never evidence; the manifests alone speak for their bytes.
FREE = {"report.html", "verify.pyz"}


@pytest.fixture(scope="module")
def agency(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("agency") / "data")
    installation.enrol()
    installation.receive(FIRST, evidence_id="a" * 32)
    installation.receive(SECOND, evidence_id="b" * 32)
    installation.receive(FIRST, type_="recording.presented_again", evidence_id="a" * 32)
    case = "c" * 32
    installation.append("casefile.opened", case, "casefile", casefile={"number": "2025-1", "title": "Night"})
    for evidence_id in ("a" * 32, "b" * 32):
        attachment = {"evidence_id": evidence_id, "stage": "investigation"}
        installation.append("casefile.attached", case, "casefile", attachment=attachment, reason={"reason": "r"})
    return installation


@pytest.fixture(scope="module")
def package(agency):
    return agency.export(["a" * 32, "b" * 32], ("c" * 32,))


@pytest.fixture
def judge(tmp_path, agency):
    def run(data: bytes, vkey: str | None = agency.vkey):
        path = tmp_path / "package.zip"
        path.write_bytes(data)
        return verify_package(path, TrustPolicy((Policy.from_vkey(vkey),)) if vkey else None)

    return run


def assert_false(report, *, step: int, where: str = "") -> None:
    assert report.verdict is Verdict.FALSE, render_report(report, "en")
    assert (report.failure.step.number, where in report.failure.where) == (step, True), report.failure


def index_of(agency, type_: str, subject: str) -> int:
    return [e.index for e in agency.ledger.subject_entries(subject) if e.leaf.type == type_][-1]


def test_whole_package_is_proved_under_the_logs_key(judge, package):
    report = judge(package)
    assert report.exit_code == 0, render_report(report, "en")


def test_without_trust_the_signer_is_not_established(judge, package, agency):
    report = judge(package, None)
    assert (report.exit_code, report.is_consistent, report.vkey) == (2, True, agency.vkey)
    assert report.fingerprint in render_report(report, "en")


def test_report_names_what_is_not_proved_in_both_languages(judge, package):
    report = judge(package)
    codes = {sentence.code for sentence in report.not_proved}
    assert {"since_docking", "no_witness", "later", "time", "store_unprotected"} <= codes
    assert "NOT PROVED" in render_report(report, "en")
    assert "未证明" in render_report(report, "zh")


def test_keys_and_case_file_listed_whole_leave_no_gap_to_state(judge, package):
    codes = {sentence.code for sentence in judge(package).not_proved}
    assert not codes & {"keys_not_listed", "partial_subjects", "withheld", "casefile_other"}


def test_recording_of_the_case_left_out_is_stated(judge, agency):
    report = judge(agency.export(["a" * 32], ("c" * 32,)))
    assert report.exit_code == 0
    assert "casefile_other" in {sentence.code for sentence in report.not_proved}


def test_package_of_another_installation_is_false_under_the_first_key(judge, tmp_path, package):
    other = Installation(tmp_path / "other")
    other.enrol()
    recording = other.receive(FIRST)
    assert_false(judge(other.export([recording])), step=3, where=CHECKPOINT_NAME)


def test_package_of_another_origin_is_false_under_the_first_key(judge, tmp_path, package):
    other = Installation(tmp_path / "other", origin="elsewhere.example/agency/2025")
    other.enrol()
    recording = other.receive(FIRST)
    assert_false(judge(other.export([recording])), step=3, where=CHECKPOINT_NAME)


def test_flipped_byte_in_any_member_is_named(judge, package):
    members = read_members(package)
    for name, data in members.items():
        at = len(data) // 2
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        report = judge(write_members({**members, name: changed}, renew=False))
        assert report.exit_code in {1, 2}, name
        if name != "bag-info.txt":
            assert report.verdict is Verdict.FALSE, name
            assert name in report.failure.where + report.failure.problem or "manifest" in name, (name, report.failure)


def test_flipped_byte_in_any_member_is_false_under_manifests_that_fit(judge, package):
    for name, data in read_members(package).items():
        if name in FREE or "manifest-sha256" in name:
            continue
        at = len(data) // 2
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        report = judge(forge(package, lambda members, name=name, changed=changed: members.update({name: changed})))
        assert report.exit_code != 0, name


def test_any_member_dropped_is_never_proved(judge, package):
    for name in read_members(package):
        if name in FREE or "manifest-sha256" in name:
            continue
        report = judge(forge(package, lambda members, name=name: members.pop(name)))
        assert report.exit_code != 0, name


def test_byte_flipped_anywhere_in_the_archive_is_never_proved(judge, package):
    for at in range(0, len(package), max(1, len(package) // 150)):
        changed = bytearray(package)
        changed[at] ^= 0x41
        assert judge(bytes(changed)).exit_code != 0, at


def test_two_proofs_swapped_are_named(judge, package, agency):
    first, second = (member_name("proof", index_of(agency, "recording.received", i * 32)) for i in "ab")

    def swap(members):
        members[first], members[second] = members[second], members[first]

    assert_false(judge(forge(package, swap)), step=4, where=first)


def test_last_leaf_of_a_history_dropped_is_named(judge, package, agency):
    index = index_of(agency, "recording.presented_again", "a" * 32)

    def drop(members):
        for kind in ("leaf", "openings", "proof"):
            del members[member_name(kind, index)]

    report = judge(forge(package, drop))
    assert_false(report, step=7, where="custody/leaves/")
    assert "does not end" in report.failure.problem


def test_leaf_inside_a_history_dropped_is_named(judge, package, agency):
    middle = agency.ledger.subject_entries("c" * 32)[1].index

    def drop(members):
        for kind in ("leaf", "openings", "proof"):
            del members[member_name(kind, middle)]

    assert_false(judge(forge(package, drop)), step=7, where="custody/leaves/")


def test_missing_original_is_named(judge, package):
    name = f"data/{show_id('a' * 32)}.mp4"
    report = judge(forge(package, lambda members: members.pop(name)))
    assert_false(report, step=8, where=show_id("a" * 32))


def test_original_that_no_recording_commits_to_is_named(judge, package):
    name = f"data/{show_id(new_id())}.mp4"
    assert_false(judge(forge(package, lambda members: members.update({name: b"x"}))), step=8, where=name)


def test_second_file_for_one_recording_is_named(judge, package):
    name = f"data/{show_id('a' * 32)}.avi"
    assert_false(judge(forge(package, lambda members: members.update({name: FIRST}))), step=8)


def test_exchanged_original_is_named(judge, package):
    name = f"data/{show_id('a' * 32)}.mp4"
    assert_false(judge(forge(package, lambda members: members.update({name: SECOND}))), step=8, where=name)


def test_file_named_by_no_manifest_is_refused(judge, package):
    members = read_members(package)
    members["custody/leaves/99.json"] = b"{}"
    report = judge(write_members(members, renew=False))
    assert_false(report, step=2)
    assert "custody/leaves/99.json is named by no manifest" in report.failure.problem


def test_file_of_no_known_kind_is_refused_even_when_named(judge, package):
    assert_false(judge(forge(package, lambda members: members.update({"custody/note.txt": b"x"}))), step=1)


def test_altered_report_is_named(judge, package):
    def alter(members):
        facts = json.loads(members[REPORT_NAME])
        facts["export"]["title"] = "Another title"
        members[REPORT_NAME] = json.dumps(facts).encode()

    assert_false(judge(forge(package, alter)), step=11, where=REPORT_NAME)


def test_exchanged_opening_is_named(judge, package, agency):
    first, second = (member_name("openings", index_of(agency, "recording.received", i * 32)) for i in "ab")
    report = judge(forge(package, lambda members: members.update({first: members[second]})))
    assert_false(report, step=5, where=first)


def test_missing_first_leaf_is_named(judge, package):
    def drop(members):
        for kind in ("leaf", "openings", "proof"):
            del members[member_name(kind, 0)]

    assert_false(judge(forge(package, drop)), step=6, where="custody/leaves/0.json")


def test_package_without_its_export_leaf_is_false(judge, package, agency):
    index = max(json.loads(read_members(package)[REPORT_NAME])["events"], key=lambda event: event["index"])["index"]

    def drop(members):
        for kind in ("leaf", "openings", "proof"):
            del members[member_name(kind, index)]

    assert_false(judge(forge(package, drop)), step=7)


def test_package_that_proves_no_recording_cannot_be_judged(judge, agency):
    prepared = agency.prepare([], ("c" * 32,))
    with pytest.raises(PackagingError, match="no recording"):
        agency.write(prepared, [])


def test_empty_file_and_foreign_zip_cannot_be_judged(judge):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/b.txt", "hello")
    assert [judge(data).exit_code for data in (b"", b"PK\x03\x04", out.getvalue())] == [2, 2, 2]


def test_missing_file_cannot_be_judged(tmp_path):
    assert verify_package(tmp_path / "none.zip", None).exit_code == 2


def test_later_version_cannot_be_judged(judge, package):
    def raise_version(members):
        members["bag-info.txt"] = members["bag-info.txt"].replace(b"Version: 1", b"Version: 2")

    assert judge(forge(package, raise_version)).exit_code == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": SigningKey.from_seed(b"\x07" * 32)}, "not established"),
        ({"size": 3}, "another size or digest"),
        ({"origin": "other.example/agency/2025"}, "another ledger"),
        ({"docking_id": "8" * 32}, "docking_id"),
        ({"received": {"manifest_sha256": "0" * 64}}, "not the one whose digest"),
        ({"received": {"size": 1}}, "committed to"),
        ({"device": {"key": "0" * 64}}, "another device"),
        ({"device": {"counter": 99}}, "another device, counter"),
        ({"device": {"time": "2025-03-04T05:06:00.000000Z"}}, "another device, counter or time"),
        ({"received": {"size": True}}, "not a count"),
        ({"received": {"lock_mode": None}}, "lacks a field"),
        ({"received": {"lock_mode": "GOVERNANCE", "retain_until": "2030-01-01T00:00:00.000000Z"}}, "lock"),
        ({"received": {"lock_mode": "none", "retain_until": "2030-01-01T00:00:00.000000Z"}}, "lock"),
        ({"received": {"lock_mode": "COMPLIANCE"}}, "not an instant"),
        ({"sm3": "0" * 64}, "SM3"),
    ],
)
def test_false_reception_is_never_packed(tmp_path, changes, words):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST, **changes)
    with pytest.raises(PackagingError, match=words):
        agency.export([recording])


def test_manifest_signed_as_another_dock_is_never_packed(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    other = {"dock_key": SigningKey.generate().public.hex, "algorithm": "ed25519"}
    agency.append("dock.enrolled", "9" * 32, "dock", key=other, dock={"name": "Desk 2"})
    recording = agency.receive(FIRST, dock_id="9" * 32)
    listed = [recording, "9" * 32, agency.dock_id, ledger_subject(agency.origin)]
    heads = list_heads(agency.ledger, listed)
    with pytest.raises(PackagingError, match="another dock"):
        agency.write(agency.prepare([recording], heads=heads), [recording])


def test_manifest_of_a_dock_revoked_before_is_never_packed(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    agency.revoke()
    recording = agency.receive(FIRST)
    with pytest.raises(PackagingError, match="revoked before"):
        agency.export([recording])


def test_manifest_of_a_dock_revoked_afterwards_stays_proved(tmp_path, judge):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST)
    agency.revoke()
    assert judge(agency.export([recording]), agency.vkey).exit_code == 0


def test_second_file_presented_as_the_same_recording_is_never_packed(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST)
    agency.receive(SECOND, type_="recording.presented_again", evidence_id=recording)
    with pytest.raises(PackagingError, match="presented again"):
        agency.export([recording])


def test_recording_presented_again_with_another_sm3_is_never_packed(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST, sm3=hashlib.new("sm3", FIRST).hexdigest())
    agency.receive(FIRST, type_="recording.presented_again", evidence_id=recording, sm3="2" * 64)
    with pytest.raises(PackagingError, match="presented again"):
        agency.export([recording])


def test_history_that_went_on_after_its_listed_head_is_named(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST)
    heads = [{"subject": recording, "seq": 1, "leaf_sha256": "0" * 64}]
    with pytest.raises(PackagingError, match="does not end"):
        agency.write(agency.prepare([recording], heads=heads), [recording])


def pack_leaves(agency, recording: str, listed: list[str], shown: list[str]) -> bytes:
    """A package by a forger with every key: heads only of ``listed``, beside them leaves of the types ``shown``."""
    prepared = agency.prepare([recording], heads=list_heads(agency.ledger, listed))
    found = {entry.index: entry for entry in gather_entries(agency.ledger, prepared)}
    found |= {e.index: e for e in agency.ledger.entries(0, prepared.index) if e.leaf.type in shown}
    out = io.BytesIO()
    write_package(
        out,
        top="forged",
        originals=[agency.original(recording)],
        entries=[found[index] for index in sorted(found)],
        ledger_proofs=gather_proofs(agency.ledger, found.values()),
        prepared_index=prepared.index,
        vkey=agency.vkey,
    )
    return out.getvalue()


def test_revocation_of_the_dock_left_out_is_never_packed(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    agency.revoke()
    recording = agency.receive(FIRST)
    with pytest.raises(PackagingError, match="does not list the dock"):
        pack_leaves(agency, recording, [recording, ledger_subject(agency.origin)], ["dock.enrolled"])


def test_dock_whose_enrolment_is_left_out_is_never_packed(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST)
    with pytest.raises(PackagingError, match="not established"):
        pack_leaves(agency, recording, [recording, ledger_subject(agency.origin)], [])


def test_ledger_left_out_of_the_list_is_never_packed(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST)
    with pytest.raises(PackagingError, match="does not list the ledger"):
        pack_leaves(agency, recording, [recording, agency.dock_id], [])


def test_key_of_a_dock_that_signed_nothing_is_stated(tmp_path, judge):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    other = {"dock_key": SigningKey.generate().public.hex, "algorithm": "ed25519"}
    agency.append("dock.enrolled", "9" * 32, "dock", key=other, dock={"name": "Desk 2"})
    recording = agency.receive(FIRST)
    listed = [recording, agency.dock_id, ledger_subject(agency.origin)]
    report = judge(pack_leaves(agency, recording, listed, ["dock.enrolled"]), agency.vkey)
    assert report.exit_code == 0
    assert "keys_not_listed" in {sentence.code for sentence in report.not_proved}


def test_original_changed_in_the_store_stops_the_writing(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(FIRST)
    prepared = agency.prepare([recording])
    original = agency.original

    def changed(evidence_id):
        good = original(evidence_id)
        return type(good)(good.evidence_id, good.name, good.size, good.sha2_256, lambda: iter([b"x" * good.size]))

    agency.original = changed
    with pytest.raises(PackagingError, match="store's bytes"):
        agency.write(prepared, [recording])


CHANGES = st.tuples(
    st.sampled_from(["flip", "cut", "insert", "end"]),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=40),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGES, min_size=1, max_size=4))
def test_mutated_package_is_never_proved_and_never_a_traceback(changes, judge, package):
    changed = bytearray(package)
    for kind, place, data in changes:
        at = int(place * len(changed))
        match kind:
            case "flip":
                changed[at : at + 1] = bytes([changed[at] ^ (data[0] or 1)]) if changed else b""
            case "cut":
                del changed[at : at + len(data)]
            case "insert":
                changed[at:at] = data
            case _:
                del changed[at:]
    if bytes(changed) != package:
        assert judge(bytes(changed)).exit_code in {1, 2}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_member_replaced_by_random_bytes_is_never_proved(data, judge, package):
    name = data.draw(st.sampled_from(sorted(read_members(package).keys() - FREE)))
    content = data.draw(st.binary(max_size=200) | st.sampled_from([b"{}", b"[]", b"null", b"[[[[", b'{"a":1e999}']))
    report = judge(forge(package, partial(_replace, name=name, content=content)))
    assert report.exit_code in {1, 2} or "manifest-sha256" in name


def _replace(members, *, name, content):
    members[name] = content


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_random_bytes_cannot_be_judged(data, judge):
    assert judge(data).exit_code in {1, 2}

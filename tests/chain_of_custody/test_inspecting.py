"""Showing what a hostile file says: never a traceback, whatever it says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import CustodyError, UndecidableError
from chain_of_custody.identities import show_id
from chain_of_custody.inspecting import inspect_file
from chain_of_custody.package import REPORT_NAME, member_name
from chain_of_custody.receipts import Receipt
from tests.support.custody_packages import Installation, forge, read_members
from tests.support.hostile import hostile_bytes, mutate, quick


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A package, a receipt, and the recording of both."""
    agency = Installation(tmp_path_factory.mktemp("agency") / "data")
    agency.enrol()
    recording = agency.receive(b"one")
    entry = agency.ledger.subject_entries(recording)[0]
    consistency = agency.ledger.prove_consistency(0, agency.ledger.checkpoint()[0].size)
    parts = (entry.record.open_part("received"),)
    receipt = Receipt(entry.leaf.data, entry.index, parts, agency.ledger.prove(entry.index), consistency)
    return agency.export([recording]), json.dumps(receipt.to_json()).encode(), recording


@pytest.fixture
def show(tmp_path):
    def run(data: bytes):
        (tmp_path / "file").write_bytes(data)
        return inspect_file(tmp_path / "file")

    return run


def test_package_is_shown(show, files):
    shown = show(files[0])
    assert (shown["kind"], shown["originals"]) == ("package", [{"file": f"data/{show_id(files[2])}.mp4", "size": 3}])


def test_receipt_is_shown(show, files):
    shown = show(files[1])
    assert (shown["kind"], shown["type"], shown["disclosed"]["received"]["size"]) == (
        "receipt",
        "recording.received",
        3,
    )


def test_what_is_false_is_shown_all_the_same(show, files):
    # Looking judges nothing: a changed report is none of its business.
    forged = forge(files[0], lambda members: members.update({REPORT_NAME: b"{}"}))
    assert show(forged)["kind"] == "package"


def test_package_with_a_leaf_that_is_none_is_refused(show, files):
    with pytest.raises(CustodyError):
        show(forge(files[0], lambda members: members.update({member_name("leaf", 0): b"{}"})))


def test_other_file_is_refused(show):
    with pytest.raises(UndecidableError):
        show(b"hello")


@quick
@given(data=st.data())
def test_hostile_file_is_shown_or_refused(data, show, files):
    changed = data.draw(mutate(files[0]) | hostile_bytes(files[1]))
    try:
        json.dumps(show(changed))
    except (CustodyError, OSError):
        return


@quick
@given(data=st.data())
def test_hostile_member_is_shown_or_refused(data, show, files):
    name = data.draw(st.sampled_from(sorted(read_members(files[0]))))
    content = data.draw(hostile_bytes(read_members(files[0])[name]))
    try:
        json.dumps(show(forge(files[0], lambda members: members.update({name: content}))))
    except CustodyError:
        return

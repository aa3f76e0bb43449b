"""Statements of a dock: inventory, manifest, docking report, clearing."""

import pytest
from hypothesis import given

from chain_of_custody.canonical import parse_canonical
from chain_of_custody.dsse import parse_envelope, sign_envelope
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.statements import (
    Clearing,
    DockingReport,
    Inventory,
    Manifest,
    open_statement,
    sign_statement,
)
from tests.support.dock_statements import CLEARING, INVENTORY, MANIFEST, REPORT, STATEMENTS
from tests.support.hostile import change_value, json_values, quick, refuses_or_reads
from tests.support.naive_log import make_key

KEY = make_key("dock")
KINDS = (Inventory, Manifest, DockingReport, Clearing)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda item: type(item).__name__)
def test_a_signed_statement_reads_back(statement):
    envelope = parse_envelope(sign_statement(statement, KEY).to_bytes())
    assert open_statement(envelope, KEY.public, type(statement)) == statement


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda item: type(item).__name__)
def test_a_statement_is_not_taken_for_one_of_another_kind(statement):
    envelope = sign_statement(statement, KEY)
    for kind in KINDS:
        if kind is not type(statement):
            with pytest.raises(VerificationError):
                open_statement(envelope, KEY.public, kind)


def test_a_statement_by_another_dock_is_refused():
    with pytest.raises(VerificationError):
        open_statement(sign_statement(MANIFEST, make_key("other")), KEY.public, Manifest)


def test_a_signed_payload_that_is_not_canonical_is_refused():
    envelope = sign_envelope(Manifest.TYPE, b'{ "v": 1 }', KEY)
    with pytest.raises(MalformedError):
        open_statement(envelope, KEY.public, Manifest)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda item: type(item).__name__)
def test_a_statement_with_a_field_more_or_less_is_refused(statement):
    value = statement.to_json()
    for name in value:
        with pytest.raises(MalformedError):
            type(statement).from_json({key: item for key, item in value.items() if key != name})
    with pytest.raises(MalformedError):
        type(statement).from_json({**value, "extra": None})


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(value=json_values)
def test_hostile_value_is_refused_as_malformed(kind, value):
    refuses_or_reads(kind.from_json, value)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda item: type(item).__name__)
def test_a_statement_with_anything_in_it_is_read_or_refused_as_malformed(statement):
    @quick
    @given(change_value(statement.to_json()))
    def check(value):
        found = refuses_or_reads(type(statement).from_json, value)
        assert found is None or found.to_json() == value

    check()


def test_every_field_of_the_header_is_signed():
    signed = parse_canonical(sign_statement(CLEARING, KEY).payload)
    assert {name: signed[name] for name in ("v", "origin", "dock_id", "docking_id", "counter", "time")} == {
        "v": 1,
        "origin": CLEARING.origin,
        "dock_id": CLEARING.dock_id,
        "docking_id": CLEARING.docking_id,
        "counter": CLEARING.counter,
        "time": CLEARING.time,
    }


def test_counts_and_lists_of_every_statement_are_kept():
    assert len(Inventory.from_json(INVENTORY.to_json()).files) == 2
    assert DockingReport.from_json(REPORT.to_json()).failed == REPORT.failed

"""Which keys the ledger's own leaves establish, and when."""

from dataclasses import dataclass, replace

import pytest

from chain_of_custody.commitments import Opening
from chain_of_custody.errors import VerificationError
from chain_of_custody.establishing import KeyRegister
from chain_of_custody.identities import ledger_subject, new_id
from chain_of_custody.leaves import Leaf, build_leaf
from chain_of_custody.signing import SigningKey

ORIGIN, VKEY = "ledger.example.org/agency/2025", "log.example+00000000+AA=="
FIRST, SECOND, DOCK = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))
LEDGER, DOCK_ID = ledger_subject(ORIGIN), "d" * 32


@dataclass(frozen=True)
class Opened:
    index: int
    leaf: Leaf
    openings: dict[str, Opening]


def leaf(index, type_, *, key=FIRST, subject=LEDGER, kind="ledger", seq=None, **parts) -> Opened:
    number = index + 1 if seq is None else seq
    built = build_leaf(
        origin=ORIGIN,
        type=type_,
        event_id=new_id(),
        subject=subject,
        subject_kind=kind,
        seq=number,
        prev=None if number == 1 else "0" * 64,
        act_id=new_id(),
        time="2025-01-02T03:04:05.000000Z",
        actor=new_id(),
        device=None,
        anchor=None,
        commitments={},
        key=key,
    )
    return Opened(index, built, {name: Opening(name, bytes(32), value) for name, value in parts.items()})


OPENED = {"origin": ORIGIN, "vkey": VKEY, "event_key": FIRST.public.hex}


def register(*more: Opened) -> KeyRegister:
    keys = KeyRegister(ORIGIN, VKEY)
    for opened in (leaf(0, "ledger.opened", opened=OPENED), *more):
        keys.follow(opened)
    return keys


def key_part(field, key):
    return {field: key.public.hex, "algorithm": "ed25519"}


def with_key(opened: Opened, field: str, key: SigningKey) -> Opened:
    return replace(opened, openings={**opened.openings, "key": Opening("key", bytes(32), key_part(field, key))})


ENROLLED = with_key(
    leaf(1, "dock.enrolled", subject=DOCK_ID, kind="dock", seq=1, dock={"name": "Desk"}), "dock_key", DOCK
)


def test_first_leaf_opens_the_key_that_signed_it():
    assert [period.key for period in register().event_keys] == [FIRST.public]


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "other.example/a/2025"},
        {"vkey": "other"},
        {"event_key": SECOND.public.hex},
        {"event_key": None},
    ],
)
def test_first_leaf_that_opens_something_else_is_false(changed):
    with pytest.raises(VerificationError):
        KeyRegister(ORIGIN, VKEY).follow(leaf(0, "ledger.opened", opened={**OPENED, **changed}))


def test_first_leaf_of_another_subject_is_false():
    with pytest.raises(VerificationError):
        KeyRegister(ORIGIN, VKEY).follow(leaf(0, "ledger.opened", subject="e" * 32, opened=OPENED))


def test_second_opening_of_the_ledger_is_false():
    with pytest.raises(VerificationError, match="second"):
        register(leaf(1, "ledger.opened", opened=OPENED))


def test_leaf_signed_by_a_key_never_established_is_false():
    with pytest.raises(VerificationError, match="not established before index 1"):
        register(leaf(1, "policy.changed", key=SECOND))


def test_added_key_counts_only_after_its_leaf():
    added = with_key(leaf(1, "ledger.key_added"), "event_key", SECOND)
    register(added, leaf(2, "policy.changed", key=SECOND))
    with pytest.raises(VerificationError, match="not established"):
        register(leaf(1, "policy.changed", key=SECOND), added)


def test_added_key_cannot_sign_its_own_opening():
    with pytest.raises(VerificationError, match="not established"):
        register(with_key(leaf(1, "ledger.key_added", key=SECOND), "event_key", SECOND))


def test_key_for_another_ledger_is_false():
    with pytest.raises(VerificationError, match="not this ledger"):
        register(with_key(leaf(1, "ledger.key_added", subject="e" * 32), "event_key", SECOND))


def test_revoked_event_key_counts_no_longer():
    added = with_key(leaf(1, "ledger.key_added"), "event_key", SECOND)
    revoked = with_key(leaf(2, "ledger.key_revoked"), "event_key", FIRST)
    register(added, revoked, leaf(3, "policy.changed", key=SECOND))
    with pytest.raises(VerificationError, match="revoked before"):
        register(added, revoked, leaf(3, "policy.changed", key=FIRST))


def test_dock_key_counts_after_its_enrolment_until_revoked():
    keys = register(ENROLLED)
    assert keys.dock_key(DOCK.public.key_id, 2).name == "Desk"
    with pytest.raises(VerificationError):
        keys.dock_key(DOCK.public.key_id, 1)
    revoked = with_key(leaf(2, "dock.revoked", subject=DOCK_ID, kind="dock", seq=2), "dock_key", DOCK)
    with pytest.raises(VerificationError, match="revoked before"):
        register(ENROLLED, revoked).dock_key(DOCK.public.key_id, 3)


def test_revocation_that_names_no_key_closes_every_key_of_the_dock():
    revoked = leaf(2, "dock.revoked", subject=DOCK_ID, kind="dock", seq=2)
    with pytest.raises(VerificationError, match="revoked before"):
        register(ENROLLED, revoked).dock_key(DOCK.public.key_id, 3)


def test_revocation_of_another_dock_changes_nothing():
    revoked = with_key(leaf(2, "dock.revoked", subject="e" * 32, kind="dock", seq=1), "dock_key", DOCK)
    assert register(ENROLLED, revoked).dock_key(DOCK.public.key_id, 3).closed_at is None


def test_enrolment_that_withholds_its_key_is_false():
    with pytest.raises(VerificationError, match="does not disclose"):
        register(leaf(1, "dock.enrolled", subject=DOCK_ID, kind="dock", seq=1))


def test_enrolment_of_something_that_is_no_dock_is_false():
    with pytest.raises(VerificationError, match="no dock"):
        register(with_key(leaf(1, "dock.enrolled", subject=DOCK_ID, kind="unit", seq=1), "dock_key", DOCK))

"""Ledgers for tests: drafts, a clock in the test's hand, and a sequencer on any store."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chain_of_custody.canonical import JsonValue
from chain_of_custody.drafts import EventDraft, PreparedEvent, prepare_act
from chain_of_custody.identities import new_id
from chain_of_custody.ledger import Ledger
from chain_of_custody.note import LogSigner
from chain_of_custody.sequencer import Sequencer
from chain_of_custody.signing import SigningKey
from chain_of_custody.stores.contract import CheckpointLock, LedgerStore
from tests.support.naive_log import make_id, make_key

ORIGIN = "ledger.example.org/agency/2026"
LOG_KEY = make_key("log")
EVENT_KEY = make_key("event")
ACTOR = make_id("actor")
OPERATOR: dict[str, JsonValue] = {"kind": "operator", "name": "operator kim@station"}


class HandClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def make_draft(
    subject: str | None = None,
    type_: str = "recording.received",
    *,
    kind: str = "recording",
    parts: Mapping[str, JsonValue] | None = None,
    expected_version: int | None = None,
    expects_heads: Mapping[str, int] | None = None,
    claims: tuple[str, ...] = (),
) -> EventDraft:
    """One event with two parts."""
    return EventDraft(
        type_,
        subject or new_id(),
        kind,
        ACTOR,
        parts or {"recording": {"path": "DCIM/0001.MP4"}, "actor": OPERATOR},
        expected_version=expected_version,
        expects_heads=expects_heads or {},
        claims=claims,
    )


def make_act(*drafts: EventDraft) -> tuple[PreparedEvent, ...]:
    """A prepared act; of one fresh event when none is given."""
    return prepare_act(drafts or (make_draft(),))


def make_sequencer(
    store: LedgerStore, lock: CheckpointLock, clock: HandClock | None = None, event_key: SigningKey = EVENT_KEY
) -> Sequencer:
    """A sequencer with the keys of this module."""
    hand = clock or HandClock()
    return Sequencer(store, lock, log=LogSigner(ORIGIN, LOG_KEY), event_key=event_key, clock=hand, sleep=hand.sleep)


def create_ledger(folder: Path, clock: HandClock | None = None) -> Ledger:
    """A new ledger with the keys of this module."""
    folder.mkdir(parents=True, exist_ok=True)
    return Ledger.create(
        folder,
        origin=ORIGIN,
        log_key=LOG_KEY,
        event_key=EVENT_KEY,
        clock=clock or HandClock(),
        actor=ACTOR,
        actor_part=OPERATOR,
    )


def open_ledger(folder: Path, clock: HandClock | None = None) -> Ledger:
    """The same ledger opened again, for appending."""
    return Ledger.open(folder, origin=ORIGIN, log_key=LOG_KEY, event_key=EVENT_KEY, clock=clock or HandClock())

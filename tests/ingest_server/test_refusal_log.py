"""Refusals as events: an account's each, until somebody hammers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ingest_server import middleware
from ingest_server.errors import ForbiddenError, UnauthorizedError
from ingest_server.middleware import RefusalLog


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(middleware, "_EACH", 3)
    events: list[tuple[Any, Any]] = []
    installation = SimpleNamespace(
        config=SimpleNamespace(origin="example.org/log"),
        catalogue=SimpleNamespace(fetch_one=lambda *_: {"account_id": "a" * 32, "name": "li"}),
        custody=SimpleNamespace(record=lambda actor, event: events.append((actor, event))),
    )
    return installation, events


def test_an_accounts_refusals_are_an_event_each_in_its_name(recorded: Any) -> None:
    installation, events = recorded
    log = RefusalLog()
    for _ in range(3):
        log.note(installation, ForbiddenError("not_permitted", account_id="a" * 32), "GET /log")
    assert [(actor.name, event.subject_kind, event.parts["refusal"]["count"]) for actor, event in events] == [
        ("li", "account", 1)
    ] * 3


def test_a_tokens_refusal_names_the_token_and_each_is_told(recorded: Any) -> None:
    installation, events = recorded
    log = RefusalLog()
    for name in ("reporting", "reporting", "backup"):
        log.note(installation, ForbiddenError("not_allowed", token=name), "GET /api/v1/docks")
    assert [event.parts["refusal"]["token"] for _, event in events] == ["reporting", "backup"]


def test_who_hammers_is_counted(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    installation, events = recorded
    log, now = RefusalLog(), [0.0]
    monkeypatch.setattr(middleware.time, "monotonic", lambda: now[0])
    for _ in range(10):
        log.note(installation, ForbiddenError("not_permitted", account_id="a" * 32), "GET /log")
    assert len(events) == 3
    now[0] = 61.0
    log.note(installation, ForbiddenError("not_permitted", account_id="a" * 32), "GET /log")
    assert [event.parts["refusal"]["count"] for _, event in events] == [1, 1, 1, 8]


def test_a_forged_form_names_the_server_as_actor(recorded: Any) -> None:
    installation, events = recorded
    RefusalLog().note(installation, ForbiddenError("csrf", account_id="a" * 32), "POST /signout")
    assert events[0][0].kind == "program"
    assert events[0][1].subject == "a" * 32


def test_strangers_are_gathered(recorded: Any) -> None:
    installation, events = recorded
    log = RefusalLog()
    for _ in range(5):
        log.note(installation, UnauthorizedError("unknown_dock", key_id="k"), "POST /dock/v1/dockings")
    assert len(events) == 1
    assert events[0][1].subject_kind == "ledger"

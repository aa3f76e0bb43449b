"""What docks say of themselves is taken as a claim of known shape, whatever else arrives."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import RefusedError
from agent.heartbeat import make_heartbeat, send_heartbeat
from agent.rack.board import Board, SlotState
from chain_of_custody.identities import parse_shown_id
from ingest_server.docks.heartbeats import SLOT_STATES, Heartbeat, find_heartbeat, parse_heartbeat
from ingest_server.errors import BadRequestError
from tests.ingest_server.docks.test_pages import find_dock
from tests.support.docks import copy_home, open_dock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.filled import Filled

NOW = "2026-11-25T08:00:00.000000Z"
BEAT: dict[str, Any] = {
    "agent": "0.1.0",
    "disk_free": 1 << 40,
    "spool_files": 3,
    "spool_bytes": 300,
    "spool_per_cent": 91,
    "spool_oldest": "2026-11-24T08:00:00.000000Z",
    "not_sealed": 3,
    "slots": ["sealed", "problem", "free"],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def test_a_heartbeat_is_read_as_it_was_said() -> None:
    beat = parse_heartbeat(BEAT, NOW)
    assert (beat.not_sealed, beat.count_slots("problem"), beat.at) == (3, 1, NOW)
    assert parse_heartbeat({**BEAT, "spool_oldest": None}, NOW).spool_oldest is None


@pytest.mark.parametrize(
    "changed",
    [
        {"agent": ""}, {"agent": "a\nb"}, {"agent": "x" * 41}, {"slots": "free"}, {"slots": ["asleep"]},
        {"slots": ["free"] * 65}, {"not_sealed": -1}, {"not_sealed": True}, {"disk_free": 1.5},
        {"spool_oldest": "yesterday"}, {"spool_bytes": 1 << 60},
    ],
)  # fmt: skip
def test_what_is_no_heartbeat_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        parse_heartbeat({**BEAT, **changed}, NOW)


@given(st.dictionaries(st.sampled_from(sorted(BEAT)) | st.text(max_size=8), JSON, max_size=9))
def test_no_body_breaks_the_reader(body: dict[str, Any]) -> None:
    for value in (body, {**BEAT, **body}):
        with contextlib.suppress(BadRequestError):
            assert isinstance(parse_heartbeat(value, NOW), Heartbeat)


def test_both_programs_know_the_same_states() -> None:
    assert tuple(state.value for state in SlotState) == SLOT_STATES


def test_what_a_dock_says_is_shown_on_its_page(filled: Filled, tmp_path: Path) -> None:
    board = Board(2)
    board.change(2, state=SlotState.PROBLEM, recorder="KD40188", officer="Li Wei")
    with open_dock(copy_home(filled.system, tmp_path / "home", spool_budget_mib=1)) as dock:
        (dock.home / "spool" / "left").write_bytes(b"x" * 900_000)
        assert "KD40188" not in str(make_heartbeat(dock, board))
        send_heartbeat(dock, board)
        with pytest.raises(RefusedError):
            dock.client.call("POST", "/dock/v1/heartbeats", {"agent": 1})
    person = filled.people.as_role("supervisor")
    shown = find_dock(filled, "front-desk")
    for page in (person.read("/docks"), person.read(f"/docks/{shown}")):
        assert "spool 85 % full" in page
        assert "1 slot needs a person" in page
    with filled.people.installation() as installation:
        beat = find_heartbeat(installation, parse_shown_id(shown))
    assert beat is not None
    assert (beat.spool_files, beat.slots) == (1, ("free", "problem"))

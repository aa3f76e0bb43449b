"""Notes and labels: nothing unseen is taken, nothing is edited, nobody's decision is overwritten."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_of_custody.identities import new_id
from chain_of_custody.instants import utc_clock
from ingest_server.config import Config
from ingest_server.custody.actors import operator_actor
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError
from ingest_server.installation import Installation
from ingest_server.policy.values import change_policy
from ingest_server.recordings.commands import (
    MAX_LABEL,
    MAX_NOTE,
    add_label,
    add_note,
    list_label_choices,
    remove_label,
    restrict_recording,
)
from ingest_server.recordings.queries import list_labels, list_notes
from ingest_server.setup import set_up
from ingest_server.store.settings import DirectorySettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ME = operator_actor()
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    data = tmp_path_factory.mktemp("notes") / "data"
    set_up(data, Config("evidence.example/unit/2026", None, DirectorySettings(data / "store")), utc_clock)
    with Installation.open(data, utc_clock) as opened:
        yield opened


@pytest.fixture
def recording(installation: Installation) -> str:
    """A recording as ``recording.received`` makes it."""
    evidence_id = new_id()
    received = {
        "digests": {"sha2-256": "0" * 64}, "size": 3, "store_key": "originals/2026/x", "version_id": "x",
        "lock_mode": "none", "retain_until": None,
    }  # fmt: skip
    described = {
        "recorder_id": new_id(), "docking_id": new_id(), "dock_id": new_id(), "path_b64": "YQ==", "path": "a",
        "claims": [],
    }  # fmt: skip
    installation.custody.record(
        ME, Event("recording.received", "recording", evidence_id, {"received": received, "recording": described})
    )
    return evidence_id


def version(installation: Installation, evidence_id: str) -> int:
    head = installation.ledger.head(evidence_id)
    assert head is not None
    return head.version


@quick
@given(st.text(max_size=1200))
def test_a_note_is_kept_as_it_was_typed_or_refused(installation: Installation, recording: str, text: str) -> None:
    folded = text.replace("\r\n", " ").replace("\r", " ").replace("\n", " ").strip()
    is_fit = 0 < len(folded) <= MAX_NOTE and not any(unicodedata.category(c) in UNSEEN for c in folded)
    if not is_fit:
        with pytest.raises(BadRequestError, match="cannot be seen"):
            add_note(installation, ME, recording, at_ms=0, text=text)
        return
    index = add_note(installation, ME, recording, at_ms=0, text=text)
    notes = {note["index"]: note["text"] for note in list_notes(installation.catalogue, recording)}
    assert notes[index] == folded


@quick
@given(st.text(max_size=80))
def test_a_label_is_kept_as_it_was_typed_or_refused(installation: Installation, recording: str, text: str) -> None:
    folded = text.replace("\r\n", " ").replace("\r", " ").replace("\n", " ").strip()
    is_fit = 0 < len(folded) <= MAX_LABEL and not any(unicodedata.category(c) in UNSEEN for c in folded)
    seen = version(installation, recording)
    if not is_fit:
        with pytest.raises(BadRequestError):
            add_label(installation, ME, recording, text, seen=seen)
        return
    add_label(installation, ME, recording, text, seen=seen)
    assert folded in {label["label"] for label in list_labels(installation.catalogue, recording)}


@pytest.mark.parametrize("text", ["a\u202eb", "a\u200bb", "a\x00b", "a\u2028b", "\u2066x"])
def test_direction_marks_and_control_characters_are_refused_in_words(
    installation: Installation, recording: str, text: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        add_note(installation, ME, recording, at_ms=0, text=text)
    assert "不可见字符" in refused.value.say("zh-Hans")


def test_a_correction_leaves_the_first_note_where_it_is(installation: Installation, recording: str) -> None:
    first = add_note(installation, ME, recording, at_ms=1000, text="two officers")
    later = add_note(installation, ME, recording, at_ms=1000, text="three officers", corrects=first)
    notes = {note["index"]: note for note in list_notes(installation.catalogue, recording)}
    assert (notes[first]["text"], notes[first]["corrected_by"]) == ("two officers", later)
    assert notes[later]["corrects"] == first


def test_a_note_of_another_recording_is_not_corrected(installation: Installation, recording: str) -> None:
    with pytest.raises(NotFoundError):
        add_note(installation, ME, recording, at_ms=0, text="x", corrects=0)


def test_half_of_a_listed_label_means_that_label(installation: Installation, recording: str) -> None:
    for half in ("Important", "重点", "重点/Important"):
        add_label(installation, ME, recording, half, seen=version(installation, recording))
    assert [tuple(label)[:2] for label in map(dict.values, list_labels(installation.catalogue, recording))] == [
        ("重点/Important", 1)
    ]


def test_the_labels_offered_are_policy(installation: Installation) -> None:
    before = ";".join(list_label_choices(installation))
    assert change_policy(installation, ME, "recording.labels", "夜间/At night", "shorter list")
    assert list_label_choices(installation) == ["夜间/At night"]
    change_policy(installation, ME, "recording.labels", before, "back again")


def test_a_label_decided_on_an_older_state_is_refused(installation: Installation, recording: str) -> None:
    seen = version(installation, recording)
    add_label(installation, ME, recording, "first", seen=seen)
    with pytest.raises(ConflictedError):
        add_label(installation, ME, recording, "second", seen=seen)
    assert [label["label"] for label in list_labels(installation.catalogue, recording)] == ["first"]


def test_a_note_meanwhile_outdates_nobodys_decision(installation: Installation, recording: str) -> None:
    seen = version(installation, recording)
    add_note(installation, ME, recording, at_ms=0, text="meanwhile")
    add_label(installation, ME, recording, "still good", seen=seen)


@pytest.mark.parametrize("seen", [-1, 0, 99])
def test_a_decision_on_no_state_that_ever_was_is_refused(installation: Installation, recording: str, seen: int) -> None:
    with pytest.raises(ConflictedError):
        add_label(installation, ME, recording, "x", seen=seen)


def test_removing_a_label_needs_a_reason_and_keeps_both_acts(installation: Installation, recording: str) -> None:
    add_label(installation, ME, recording, "dispute", seen=version(installation, recording))
    seen = version(installation, recording)
    with pytest.raises(BadRequestError):
        remove_label(installation, ME, recording, "dispute", reason=" ", seen=seen)
    remove_label(installation, ME, recording, "dispute", reason="settled", seen=seen)
    assert list_labels(installation.catalogue, recording) == []
    types = [entry.leaf.type for entry in installation.ledger.subject_entries(recording)]
    assert types[-2:] == ["recording.labelled", "recording.unlabelled"]


def test_restricting_twice_is_told_to_the_second(installation: Installation, recording: str) -> None:
    seen = version(installation, recording)
    restrict_recording(installation, ME, recording, is_restricted=True, reason="minors", seen=seen)
    with pytest.raises(ConflictedError):
        restrict_recording(installation, ME, recording, is_restricted=True, reason="minors", seen=seen)


def test_the_catalogue_follows_from_the_ledger_alone(installation: Installation) -> None:
    assert installation.catalogue.check() == []

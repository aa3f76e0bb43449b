"""Derivatives are found by what the ledger says of them, and never shown when the store holds other bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import new_id
from chain_of_custody.instants import utc_clock
from ingest_server.config import Config
from ingest_server.custody.actors import server_actor
from ingest_server.errors import NotFoundError, UnavailableError
from ingest_server.installation import Installation
from ingest_server.media.derivatives import find_derivative, list_frames, read_derivative
from ingest_server.media.recording import Piece, make_events
from ingest_server.setup import set_up
from ingest_server.store.settings import DirectorySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PICTURE = b"\xff\xd8\xff-a-picture-\xff\xd9"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    data = tmp_path / "data"
    set_up(data, Config("evidence.example/unit/2026", None, DirectorySettings(data / "store")), utc_clock)
    with Installation.open(data, utc_clock) as opened:
        yield opened


def make(installation: Installation, evidence_id: str, kind: str, place: int = 0, at_ms: int = 0) -> None:
    stored = installation.store.put_derivative(f"derivatives/2026/{new_id()}", PICTURE)
    piece = Piece(kind, place, at_ms, "black_picture" if kind == "frame" else None, 240, 135, PICTURE)
    installation.custody.record(server_actor(), *make_events(evidence_id, [(piece, stored)], {"av": "18.1.0"}))


def test_a_thumbnail_that_was_made_is_found_and_read(installation: Installation) -> None:
    evidence_id = new_id()
    make(installation, evidence_id, "thumbnail")
    row = find_derivative(installation.catalogue, evidence_id, "thumbnail")
    assert row is not None
    assert read_derivative(installation, row) == PICTURE


def test_what_was_not_made_is_not_found(installation: Installation) -> None:
    assert find_derivative(installation.catalogue, new_id(), "poster") is None


def test_frames_are_listed_by_time_with_their_finding(installation: Installation) -> None:
    evidence_id = new_id()
    for place, at_ms in enumerate((9000, 1000)):
        make(installation, evidence_id, "frame", place, at_ms)
    frames = list_frames(installation.catalogue, evidence_id)
    assert [(frame["at_ms"], frame["finding"]) for frame in frames] == [
        (1000, "black_picture"),
        (9000, "black_picture"),
    ]


def test_other_bytes_in_the_store_are_not_shown(installation: Installation) -> None:
    evidence_id = new_id()
    make(installation, evidence_id, "thumbnail")
    row = find_derivative(installation.catalogue, evidence_id, "thumbnail")
    assert row is not None
    path = installation.data / "store" / row["store_key"]
    for changed in (PICTURE[:-1] + b"x", PICTURE + b"x", b""):
        path.chmod(0o600)
        path.write_bytes(changed)
        with pytest.raises(UnavailableError):
            read_derivative(installation, row)
    path.unlink()
    with pytest.raises(NotFoundError):
        read_derivative(installation, row)


def test_a_rebuilt_catalogue_has_the_same_derivatives(installation: Installation) -> None:
    make(installation, new_id(), "thumbnail")
    assert installation.catalogue.check() == []


def test_pictures_leave_the_version_of_a_recording_alone(installation: Installation) -> None:
    evidence_id = new_id()
    make(installation, evidence_id, "thumbnail")
    head = installation.ledger.head(evidence_id)
    assert head is not None
    assert (head.seq, head.version) == (1, 0)

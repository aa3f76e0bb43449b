"""What is searched for, before anything is searched."""

from __future__ import annotations

import pytest

from ingest_server.recordings.queries import read_local_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T14:00", "2026-11-23T14:00"),
        # A space sorts before T: compared as it is, it would match the whole day.
        ("2026-11-23 14:00:05", "2026-11-23T14:00:05"),
        (None, None),
    ],
)
def test_a_time_is_given_as_the_catalogue_compares_it(text: str | None, expected: str | None) -> None:
    assert read_local_time(text) == expected

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from agent.errors import HomeError
from agent.journal import FileState, Journal, SentPart
from chain_of_custody.instants import utc_clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.journal import FileRow

DOCKING, NEXT_DOCKING = "a" * 32, "b" * 32
DIGESTS = {"sha2-256": "0" * 64}
OTHER_DIGESTS = {"sha2-256": "1" * 64}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path, utc_clock)
    for docking_id in (DOCKING, NEXT_DOCKING):
        journal.add_docking(docking_id, "source", {"payload": docking_id}, "0" * 64)
    yield journal
    journal.close()


def add(journal: Journal, path: bytes = b"a.mp4", size: int = 5, docking_id: str = DOCKING) -> FileRow:
    return journal.add_files(docking_id, "source", [(path, size, 1)])[0]


def test_the_journal_survives_its_process(journal: Journal, tmp_path: Path) -> None:
    row = add(journal)
    journal.move(row, FileState.ACQUIRED, digests=DIGESTS, manifest={"m": 1}, manifest_sha256="f" * 64)
    journal.close()
    again = Journal.open(tmp_path, utc_clock)
    assert again.read_file(row.file_id) == row
    again.close()


def test_every_commit_is_synchronous(journal: Journal) -> None:
    assert next(iter(journal.tables.query("pragma synchronous")))["synchronous"] == 2
    assert next(iter(journal.tables.query("pragma journal_mode")))["journal_mode"] == "wal"


def test_a_counter_is_never_given_twice(journal: Journal, tmp_path: Path) -> None:
    given = [journal.next_counter() for _ in range(3)]
    journal.close()
    again = Journal.open(tmp_path, utc_clock)
    given.append(again.next_counter())
    again.close()
    assert given == [1, 2, 3, 4]


def test_a_file_nothing_was_read_of_moves_to_the_docking_that_saw_it_last(journal: Journal) -> None:
    first = add(journal)
    second = add(journal, docking_id=NEXT_DOCKING)
    assert (second.file_id, second.docking_id) == (first.file_id, NEXT_DOCKING)


@pytest.mark.parametrize("state", [FileState.INVENTORIED, FileState.ACQUIRED, FileState.UPLOADED])
def test_a_file_with_an_open_upload_keeps_its_row_and_docking(journal: Journal, state: FileState) -> None:
    first = add(journal)
    journal.move(first, state, intake_id="c" * 32, part_size=16, digests=DIGESTS)
    second = add(journal, docking_id=NEXT_DOCKING)
    assert second == first


@pytest.mark.parametrize("state", [FileState.SEALED, FileState.CLEARED, FileState.KEPT, FileState.FAILED])
def test_a_file_that_came_to_an_end_begins_anew_when_it_is_docked_again(journal: Journal, state: FileState) -> None:
    first = add(journal)
    journal.move(first, state)
    second = add(journal, docking_id=NEXT_DOCKING)
    assert second.file_id != first.file_id
    assert second.state is FileState.INVENTORIED


def test_another_size_is_another_file(journal: Journal) -> None:
    assert add(journal, size=5).file_id != add(journal, size=6).file_id


def test_a_file_in_the_place_of_one_already_read_gets_a_row_of_its_own(journal: Journal) -> None:
    old = add(journal)
    journal.move(old, FileState.ACQUIRED, digests=DIGESTS, spool_name="d" * 32)
    new = journal.add_changed(old, NEXT_DOCKING, 2)
    assert new.state is FileState.INVENTORIED
    assert journal.read_file(old.file_id).state is FileState.ACQUIRED


def test_an_upload_that_is_gone_takes_its_parts_with_it(journal: Journal) -> None:
    row = add(journal)
    journal.move(row, FileState.UPLOADED, intake_id="c" * 32, part_size=16)
    journal.add_part(row, SentPart(1, 5, "0" * 64, "etag"))
    journal.drop_upload(row, FileState.INVENTORIED)
    assert journal.list_parts(row) == {}
    assert journal.read_file(row.file_id) == row
    assert (row.state, row.intake_id, row.part_size) == (FileState.INVENTORIED, None, None)


def test_only_a_larger_checkpoint_replaces_the_stored_one(journal: Journal) -> None:
    journal.keep_checkpoint(5, b"five")
    journal.keep_checkpoint(4, b"four")
    assert journal.read_checkpoint() == b"five"
    journal.keep_checkpoint(6, b"six")
    assert journal.read_checkpoint() == b"six"


def test_a_failed_file_is_no_longer_unsafe_once_it_was_taken_after_all(journal: Journal) -> None:
    row = add(journal)
    journal.move(row, FileState.FAILED, reason="still growing")
    assert [unsafe.path for unsafe in journal.list_unsafe()] == [b"a.mp4"]
    journal.move(add(journal, docking_id=NEXT_DOCKING), FileState.SEALED)
    assert journal.list_unsafe() == []


def test_a_spooled_file_stays_unsafe_though_another_was_sealed_in_its_place(journal: Journal) -> None:
    old = add(journal)
    journal.move(old, FileState.ACQUIRED, digests=DIGESTS, spool_name="d" * 32)
    journal.move(journal.add_changed(old, NEXT_DOCKING, 2), FileState.SEALED)
    assert [unsafe.file_id for unsafe in journal.list_unsafe()] == [old.file_id]


def test_the_spool_is_wanted_until_its_file_is_sealed(journal: Journal) -> None:
    row = add(journal)
    journal.move(row, FileState.ACQUIRED, spool_name="d" * 32)
    assert journal.list_spooled() == {"d" * 32}
    journal.move(row, FileState.SEALED)
    assert journal.list_spooled() == set()


def test_a_sealed_file_is_known_by_place_and_size_and_proven_by_digest(journal: Journal) -> None:
    row = add(journal)
    journal.move(row, FileState.SEALED, digests=DIGESTS)
    assert journal.is_sealed_before("source", b"a.mp4", 5)
    assert not journal.is_sealed_before("other source", b"a.mp4", 5)
    assert journal.is_sealed_before("source", b"a.mp4", 5, DIGESTS)
    assert not journal.is_sealed_before("source", b"a.mp4", 5, OTHER_DIGESTS)


def test_a_report_is_kept_until_the_server_has_it(journal: Journal) -> None:
    journal.keep_report(DOCKING, {"r": 1})
    assert journal.list_reports() == [(DOCKING, {"r": 1})]
    journal.mark_closed(DOCKING)
    assert journal.list_reports() == []


def test_the_journal_can_be_read_while_another_process_writes(journal: Journal, tmp_path: Path) -> None:
    add(journal)
    beside = Journal.open_beside(tmp_path, utc_clock)
    assert beside.count_states() == {"inventoried": 1}
    with pytest.raises(HomeError):
        beside.next_counter()
    beside.close()


def test_a_damaged_journal_is_named_in_words(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    path = tmp_path / "journal.db"
    for extra in tmp_path.glob("journal.db-*"):
        extra.unlink()
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(HomeError, match="journal"):
        Journal.open(tmp_path, utc_clock)


def test_an_interrupted_addition_leaves_no_half_of_it(journal: Journal) -> None:
    with pytest.raises((sqlite3.Error, HomeError)):
        journal.add_files(DOCKING, "source", [(b"a", 1, 1), (b"b", None, 1)])  # type: ignore[list-item]
    assert journal.count_states() == {}

"""An upload's folder after crashes: what is listed is there, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.store import StoreUnavailableError, UploadedPart, UploadGoneError
from ingest_server.store.directory_uploads import (
    OpenUpload,
    create_upload,
    freeze_data,
    hold_part,
    hold_upload,
    load_upload,
    note_part,
    open_data,
    read_parts,
    remove_upload,
)

if TYPE_CHECKING:
    from pathlib import Path

KEY = "originals/2026/" + "0" * 32
DIGEST = "a" * 64


@pytest.fixture
def upload(tmp_path: Path) -> OpenUpload:
    return create_upload(tmp_path, KEY, 100)


def test_an_upload_is_found_again(upload: OpenUpload, tmp_path: Path) -> None:
    assert load_upload(tmp_path, KEY, upload.upload_id) == upload


def test_the_last_line_about_a_part_holds(upload: OpenUpload) -> None:
    note_part(upload, 1, 100, "b" * 64)
    note_part(upload, 1, 100, None)
    note_part(upload, 2, 7, DIGEST)
    assert read_parts(upload) == {2: UploadedPart(2, 7, DIGEST, DIGEST)}


@pytest.mark.parametrize("torn", [b"\n[1, 100", b"\n", b"\n\x00\x00\x00\x00", b'\n[1, 100, "aaaa'])
def test_a_torn_line_says_nothing_and_does_not_swallow_the_next(upload: OpenUpload, torn: bytes) -> None:
    with upload.journal_path.open("ab") as journal:
        journal.write(torn)
    note_part(upload, 2, 7, DIGEST)
    assert list(read_parts(upload)) == [2]


@given(junk=st.binary(max_size=200))
def test_any_journal_can_be_read(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    made = create_upload(tmp_path_factory.mktemp("uploads"), KEY, 100)
    made.journal_path.write_bytes(junk)
    note_part(made, 3, 7, DIGEST)
    assert read_parts(made)[3].size == 7


@pytest.mark.parametrize("line", [b"{}", b"[]", b"[1]", b"null", b'"x"', b"[[], 1, 2]", b"[1, 2, 3, 4]"])
def test_a_line_that_is_no_part_says_nothing(upload: OpenUpload, line: bytes) -> None:
    upload.journal_path.write_bytes(b"\n" + line + b"\n")
    assert read_parts(upload) == {}


def test_a_folder_without_description_is_no_upload(upload: OpenUpload, tmp_path: Path) -> None:
    (upload.folder / "upload.json").unlink()
    with pytest.raises(UploadGoneError):
        load_upload(tmp_path, KEY, upload.upload_id)


def test_nothing_is_written_once_completion_has_begun(upload: OpenUpload) -> None:
    freeze_data(upload, 5)
    assert upload.data_path.stat().st_size == 5
    with pytest.raises(UploadGoneError):
        open_data(upload)


def test_a_part_is_received_by_one_at_a_time(upload: OpenUpload) -> None:
    with hold_part(upload, 1), hold_part(upload, 2), pytest.raises(StoreUnavailableError), hold_part(upload, 1):
        pass


def test_completion_waits_for_parts_being_received(upload: OpenUpload) -> None:
    with (
        hold_upload(upload, alone=False),
        hold_upload(upload, alone=False),
        pytest.raises(StoreUnavailableError),
        hold_upload(upload, alone=True),
    ):
        pass


def test_a_removed_upload_cannot_be_held(upload: OpenUpload) -> None:
    remove_upload(upload)
    assert not upload.folder.exists()
    with pytest.raises(UploadGoneError), hold_upload(upload, alone=False):
        pass


def test_the_description_holds_no_more_than_key_and_part_size(upload: OpenUpload) -> None:
    assert json.loads((upload.folder / "upload.json").read_text()) == {"key": KEY, "part_size": 100}

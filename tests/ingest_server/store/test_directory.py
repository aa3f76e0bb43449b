"""Originals in a folder: crashes at every step, kills at any moment, and bytes that were changed behind our back."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest_server.store import (
    StoreRefusedError,
    StoreUnavailableError,
    UploadedPart,
    UploadGoneError,
    VersionMissingError,
)
from ingest_server.store.directory import DirectoryStore, create_directory
from ingest_server.store.directory_uploads import freeze_data, load_upload
from tests.support.store_worker import open_killed_store, part_bytes, send_part
from tests.support.stores import new_key, now

if TYPE_CHECKING:
    from collections.abc import Callable

PART_SIZE = 256 * 1024
ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    create_directory(tmp_path / "store")
    return open_killed_store(tmp_path / "store")


def fill_upload(store: DirectoryStore) -> tuple[str, str, list[UploadedPart]]:
    key = new_key()
    upload_id = store.create_upload(key, lock_until=None, part_size=PART_SIZE)
    return key, upload_id, [send_part(store, key, upload_id, number) for number in (1, 2, 3)]


def expected_bytes(key: str) -> bytes:
    return b"".join(part_bytes(key, number) for number in (1, 2, 3))


def read_all(store: DirectoryStore, key: str) -> bytes:
    return b"".join(store.read(key, key.rpartition("/")[2]))


def test_an_original_is_a_read_only_file_under_its_key(store: DirectoryStore) -> None:
    key, upload_id, parts = fill_upload(store)
    store.complete_upload(key, upload_id, parts)
    path = store.root / key
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.stat().st_nlink == 1
    assert list(store.uploads.iterdir()) == []


def test_the_version_id_is_the_intake_id(store: DirectoryStore) -> None:
    key, upload_id, parts = fill_upload(store)
    assert store.complete_upload(key, upload_id, parts).version_id == key.rpartition("/")[2]


@pytest.mark.parametrize("step", ["open", "fsync", "link", "unlink", "rmtree"])
def test_a_crash_at_any_step_of_completion_is_finished_by_the_next_call(
    store: DirectoryStore, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, upload_id, parts = fill_upload(store)
    crash_in(step, monkeypatch)
    with pytest.raises(StoreUnavailableError):
        store.complete_upload(key, upload_id, parts)
    monkeypatch.undo()
    assert store.complete_upload(key, upload_id, parts).size == 2 * PART_SIZE + 1000
    assert read_all(store, key) == expected_bytes(key)
    assert (store.root / key).stat().st_nlink == 1


def crash_in(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one system call fail, after it was done where that is the worse case."""
    from ingest_server.store import directory

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    def done_but_failed(call: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: Any, **named: Any) -> None:
            call(*arguments, **named)
            fail()

        return run

    match step:
        case "open":
            monkeypatch.setattr(directory, "freeze_data", fail)
        case "fsync":
            monkeypatch.setattr(directory, "freeze_data", done_but_failed(directory.freeze_data))
        case "link":
            monkeypatch.setattr(os, "link", done_but_failed(os.link))
        case "unlink":
            done = done_but_failed(directory.link_without_overwriting)
            monkeypatch.setattr(directory, "link_without_overwriting", done)
        case "rmtree":
            monkeypatch.setattr(directory, "remove_upload", fail)


def test_an_upload_frozen_by_a_crash_can_still_be_completed(store: DirectoryStore) -> None:
    key, upload_id, parts = fill_upload(store)
    freeze_data(load_upload(store.uploads, key, upload_id), 2 * PART_SIZE + 1000)
    store.complete_upload(key, upload_id, parts)
    assert read_all(store, key) == expected_bytes(key)


def test_no_part_is_written_into_an_original_that_still_has_its_upload(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, upload_id, parts = fill_upload(store)
    crash_in("link", monkeypatch)
    with pytest.raises(StoreUnavailableError):
        store.complete_upload(key, upload_id, parts)
    monkeypatch.undo()
    (store.uploads / upload_id / "parts.journal").write_bytes(b"")
    with pytest.raises(UploadGoneError):
        send_part(store, key, upload_id, 1)


def test_a_second_upload_never_replaces_an_original(store: DirectoryStore) -> None:
    key = new_key()
    uploads = [store.create_upload(key, lock_until=None, part_size=PART_SIZE) for _ in range(2)]
    parts = [[send_part(store, key, upload_id, number) for number in (1, 2, 3)] for upload_id in uploads]
    store.complete_upload(key, uploads[0], parts[0])
    inode = (store.root / key).stat().st_ino
    with pytest.raises(StoreRefusedError):
        store.complete_upload(key, uploads[1], parts[1])
    assert (store.root / key).stat().st_ino == inode


def test_a_used_key_opens_no_upload(store: DirectoryStore) -> None:
    key, upload_id, parts = fill_upload(store)
    store.complete_upload(key, upload_id, parts)
    with pytest.raises(StoreRefusedError):
        store.create_upload(key, lock_until=None, part_size=PART_SIZE)


def test_parts_with_a_gap_between_them_are_not_completed(store: DirectoryStore) -> None:
    key = new_key()
    upload_id = store.create_upload(key, lock_until=None, part_size=2 * PART_SIZE)
    parts = [send_part(store, key, upload_id, number) for number in (1, 2)]
    with pytest.raises(StoreRefusedError, match="only the last part"):
        store.complete_upload(key, upload_id, parts)


def test_a_changed_original_reads_as_changed(store: DirectoryStore) -> None:
    key, upload_id, parts = fill_upload(store)
    store.complete_upload(key, upload_id, parts)
    path = store.root / key
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"\x00\x01\x02")
    assert hashlib.sha256(read_all(store, key)).digest() != hashlib.sha256(expected_bytes(key)).digest()


@pytest.mark.parametrize("make", ["symlink", "folder"])
def test_what_is_no_file_is_no_original(store: DirectoryStore, tmp_path: Path, make: str) -> None:
    key = new_key()
    (store.root / key).parent.mkdir(parents=True)
    if make == "symlink":
        (tmp_path / "secret").write_text("not an original")
        (store.root / key).symlink_to(tmp_path / "secret")
    else:
        (store.root / key).mkdir()
    with pytest.raises(VersionMissingError):
        read_all(store, key)


def test_a_missing_folder_is_named_by_the_probe(store: DirectoryStore) -> None:
    store.uploads.rmdir()
    report = store.probe(now())
    assert [check.name for check in report.checks if not check.passed] == ["uploads_folder_is_writable"]


def test_the_store_says_that_it_does_not_protect(store: DirectoryStore) -> None:
    assert [finding.code for finding in store.probe(now()).findings] == ["store_not_protected"]
    assert [finding.code for finding in store.run_canary(now()).findings] == ["store_not_protected"]


def test_the_canary_leaves_nothing_behind(store: DirectoryStore) -> None:
    assert store.run_canary(now()).ok
    assert list(store.uploads.iterdir()) == []
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_an_upload_that_nobody_touched_for_a_week_is_removed(store: DirectoryStore) -> None:
    key, upload_id, _ = fill_upload(store)
    store.run_canary(now() + timedelta(days=6))
    assert len(store.list_parts(key, upload_id)) == 3
    store.run_canary(now() + timedelta(days=8))
    with pytest.raises(UploadGoneError):
        store.list_parts(key, upload_id)


@pytest.mark.faults
def test_whatever_was_acknowledged_is_there_after_kills_at_any_moment(tmp_path: Path) -> None:
    root = tmp_path / "store"
    create_directory(root)
    store = open_killed_store(root)
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    facts: list[dict[str, Any]] = []
    for _ in range(12):
        facts += run_and_kill(root, 0.35 + chance.random() * 0.3)
    assert any("completed" in fact for fact in facts), f"seed {seed}: no kill hit a program at work"
    for key in {fact["completed"] for fact in facts if "completed" in fact}:
        assert read_all(store, key) == expected_bytes(key), f"seed {seed}: {key}"
    for fact in facts:
        if "part" in fact:
            check_part(store, fact["key"], fact["upload_id"], fact["part"], f"seed {seed}: {fact}")
    # Whatever was open when the program died can be finished, from the parts that count.
    for fact in facts:
        if "opened" in fact:
            finish_upload(store, fact["opened"], fact["upload_id"])
            assert read_all(store, fact["opened"]) == expected_bytes(fact["opened"]), f"seed {seed}: {fact}"
    left = {path.parent.name for path in store.uploads.glob("*/upload.json")}
    assert left.isdisjoint(fact.get("upload_id") for fact in facts), f"seed {seed}"


def run_and_kill(root: Path, seconds: float) -> list[dict[str, Any]]:
    """Run the worker, kill it, and return what it acknowledged."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.support.store_worker", str(root)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert worker.stdout is not None
    first = worker.stdout.readline()
    time.sleep(seconds - 0.3)
    worker.kill()
    said = first + worker.stdout.read()
    worker.stdout.close()
    worker.wait()
    return [json.loads(line) for line in said.splitlines() if line.endswith(b"}")]


def check_part(store: DirectoryStore, key: str, upload_id: str, number: int, where: str) -> None:
    """An acknowledged part is listed with the right bytes in its place, unless its upload is complete."""
    try:
        listed = {part.number: part.etag for part in store.list_parts(key, upload_id)}
    except UploadGoneError:
        assert store.find_version(key) is not None, where
        return
    assert listed[number] == hashlib.sha256(part_bytes(key, number)).hexdigest(), where
    path = store.uploads / upload_id / "data"
    data = (path if path.exists() else store.root / key).read_bytes()
    start = (number - 1) * PART_SIZE
    assert data[start : start + len(part_bytes(key, number))] == part_bytes(key, number), where


def finish_upload(store: DirectoryStore, key: str, upload_id: str) -> None:
    """Do what a dock does after any interruption: list, send what is missing, complete."""
    try:
        present = {part.number for part in store.list_parts(key, upload_id)}
    except UploadGoneError:
        return
    parts = []
    for number in (1, 2, 3):
        if number not in present:
            send_part(store, key, upload_id, number)
        data = part_bytes(key, number)
        digest = hashlib.sha256(data).hexdigest()
        parts.append(UploadedPart(number, len(data), digest, digest))
    store.complete_upload(key, upload_id, parts)

"""One open upload of the directory store: a folder that any crash leaves readable.

    uploads/<upload id>/upload.json      key and part size, written once
                        data             every part at its own offset, so that completion copies nothing
                        parts.journal    one line for each part that is durable in ``data``, or no longer
                        part-<n>.lock    held while part n is being received

A part counts when its line stands in the journal, and the line is written after the part's bytes are durable. Before
a part is overwritten with other bytes a line takes it back. Once the data file is read-only the upload is being
completed: it may already be the original itself, under a second name, and nothing is written to it any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.durable import fsync_dir, write_file
from ingest_server.store.contract import UploadedPart, check_key
from ingest_server.store.errors import StoreUnavailableError, UploadGoneError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_LINE = re.compile(rb'\[(\d{1,5}), (\d{1,13}), (?:"([0-9a-f]{64})"|null)\]')
_READ_ONLY = 0o444


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that can receive parts."""

    folder: Path
    upload_id: str
    key: str
    part_size: int

    @property
    def data_path(self) -> Path:
        """The file that all parts are written into and that becomes the original."""
        return self.folder / "data"

    @property
    def journal_path(self) -> Path:
        """The list of durable parts."""
        return self.folder / "parts.journal"

    def offset_of(self, number: int) -> int:
        """Where part ``number`` begins."""
        return (number - 1) * self.part_size


def create_upload(uploads: Path, key: str, part_size: int) -> OpenUpload:
    """Make the folder of a new upload; durable on return."""
    if part_size < 1:
        raise ValueError("a part size is at least one byte")
    upload_id = secrets.token_hex(16)
    upload = OpenUpload(uploads / upload_id, upload_id, check_key(key), part_size)
    upload.folder.mkdir(mode=0o700)
    for path in (upload.data_path, upload.journal_path):
        path.touch(mode=0o600)
    # The description comes last: a folder without one is no upload, whatever else a crash left in it.
    write_file(upload.folder / "upload.json", json.dumps({"key": key, "part_size": part_size}).encode())
    fsync_dir(uploads)
    return upload


def load_upload(uploads: Path, key: str, upload_id: str) -> OpenUpload:
    """Find an open upload of ``key``.

    Raises:
        UploadGoneError: There is none: it was completed or aborted, or never was.
    """
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise UploadGoneError("there is no such upload")
    folder = uploads / upload_id
    try:
        described = json.loads((folder / "upload.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UploadGoneError("there is no such upload") from error
    if described["key"] != key:
        raise UploadGoneError("there is no such upload of this object")
    return OpenUpload(folder, upload_id, key, described["part_size"])


def read_parts(upload: OpenUpload) -> dict[int, UploadedPart]:
    """Read the journal: the durable parts by number. The last line about a part holds; torn lines say nothing."""
    parts: dict[int, UploadedPart] = {}
    try:
        lines = upload.journal_path.read_bytes().split(b"\n")
    except FileNotFoundError as error:
        raise UploadGoneError("the upload is being removed") from error
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        number, size, digest = int(match[1]), int(match[2]), match[3]
        if digest is None:
            parts.pop(number, None)
        else:
            parts[number] = UploadedPart(number, size, digest.decode(), digest.decode())
    return dict(sorted(parts.items()))


def note_part(upload: OpenUpload, number: int, size: int, sha256_hex: str | None) -> None:
    """Write one line of the journal, durably: the part is there, or (null digest) no longer.

    A line begins with a line feed too, so that one torn by a crash cannot swallow the next.
    """
    line = b"\n" + json.dumps([number, size, sha256_hex]).encode() + b"\n"
    descriptor = os.open(upload.journal_path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        if os.write(descriptor, line) != len(line):
            raise StoreUnavailableError("the disk took only part of the journal's line")
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def open_data(upload: OpenUpload) -> int:
    """Open the data file for writing; the caller closes it.

    Raises:
        UploadGoneError: It is read-only: completion has begun, and it may already be the original.
    """
    try:
        descriptor = os.open(upload.data_path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError) as error:
        raise UploadGoneError("the upload is being completed or removed") from error
    # An administrator's process may open read-only files, so the bit is looked at too.
    if not os.fstat(descriptor).st_mode & stat.S_IWUSR:
        os.close(descriptor)
        raise UploadGoneError("the upload is being completed")
    return descriptor


def freeze_data(upload: OpenUpload, size: int) -> None:
    """Give the data file its exact size and take away the right to write it; durable on return."""
    descriptor = os.open(upload.data_path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.ftruncate(descriptor, size)
        os.fchmod(descriptor, _READ_ONLY)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def hold_upload(upload: OpenUpload, *, alone: bool) -> Iterator[None]:
    """Hold the upload: together with others while receiving, alone while completing or aborting.

    Raises:
        StoreUnavailableError: It is held otherwise at the moment.
        UploadGoneError: It was removed in the meantime.
    """
    with _lock_file(upload.folder / "upload.json", exclusive=alone, create=False):
        yield


@contextlib.contextmanager
def hold_part(upload: OpenUpload, number: int) -> Iterator[None]:
    """Keep everybody else from writing this part; the lock ends with this process too.

    Raises:
        StoreUnavailableError: Somebody is writing it at the moment.
    """
    with _lock_file(upload.folder / f"part-{number}.lock", exclusive=True, create=True):
        yield


def remove_upload(upload: OpenUpload) -> None:
    """Remove the folder; the description goes first, so that a half-removed upload is none."""
    (upload.folder / "upload.json").unlink(missing_ok=True)
    shutil.rmtree(upload.folder, ignore_errors=True)
    fsync_dir(upload.folder.parent)


def remove_stale_uploads(uploads: Path, before: datetime) -> int:
    """Remove uploads whose last part came before ``before``, and count them.

    Such are left when a server dies between opening an upload and noting it, and when a dock never comes back; a dock
    begins an upload anew long before (formats.md §7).
    """
    removed = 0
    for journal in uploads.glob("*/parts.journal"):
        upload = OpenUpload(journal.parent, journal.parent.name, "", 0)
        try:
            if journal.stat().st_mtime < before.timestamp():
                with hold_upload(upload, alone=True):
                    remove_upload(upload)
                    removed += 1
        except (UploadGoneError, StoreUnavailableError, FileNotFoundError):
            # Somebody is at work on it, so it is not stale, or it is gone already.
            continue
    return removed


@contextlib.contextmanager
def _lock_file(path: Path, *, exclusive: bool, create: bool) -> Iterator[None]:
    """Hold ``flock`` on one file, which works between threads and between processes alike."""
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError as error:
        raise UploadGoneError("there is no such upload") from error
    try:
        mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreUnavailableError("another request is at work on this upload") from error
        if not path.exists():
            raise UploadGoneError("the upload was removed meanwhile")
        yield
    finally:
        os.close(descriptor)

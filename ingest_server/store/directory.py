"""The directory store: originals as read-only files on this machine. No server needed, and no lock either.

    <root>/originals/<yyyy>/<intake id>      one file for each original, read-only
    <root>/derivatives/<yyyy>/<32 hex>       small objects made from originals, read-only
    <root>/uploads/<upload id>/              open uploads (``directory_uploads``)

It is stated wherever it is used: not protected against this machine's administrator. What it does protect against is
accident: a part is stored only if its digest is the signed one, a name is never used twice, and nothing is reported
complete before it is durable.
"""

from __future__ import annotations

import errno
import os
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from minio.credentials.credentials import Credentials

from chain_of_custody.digests import sha256_hex
from chain_of_custody.durable import create_file_exclusively, fsync_dir, link_without_overwriting, make_dir
from chain_of_custody.findings import Finding
from ingest_server.store import directory_canary
from ingest_server.store.contract import (
    READ_CHUNK,
    CanaryReport,
    CapabilityReport,
    Check,
    LockMode,
    LockState,
    PartRequest,
    StoredPart,
    StoredVersion,
    UploadedPart,
    check_derivative,
    check_key,
)
from ingest_server.store.directory_uploads import (
    OpenUpload,
    create_upload,
    freeze_data,
    hold_upload,
    load_upload,
    read_parts,
    remove_stale_uploads,
    remove_upload,
)
from ingest_server.store.errors import (
    StoreRefusedError,
    StoreUnavailableError,
    UploadGoneError,
    VersionMissingError,
)
from ingest_server.store.signing import sign_part_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

PART_ROUTE = "/store/v1/parts/"
"""Path of the server's own endpoint for parts; the key follows."""

STALE_AFTER = timedelta(days=7)
"""An upload that nothing was added to for so long is removed, as S3 servers do (MinIO after a day)."""

PART_ACCOUNT = "evidock"
PART_REGION = "directory"


class DirectoryStore:
    """Keeps the contract of ``ObjectStore`` with files; usable from several threads and processes."""

    kind: Literal["directory"] = "directory"

    def __init__(self, root: Path, part_secret: str, public_url: Callable[[], str]) -> None:
        """Use the folders below ``root``, made by ``create_directory``.

        Args:
            root: The store's folder.
            part_secret: Signs part requests; only this installation knows it.
            public_url: Gives the server's address as docks see it, at the time of each signature.
        """
        if not part_secret:
            raise ValueError("part requests need a secret to be signed with")
        self.root = root
        self.uploads = root / "uploads"
        self.part_keys = Credentials(PART_ACCOUNT, part_secret)
        self.public_url = public_url

    def create_upload(self, key: str, *, lock_until: datetime | None, part_size: int) -> str:  # noqa: ARG002 (no locks)
        """Open an upload; ``lock_until`` is ignored, as ``read_lock`` then says."""
        with translate_disk_errors("open the upload"):
            if self.path_of(key).exists():
                raise StoreRefusedError("this key has been used")
            return create_upload(self.uploads, key, part_size).upload_id

    def sign_part(
        self, key: str, upload_id: str, number: int, size: int, sha256_hex: str, *, now: datetime
    ) -> PartRequest:
        """Sign a part request for the server's own endpoint."""
        return sign_part_request(
            self.public_url().rstrip("/"),
            PART_ROUTE + check_key(key),
            upload_id,
            number,
            size,
            sha256_hex,
            keys=self.part_keys,
            region=PART_REGION,
            now=now,
        )

    def store_part(self, key: str, upload_id: str, number: int, data: bytes) -> UploadedPart:
        """Write the part in its place as the endpoint does for a signed request."""
        # The receiver is written on top of this store.
        from ingest_server.store.directory_parts import PartReceiver, SignedPart

        digest = sha256_hex(data)
        with PartReceiver(self, SignedPart(key, upload_id, number, len(data), digest)) as receiver:
            receiver.write(data)
            stored = receiver.finish()
        return UploadedPart(number, len(data), digest, stored.etag)

    def list_parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """List the parts whose journal line stands."""
        parts = read_parts(load_upload(self.uploads, key, upload_id))
        return [StoredPart(part.number, part.size, part.etag) for part in parts.values()]

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> StoredVersion:
        """Freeze the data file and give it the key's name. Nothing is copied; the cost does not grow with the size."""
        total = sum(part.size for part in parts)
        try:
            upload = load_upload(self.uploads, key, upload_id)
            with translate_disk_errors("complete the upload"), hold_upload(upload, alone=True):
                _compare_parts(upload, parts, read_parts(upload))
                self._publish(upload, total)
                remove_upload(upload)
        except UploadGoneError:
            # The first call's answer was lost, or it died while removing the upload's folder.
            made = self.find_version(key)
            if made is None or made.size != total:
                raise
        return StoredVersion(key, _version_of(key), total)

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Remove the upload's folder; the original, should it exist already, has a name of its own."""
        try:
            upload = load_upload(self.uploads, key, upload_id)
            with hold_upload(upload, alone=True):
                remove_upload(upload)
        except UploadGoneError:
            return

    def find_version(self, key: str) -> StoredVersion | None:
        """Look for the file. A process may have died right after naming it, so the name is made durable first."""
        path = self.path_of(key)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        with translate_disk_errors("look for the object"):
            fsync_dir(path.parent)
        return StoredVersion(key, _version_of(key), size)

    def put_derivative(self, key: str, data: bytes) -> StoredVersion:
        """Write the file under a name of its own, then give it the key's name, which never replaces anything."""
        final = self.path_of(check_derivative(key, data))
        with translate_disk_errors("store the derivative"):
            make_dir(final.parent)
            unfinished = final.with_name(f".{final.name}.{secrets.token_hex(6)}.tmp")
            create_file_exclusively(unfinished, data, 0o400, sync_folder=False)
            try:
                link_without_overwriting(unfinished, final)
            except FileExistsError as error:
                unfinished.unlink()
                if final.read_bytes() != data:
                    raise StoreRefusedError("this key has been used for another derivative") from error
                fsync_dir(final.parent)
        return StoredVersion(key, _version_of(key), len(data))

    def read(self, key: str, version_id: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read the file; when it is read whole the page cache is dropped first, so that the medium answers."""
        path = self._existing(key, version_id)
        try:
            with path.open("rb", buffering=0) as file:
                if offset == 0 and length is None:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
                file.seek(offset)
                left = length
                while left is None or left > 0:
                    chunk = file.read(READ_CHUNK if left is None else min(READ_CHUNK, left))
                    if not chunk:
                        return
                    left = None if left is None else left - len(chunk)
                    yield chunk
        except OSError as error:
            raise StoreUnavailableError(f"the original cannot be read ({error.strerror})") from error

    def read_lock(self, key: str, version_id: str) -> LockState:
        """There are no locks here, and this says so for every version that exists."""
        self._existing(key, version_id)
        return LockState(LockMode.NONE, None)

    def extend_lock(self, key: str, version_id: str, until: datetime) -> None:  # noqa: ARG002 (no locks)
        """Do nothing: ``read_lock`` tells that there is no lock."""
        self._existing(key, version_id)

    def probe(self, now: datetime) -> CapabilityReport:  # noqa: ARG002 (a folder has no clock of its own)
        """Look whether the folders are there and can be written."""
        checks = tuple(
            Check(f"{path.name}_folder_is_writable", path.is_dir() and os.access(path, os.W_OK), str(path.name))
            for path in (self.root, self.root / "originals", self.uploads)
        )
        return CapabilityReport("directory", checks, (unprotected_finding(),))

    def run_canary(self, now: datetime) -> CanaryReport:
        """Try what this store does promise, and tidy up; that it has no lock is a finding of every report."""
        remove_stale_uploads(self.uploads, now - STALE_AFTER)
        return directory_canary.run_canary(self, now, (unprotected_finding(),))

    def close(self) -> None:
        """Nothing is kept open."""

    def path_of(self, key: str) -> Path:
        """Give the path of an original."""
        return self.root / check_key(key)

    def _existing(self, key: str, version_id: str) -> Path:
        path = self.path_of(key)
        if version_id != _version_of(key) or not path.is_file() or path.is_symlink():
            raise VersionMissingError("there is no such version")
        return path

    def _publish(self, upload: OpenUpload, total: int) -> None:
        """Make the upload's data file the original; repeated after a crash it goes on where it was."""
        final = self.path_of(upload.key)
        if final.exists():
            # 1. A crash in or after step 3: the original is the data file, perhaps still under both names.
            if upload.data_path.exists() and not final.samefile(upload.data_path):
                raise StoreRefusedError("this key has been used by another upload")
            return
        # 2. From here on nobody writes to it; a crash now leaves an upload that can only be completed or aborted.
        freeze_data(upload, total)
        # 3. The final name, given in a way that unlike a rename never replaces an original that is there.
        make_dir(final.parent)
        try:
            link_without_overwriting(upload.data_path, final)
        except FileExistsError as error:
            raise StoreRefusedError("this key has been used by another upload") from error


def create_directory(root: Path) -> None:
    """Make the store's folders, durably; may be repeated."""
    for name in ("originals", "uploads"):
        make_dir(root / name)


def unprotected_finding() -> Finding:
    """Give the finding that belongs to every report about a directory store."""
    text = "originals on this store are not protected against this machine's administrator"
    return Finding("store_not_protected", "warning", "directory", text)


class translate_disk_errors:  # noqa: N801 (reads as a statement: with translate_disk_errors(...))
    """Turn the operating system's errors into the store's: a full disk is temporary, and so is a failing one."""

    def __init__(self, what: str) -> None:
        """Name what was being done."""
        self._what = what

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Raise the store's error in place of the system's."""
        if isinstance(error, OSError):
            is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            reason = "the disk is full" if is_full else str(error.strerror)
            raise StoreUnavailableError(f"{self._what}: {reason}") from error


def _version_of(key: str) -> str:
    """A file has one version for ever: it is named by the last part of its key, the intake id."""
    return key.rpartition("/")[2]


def _compare_parts(upload: OpenUpload, sent: Sequence[UploadedPart], stored: dict[int, UploadedPart]) -> None:
    """Refuse unless the durable parts are exactly those that were sent and lie without a gap."""
    if [part.number for part in sent] != list(range(1, len(sent) + 1)) or not sent:
        raise StoreRefusedError("parts are numbered from 1 without a gap")
    ours = [(part.number, part.size, part.sha256_hex) for part in sent]
    theirs = [(part.number, part.size, part.sha256_hex) for part in stored.values()]
    if ours != theirs:
        raise StoreRefusedError("the store's parts are not the parts that were sent")
    if any(part.size != upload.part_size for part in sent[:-1]):
        raise StoreRefusedError("only the last part may be shorter than the upload's part size")

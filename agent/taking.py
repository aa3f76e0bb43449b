"""Taking one file: reading it once into parts or spool, and bringing what was read to its seal."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agent.copying import FilledPart, hash_source, read_parts
from agent.errors import FileChangedError, RefusedError, UnreachableError
from agent.inventory import sign_manifest
from agent.journal import FileRow, FileState
from agent.pending import post_docking
from agent.sealing import needs_new_upload, seal_known, seal_upload
from agent.spool import SpoolFile, SpoolWriter, remove_spooled

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from agent.copying import ByteSource
    from agent.dock import Dock
    from agent.uploading import Upload, Uploader
    from chain_of_custody.digests import Digests

UPLOAD_TRIES = 3


class OpenableSource(Protocol):
    """A file that can be opened for one read pass."""

    def __enter__(self) -> ByteSource:
        """Open it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""


@dataclass(slots=True)
class Taken:
    """A file that was read to its end and is not sealed yet: its row, digests, and the upload under way."""

    row: FileRow
    digests: Digests
    upload: Upload | None
    open_source: Callable[[], OpenableSource]


class FileTaker:
    """Takes files, one after another; finishing them may run beside."""

    def __init__(self, dock: Dock, uploader: Uploader) -> None:
        """Take for this dock through these senders."""
        self._dock = dock
        self._uploader = uploader

    def take(self, row: FileRow, open_source: Callable[[], OpenableSource], *, is_known: bool) -> Taken:
        """Read a file and hand its parts to the senders.

        A file whose path and size are known, or that an earlier run has read, is hashed before an upload is opened.

        Raises:
            SourceError: The recorder does not give it.
            UnreachableError: Neither server nor spool can take it now.
            RefusedError: The server refuses it.
        """
        if row.state in {FileState.ACQUIRED, FileState.UPLOADED} and row.digests is not None:
            return self._take_again(row, open_source)
        if is_known:
            digests = self._hash(open_source)
            self._sign(row, digests, keep_state=True)
            return Taken(row, digests, None, open_source)
        return self._read_and_send(row, open_source)

    def finish(self, taken: Taken) -> bool:
        """Wait for the parts and bring the file to its seal; says whether it was known before.

        Raises:
            RefusedError, ReceiptRefusedError, UnreachableError: It is not sealed.
            SourceError: It had to be read again and the recorder did not give it.
        """
        row = taken.row
        for _ in range(UPLOAD_TRIES):
            try:
                return self._seal(taken)
            except RefusedError as error:
                if error.code == "not_known":
                    taken.upload = None
                elif not needs_new_upload(error):
                    raise
            # Sent anew, from the spool where there is a copy, else by a second read; the digests must be the same.
            self._dock.journal.drop_upload(row)
            again = self._read_and_send(row, self._find_source(taken), expected=taken.digests)
            taken.upload = again.upload
        raise UnreachableError("the upload is refused again and again; it is tried at the next docking")

    def _seal(self, taken: Taken) -> bool:
        row = taken.row
        if taken.upload is None and row.intake_id is None:
            return seal_known(self._dock, row)
        if taken.upload is not None:
            taken.upload.wait()
            if row.manifest is None:
                self._sign(row, taken.digests, keep_state=False)
        if row.state is not FileState.UPLOADED:
            self._dock.journal.move(row, FileState.UPLOADED)
            self._dock.reporter.show_state(row.path, "uploaded", size=row.size, digests=row.digests)
        return seal_upload(self._dock, row)

    def _take_again(self, row: FileRow, open_source: Callable[[], OpenableSource]) -> Taken:
        """A file that an earlier run has read: the same bytes go on where they were, others begin anew."""
        digests = self._hash(open_source)
        if row.digests != digests.to_json():
            if row.spool_name:
                remove_spooled(self._dock.home, row.spool_name)
            self._dock.journal.drop_upload(row)
            self._dock.journal.move(
                row, FileState.INVENTORIED, digests=None, manifest=None, manifest_sha256=None, spool_name=None
            )
            return self._read_and_send(row, open_source)
        if row.state is FileState.UPLOADED:
            return Taken(row, digests, None, open_source)
        return self._read_and_send(row, open_source, expected=digests)

    def _read_and_send(
        self, row: FileRow, open_source: Callable[[], OpenableSource], expected: Digests | None = None
    ) -> Taken:
        """The one read pass: parts to the senders, bytes to the spool where its policy asks for them."""
        policy = self._dock.config.spool
        try:
            post_docking(self._dock, row.docking_id)
            upload = self._uploader.open(row)
        except UnreachableError as error:
            if policy == "never" or row.spool_name is not None:
                raise
            self._spool(row, open_source, expected)
            raise UnreachableError(f"safe at this dock, not yet in the store: {error}") from error
        try:
            digests = self._copy(row, open_source, upload, is_spooling=policy == "always" and row.spool_name is None)
        except BaseException:
            upload.drain()
            raise
        self._require_expected(row, digests, expected)
        if row.spool_name is not None and row.manifest is None:
            self._sign(row, digests, keep_state=False)
        return Taken(row, digests, upload, open_source)

    def _copy(
        self, row: FileRow, open_source: Callable[[], OpenableSource], upload: Upload, *, is_spooling: bool
    ) -> Digests:
        with ExitStack() as stack:
            source = stack.enter_context(open_source())
            spool = self._open_spool(stack, row) if is_spooling else None

            def take_part(part: FilledPart) -> None:
                if spool is not None:
                    try:
                        spool.write(part.body)
                    except BaseException:
                        self._dock.pool.give_back(part.buffer)
                        raise
                upload.take(part)

            digests = read_parts(
                source,
                upload.part_size,
                self._dock.pool,
                sm3=self._dock.config.sm3,
                on_part=take_part,
                on_bytes=self._dock.reporter.note_bytes,
            )
            if spool is not None:
                self._dock.journal.move(row, row.state, spool_name=spool.keep())
        return digests

    def _spool(self, row: FileRow, open_source: Callable[[], OpenableSource], expected: Digests | None) -> None:
        """Keep the file at this dock while the store cannot be reached."""
        with ExitStack() as stack:
            source = stack.enter_context(open_source())
            spool = self._open_spool(stack, row)

            def write_part(part: FilledPart) -> None:
                try:
                    spool.write(part.body)
                finally:
                    self._dock.pool.give_back(part.buffer)

            digests = read_parts(
                source,
                16 * 1024 * 1024,
                self._dock.pool,
                sm3=self._dock.config.sm3,
                on_part=write_part,
                on_bytes=self._dock.reporter.note_bytes,
            )
            self._require_expected(row, digests, expected)
            self._dock.journal.move(row, row.state, spool_name=spool.keep())
        if row.manifest is None:
            self._sign(row, digests, keep_state=False)

    def _open_spool(self, stack: ExitStack, row: FileRow) -> SpoolWriter:
        return stack.enter_context(SpoolWriter(self._dock.home, row.size, self._dock.config.spool_reserve_mib))

    def _hash(self, open_source: Callable[[], OpenableSource]) -> Digests:
        with open_source() as source:
            return hash_source(source, sm3=self._dock.config.sm3, on_bytes=self._dock.reporter.note_bytes)

    def _sign(self, row: FileRow, digests: Digests, *, keep_state: bool) -> None:
        """Sign the manifest: the file is acquired, its bytes are in the spool or in uploaded parts.

        A file that is only hashed to be presented keeps its state: its bytes are nowhere but on the recorder.
        """
        inventory_sha256 = self._dock.journal.read_docking(row.docking_id)["inventory_sha256"]
        manifest, sha256 = sign_manifest(self._dock, row, digests, inventory_sha256)
        state = row.state if keep_state else FileState.ACQUIRED
        self._dock.journal.move(
            row, state, digests=digests.to_json(), manifest=manifest, manifest_sha256=sha256, reason=None
        )
        if not keep_state:
            self._dock.reporter.show_state(row.path, "acquired", size=row.size, digests=row.digests)

    def _find_source(self, taken: Taken) -> Callable[[], OpenableSource]:
        name = taken.row.spool_name
        return taken.open_source if name is None else lambda: SpoolFile(self._dock.home, name)

    @staticmethod
    def _require_expected(row: FileRow, digests: Digests, expected: Digests | None) -> None:
        if expected is not None and digests != expected:
            raise FileChangedError("a second reading gave other bytes than the first")
        if row.digests is not None and row.digests != digests.to_json():
            raise FileChangedError("a second reading gave other bytes than the first")

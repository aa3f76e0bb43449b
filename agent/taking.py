"""Taking one file: one reading into parts and spool, and bringing what was read to its seal.

Reading (``take``) and finishing (``finish``) run in different threads: while the store reads one file back, the next
is read. What ``finish`` begins with is the journal's row, so it is the same function for a file just read and for one
that an earlier run left on its way::

    inventoried ── parts in flight ──► acquired ──► uploaded ──► sealed
                   in the spool ─────► acquired ─── parts sent ──┘  ▲
                   known already ────► acquired ─── presented ──────┘
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from agent.buffers import choose_part_size
from agent.client import read_answer
from agent.copying import hash_source, read_parts
from agent.errors import (
    BytesNeededError,
    FileChangedError,
    PartChangedError,
    RefusedError,
    SpoolError,
    StoppedError,
    UnreachableError,
    UnreadableError,
)
from agent.inventory import sign_manifest
from agent.journal import FileRow, FileState, SentPart
from agent.names import encode_path
from agent.posting import post_docking
from agent.sealing import seal_known, seal_upload
from agent.spool import SpoolFile, SpoolWriter, remove_spooled
from agent.uploading import FileUpload

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from agent.copying import ByteSource
    from agent.dock import Dock
    from chain_of_custody.digests import Digests

# Refusals that say: the store does not have what the manifest names; send the bytes anew.
_NEEDS_BYTES = frozenset({"digest_mismatch", "lock_missing", "not_found", "parts_differ", "upload_gone"})


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
    """A file that was read to its end and is not sealed yet.

    Attributes:
        row: Its row in the journal.
        upload: The upload whose parts may still be in flight.
        digests: Of all bytes, where the manifest is signed once the parts are in the store.
        noticed: Codes and sentences for the manifest's findings.
    """

    row: FileRow
    upload: FileUpload | None = None
    digests: Digests | None = None
    noticed: list[tuple[str, str]] = field(default_factory=list)


class FileTaker:
    """Takes the files of one volume, one after another."""

    def __init__(
        self,
        dock: Dock,
        docking_id: str | None = None,
        take_turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Take for this dock at one docking; without one, only finish what earlier dockings took.

        Args:
            dock: The dock at work.
            docking_id: The docking.
            take_turn: Held while a receipt is asked for.
        """
        self._dock = dock
        self._docking_id = docking_id
        self._take_turn = take_turn

    # Reading

    def take(
        self, row: FileRow, mtime_ns: int | None, open_source: Callable[[], OpenableSource], *, is_known: bool
    ) -> Taken:
        """Read a file; on return its bytes are in the spool, in the store, or with the senders.

        Raises:
            SourceError: The recorder does not give it.
            UnreachableError: The store cannot be reached, and the file is not to be spooled.
            SpoolError: The spool cannot take it while the store cannot be reached.
            RefusedError: The server refuses it.
        """
        if row.state in {FileState.ACQUIRED, FileState.UPLOADED}:
            return self._take_again(row, mtime_ns, open_source)
        if is_known and row.intake_id is None:
            return self._take_known(row, open_source)
        return self._take_bytes(row, open_source)

    def _take_again(self, row: FileRow, mtime_ns: int | None, open_source: Callable[[], OpenableSource]) -> Taken:
        """A file that an earlier run has read: the same bytes go on where they were; other bytes are another file."""
        digests = self._hash(open_source)
        if row.digests == digests.to_json():
            return Taken(row)
        # What was read before goes on its way by itself: it may be all that is left of it.
        added = self._dock.journal.add_changed(row, self._docking_id or row.docking_id, mtime_ns)
        noticed = [("CONTENT_REPLACED", "other bytes of the same size stood under this name at an earlier docking")]
        return self._take_bytes(added, open_source, digests, noticed)

    def _take_known(self, row: FileRow, open_source: Callable[[], OpenableSource]) -> Taken:
        """A file whose place and size are known is never judged by them: it is hashed before an upload is opened."""
        digests = self._hash(open_source)
        journal = self._dock.journal
        is_ours = journal.is_sealed_before(row.source, row.path, row.size, digests.to_json())
        if self._dock.is_offline and not is_ours:
            return self._take_bytes(row, open_source, digests)
        taken = Taken(row, digests=digests)
        self._sign(taken)
        return taken

    def _take_bytes(
        self,
        row: FileRow,
        open_source: Callable[[], OpenableSource],
        expected: Digests | None = None,
        noticed: list[tuple[str, str]] | None = None,
    ) -> Taken:
        """The reading that counts: into parts, and into the spool where its policy asks for that."""
        taken = Taken(row, noticed=list(noticed or ()))
        policy = self._dock.config.spool
        if self._dock.is_offline:
            if policy == "never":
                raise UnreachableError("the server cannot be reached; the file stays on the recorder")
            return self._spool(taken, open_source, expected)
        try:
            return self._send(taken, open_source, expected)
        except PartChangedError as error:
            # The recorder gives other bytes than before: nothing of the earlier attempt may be mixed into this one.
            self.drop_upload(row, FileState.INVENTORIED)
            taken.noticed.append(("CONTENT_CHANGED", f"{error}; the file was read and sent anew"))
            return self._send(taken, open_source, expected)
        except RefusedError as error:
            if error.code not in _NEEDS_BYTES:
                raise
            # The upload that an earlier run opened, or this one, ran out while it was used.
            self.drop_upload(row, FileState.INVENTORIED)
            return self._send(taken, open_source, expected)
        except UnreachableError:
            self._dock.is_offline = True
            if policy == "never":
                raise
            return self._spool(taken, open_source, expected)

    def _send(self, taken: Taken, open_source: Callable[[], OpenableSource], expected: Digests | None) -> Taken:
        row = taken.row
        taken.upload = self._open_upload(row)
        is_spooling = self._dock.config.spool == "always" and row.spool_name is None
        try:
            with ExitStack() as stack:
                source = stack.enter_context(open_source())
                spool = _SpoolCopy(self._dock, row, stack, taken.noticed) if is_spooling else None
                taken.digests = read_parts(
                    source,
                    taken.upload.part_size,
                    self._dock.pool,
                    sm3=self._dock.config.sm3,
                    on_part=taken.upload.take,
                    on_bytes=self._note_bytes,
                    on_piece=spool.write if spool else None,
                )
                _require_same(taken, expected)
                spool_name = spool.keep() if spool else None
        except BaseException:
            taken.upload.drain()
            raise
        if spool_name is not None:
            self._sign(taken, spool_name=spool_name)
        return taken

    def _spool(self, taken: Taken, open_source: Callable[[], OpenableSource], expected: Digests | None) -> Taken:
        """Keep the file at this dock while the store cannot be reached."""
        row = taken.row
        taken.upload = None
        with ExitStack() as stack:
            source = stack.enter_context(open_source())
            spool = stack.enter_context(SpoolWriter(self._dock.home, row.size, self._dock.config))
            taken.digests = hash_source(
                source, sm3=self._dock.config.sm3, on_bytes=self._note_bytes, on_piece=spool.write
            )
            _require_same(taken, expected)
            self._sign(taken, spool_name=spool.keep())
        self._warn_of_spool()
        return taken

    def _warn_of_spool(self) -> None:
        warning = self._dock.spool_warnings.look()
        if warning is not None:
            self._dock.reporter.say(warning)

    def _hash(self, open_source: Callable[[], OpenableSource]) -> Digests:
        with open_source() as source:
            return hash_source(source, sm3=self._dock.config.sm3, on_bytes=self._note_bytes)

    def _note_bytes(self, count: int) -> None:
        if self._dock.patience.is_ended:
            raise StoppedError("the run was stopped; the file is read again at the next docking")
        self._dock.reporter.note_bytes(self._docking_id, count)

    # Finishing

    def finish(self, taken: Taken) -> bool:
        """Bring a file that was read to its seal; says whether the server knew it before.

        Raises:
            BytesNeededError: The store does not have the bytes and there is no copy here: read the file again.
            UnreachableError: It waits; the journal knows how far it is.
            RefusedError, ReceiptRefusedError: It is not sealed.
        """
        row = taken.row
        post_docking(self._dock, row.docking_id)
        if taken.upload is not None:
            self._await_parts(taken, taken.upload)
        elif row.state is FileState.INVENTORIED:
            raise BytesNeededError("its bytes are on the recorder alone; it is read again")
        elif row.state is FileState.ACQUIRED and row.spool_name is not None:
            return self._finish_spooled(taken, row.spool_name)
        elif row.state is FileState.ACQUIRED and row.intake_id is not None:
            self._mark_uploaded(row)
        try:
            with self._take_turn():
                return seal_upload(self._dock, row) if row.state is FileState.UPLOADED else seal_known(self._dock, row)
        except RefusedError as error:
            self._need_bytes(row, error)
            raise

    def _await_parts(self, taken: Taken, upload: FileUpload) -> None:
        row = taken.row
        try:
            upload.wait()
        except PartChangedError as error:
            self.drop_upload(row, FileState.INVENTORIED)
            raise BytesNeededError(f"{error}; the file is read and sent anew") from error
        except RefusedError as error:
            self._need_bytes(row, error)
            raise
        if row.state is FileState.INVENTORIED:
            self._sign(taken)
        self._mark_uploaded(row)

    def _finish_spooled(self, taken: Taken, spool_name: str) -> bool:
        """Send a spooled file: presented where it is known, else its parts from the spool."""
        row = taken.row
        if row.intake_id is None and self._ask_known(row):
            try:
                with self._take_turn():
                    return seal_known(self._dock, row)
            except RefusedError as error:
                if error.code != "not_known":
                    raise
        upload = self._open_upload(row)
        try:
            digests = self._read_spooled(row, upload, spool_name)
        except UnreadableError as error:
            upload.drain()
            self._give_up_spooled(row, spool_name, str(error))
        except BaseException:
            upload.drain()
            raise
        if digests.to_json() != row.digests:
            upload.drain()
            self._give_up_spooled(row, spool_name, "the spooled copy is not what was read from the recorder")
        self._await_parts(taken, upload)
        return self.finish(Taken(row))

    def _read_spooled(self, row: FileRow, upload: FileUpload, spool_name: str) -> Digests:
        with SpoolFile(self._dock.home, spool_name) as source:
            return read_parts(
                source,
                upload.part_size,
                self._dock.pool,
                sm3=bool(row.digests and "sm3" in row.digests),
                on_part=upload.take,
                on_bytes=lambda _: self._require_going(),
            )

    def _require_going(self) -> None:
        if self._dock.patience.is_ended:
            raise StoppedError("the run was stopped; the spooled copy is sent by the next one")

    def _give_up_spooled(self, row: FileRow, spool_name: str, message: str) -> NoReturn:
        """A damaged copy is sent by nobody; it is removed only while the recorder, just read, still has the file."""
        if self._docking_id is None:
            self.drop_upload(row, FileState.ACQUIRED)
            raise FileChangedError(message)
        self.drop_upload(row, FileState.INVENTORIED)
        self._dock.journal.move(row, FileState.INVENTORIED, spool_name=None)
        remove_spooled(self._dock.home, spool_name)
        raise BytesNeededError(f"{message}; the file is read and sent anew")

    def _need_bytes(self, row: FileRow, error: RefusedError) -> None:
        """Where a refusal means that the store lacks the bytes: put the row back to where it still has them."""
        if error.code == "not_known":
            self._dock.journal.move(row, FileState.INVENTORIED)
        elif error.code in _NEEDS_BYTES:
            self.drop_upload(row, FileState.ACQUIRED if row.spool_name else FileState.INVENTORIED)
        else:
            return
        raise BytesNeededError(f"{error}; the file is sent anew") from error

    def _ask_known(self, row: FileRow) -> bool:
        file = {"path_b64": encode_path(row.path), "size": row.size}
        body = {"docking_id": row.docking_id, "files": [file]}
        _, answer = self._dock.patience.run(lambda: self._dock.client.call("POST", "/dock/v1/intakes/known", body))
        return read_answer(answer, "known", list) == [True]

    def _mark_uploaded(self, row: FileRow) -> None:
        self._dock.journal.move(row, FileState.UPLOADED)
        if self._docking_id is not None:
            # What earlier dockings left is told in one sentence, not among the files of the recorder at hand.
            self._dock.reporter.show_state(row.path, "uploaded", size=row.size, digests=row.digests)

    # Uploads

    def _open_upload(self, row: FileRow) -> FileUpload:
        """Open an upload, or go on with the one that an earlier run opened."""
        post_docking(self._dock, row.docking_id)
        if row.intake_id is not None:
            held = self._list_held(row)
            if held is not None:
                return FileUpload(self._dock.sender, row, held)
            self._dock.journal.drop_upload(row, row.state)
        body = {
            "docking_id": row.docking_id,
            "path_b64": encode_path(row.path),
            "size": row.size,
            "part_size": choose_part_size(row.size),
        }
        _, answer = self._dock.patience.run(lambda: self._dock.client.call("POST", "/dock/v1/intakes", body))
        intake_id, part_size = read_answer(answer, "intake_id", str), read_answer(answer, "part_size", int)
        if part_size != body["part_size"]:
            raise RefusedError(502, "bad_answer", "the server opened an upload of another part size")
        self._dock.journal.move(row, row.state, intake_id=intake_id, part_size=part_size)
        return FileUpload(self._dock.sender, row, {})

    def _list_held(self, row: FileRow) -> dict[int, SentPart] | None:
        """The parts that journal and store both have; None where the upload is gone."""
        path = f"/dock/v1/intakes/{row.intake_id}/parts"
        try:
            _, answer = self._dock.patience.run(lambda: self._dock.client.call("GET", path))
        except RefusedError as error:
            if error.status in {404, 410}:
                return None
            raise
        listed = {
            (part.get("number"), part.get("size"), part.get("etag"))
            for part in read_answer(answer, "parts", list)
            if isinstance(part, dict)
        }
        ours = self._dock.journal.list_parts(row)
        return {number: part for number, part in ours.items() if (number, part.size, part.etag) in listed}

    def drop_upload(self, row: FileRow, state: FileState) -> None:
        """Give an upload up; the server is told where it can be, and throws away by itself what it is not told of."""
        intake_id = row.intake_id
        self._dock.journal.drop_upload(row, state)
        if intake_id is None:
            return
        try:
            self._dock.client.call("POST", f"/dock/v1/intakes/{intake_id}/abort", {})
        except (UnreachableError, RefusedError):
            return

    def _sign(self, taken: Taken, *, spool_name: str | None = None) -> None:
        """Sign the manifest: the file is acquired. A second reading of the same bytes keeps the first manifest."""
        row, digests = taken.row, taken.digests
        assert digests is not None
        values: dict[str, Any] = {} if spool_name is None else {"spool_name": spool_name}
        if row.manifest is None or row.digests != digests.to_json():
            inventory_sha256 = self._dock.journal.read_inventory_digest(row.docking_id)
            manifest, sha256 = sign_manifest(self._dock, row, digests, inventory_sha256, taken.noticed)
            values |= {"digests": digests.to_json(), "manifest": manifest, "manifest_sha256": sha256}
        self._dock.journal.move(row, FileState.ACQUIRED, reason=None, **values)
        if row.spool_name is not None or row.intake_id is not None:
            self._dock.reporter.show_state(row.path, "acquired", size=row.size, digests=row.digests)


class _SpoolCopy:
    """The spool beside an upload: where its disk is full, the upload goes on without it."""

    def __init__(self, dock: Dock, row: FileRow, stack: ExitStack, noticed: list[tuple[str, str]]) -> None:
        self._noticed = noticed
        self._writer: SpoolWriter | None = None
        try:
            self._writer = stack.enter_context(SpoolWriter(dock.home, row.size, dock.config))
        except SpoolError as error:
            self._give_up(error)

    def write(self, piece: memoryview) -> None:
        """Write the next bytes, unless the spool was given up."""
        if self._writer is not None:
            try:
                self._writer.write(piece)
            except SpoolError as error:
                self._give_up(error)

    def keep(self) -> str | None:
        """Make the copy durable; None where the spool was given up."""
        if self._writer is not None:
            try:
                return self._writer.keep()
            except SpoolError as error:
                self._give_up(error)
        return None

    def _give_up(self, error: SpoolError) -> None:
        self._writer = None
        self._noticed.append(("NOT_SPOOLED", f"sent without a copy at the dock: {error}"))


def _require_same(taken: Taken, expected: Digests | None) -> None:
    """A second reading must give the bytes of the first."""
    assert taken.digests is not None
    first = expected.to_json() if expected is not None else taken.row.digests
    if first is not None and first != taken.digests.to_json():
        raise FileChangedError("a second reading gave other bytes than the first")

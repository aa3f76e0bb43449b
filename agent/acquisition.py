"""The walk of one docking: recognise, list, sign, read once, send, seal, report, and clear where that is allowed.

Crash between any two steps: the next docking finishes or repeats the step. The normal path and the recovery path are
the same functions; what an earlier run left on its way is found in the journal.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from agent.clearing import clear_sealed
from agent.errors import (
    AgentError,
    ReceiptRefusedError,
    RefusedError,
    SourceError,
    SpoolError,
    UnreachableError,
    VolumeGoneError,
)
from agent.inventory import sign_inventory, sign_report
from agent.journal import FileState
from agent.opening import VolumeFile
from agent.pending import finish_pending, post_docking
from agent.progress import Summary
from agent.sealing import encode_path
from agent.steps import reached
from agent.taking import FileTaker, Taken
from agent.uploading import Uploader
from agent.volumes import open_volume

if TYPE_CHECKING:
    from pathlib import Path

    from agent.dock import Dock
    from agent.journal import FileRow
    from agent.scanning import FoundFile, Scan
    from agent.volumes import Volume, VolumeIdentity
    from chain_of_custody.canonical import JsonValue

FINISHERS = 2
# How many files may wait for their receipt while the next is read: the store's read-back runs beside the reading.
IN_FLIGHT = 4
KNOWN_BATCH = 1000


def acquire_volume(dock: Dock, path: Path, *, is_clearing: bool = False) -> Summary:
    """Take everything a volume holds; returns how it ended.

    Args:
        dock: The dock at work.
        path: The volume's root.
        is_clearing: Whether to clear what policy allows after everything else.

    Raises:
        VolumeGoneError: There is no volume to begin with.
    """
    started = time.monotonic()
    volume = open_volume(path)
    with volume.hold() as identity:
        summary = _acquire_held(dock, volume, identity, is_clearing=is_clearing)
    summary.seconds = round(time.monotonic() - started, 3)
    dock.reporter.finish(summary)
    return summary


def _acquire_held(dock: Dock, volume: Volume, identity: VolumeIdentity, *, is_clearing: bool) -> Summary:
    finish_pending(dock)
    scan = _scan(volume, identity)
    docking_id, inventory, sha256 = sign_inventory(dock, volume, scan)
    dock.journal.add_docking(docking_id, volume.source, inventory, sha256)
    reached("docking.inventoried")
    found = scan.found
    dock.journal.add_files(docking_id, volume.source, [(f.path, f.size or 0, f.mtime_ns) for f in found])
    dock.reporter.begin(f"{volume.root.name}", sum(file.size or 0 for file in found))
    run = _Run(dock, volume, identity, docking_id)
    run.take_all(scan)
    run.close_docking()
    if is_clearing:
        run.summary.cleared = clear_sealed(dock, volume, identity, docking_id, run.sealed)
    return run.summary


def _scan(volume: Volume, identity: VolumeIdentity) -> Scan:
    from agent.scanning import scan_volume

    # What an earlier run left was sent meanwhile, which can take long: it must still be this volume.
    return scan_volume(volume, identity=identity)


class _Run:
    """One docking under way."""

    def __init__(self, dock: Dock, volume: Volume, identity: VolumeIdentity, docking_id: str) -> None:
        self._dock = dock
        self._volume = volume
        self._identity = identity
        self._docking_id = docking_id
        self._guard = threading.Lock()
        self._failures: list[JsonValue] = []
        self.summary = Summary()
        self.sealed: list[FileRow] = []

    def take_all(self, scan: Scan) -> None:
        """Take every file; one that fails holds up no other."""
        self.summary.found = len(scan.found) + sum(file.state == "failed" for file in scan.files)
        for file in scan.files:
            if file.state == "failed":
                self._note_failed(file, file.reason or "cannot be read")
        known = self._ask_known(scan.found)
        uploader = Uploader(self._dock)
        taker = FileTaker(self._dock, uploader)
        slots = threading.BoundedSemaphore(IN_FLIGHT)
        finishers = ThreadPoolExecutor(FINISHERS, thread_name_prefix="finisher")
        pending: list[Future[None]] = []
        try:
            for file in scan.found:
                slots.acquire()
                taken = self._take_one(taker, file, is_known=(file.path, file.size) in known)
                if taken is None:
                    slots.release()
                    continue
                pending.append(finishers.submit(self._finish_one, taker, file, taken, slots))
            for future in pending:
                future.result()
        finally:
            finishers.shutdown(wait=True, cancel_futures=True)
            uploader.close()

    def close_docking(self) -> None:
        """Report how the docking ended; an unreachable server gets the next docking's report."""
        report = sign_report(self._dock, self._docking_id, self.summary, self._failures)
        path = f"/dock/v1/dockings/{self._docking_id}/close"
        try:
            self._dock.patience.run(lambda: self._dock.client.call("POST", path, {"statement": report}))
        except AgentError as error:
            self._dock.reporter.say(f"the docking's report was not taken: {error}")
            return
        self._dock.journal.mark_closed(self._docking_id)
        reached("docking.closed")

    def _ask_known(self, files: list[FoundFile]) -> set[tuple[bytes, int | None]]:
        """Which files (path and size) the server knows; without an answer, none is assumed to be."""
        known: set[tuple[bytes, int | None]] = set()
        try:
            post_docking(self._dock, self._docking_id)
            for start in range(0, len(files), KNOWN_BATCH):
                batch = files[start : start + KNOWN_BATCH]
                body = {
                    "docking_id": self._docking_id,
                    "files": [{"path_b64": encode_path(file.path), "size": file.size} for file in batch],
                }
                _, answer = self._dock.patience.run(
                    lambda body=body: self._dock.client.call("POST", "/dock/v1/intakes/known", body)  # type: ignore[misc]  # a default binds the loop's value
                )
                known |= {(f.path, f.size) for f, is_known in zip(batch, answer["known"], strict=True) if is_known}
        except (UnreachableError, RefusedError) as error:
            self._dock.reporter.say(str(error))
        return known

    def _take_one(self, taker: FileTaker, file: FoundFile, *, is_known: bool) -> Taken | None:
        """Read one file and send its parts; what goes wrong is this file's alone."""
        row = self._dock.journal.find_unfinished(self._volume.source, file.path, file.size or 0)
        if row is None:
            self._note_failed(file, "the journal has lost this file")
            return None
        try:
            return taker.take(row, lambda: VolumeFile(self._volume, self._identity, file), is_known=is_known)
        except VolumeGoneError as error:
            # The row keeps its upload: docked again, it goes on.
            self._note_failed(file, str(error))
        except SourceError as error:
            self._dock.journal.move(row, FileState.FAILED, reason=str(error))
            self._note_failed(file, str(error))
        except (UnreachableError, SpoolError) as error:
            self._note_waiting(file, row, str(error))
        except (RefusedError, ReceiptRefusedError) as error:
            self._refuse(file, row, error)
        return None

    def _finish_one(self, taker: FileTaker, file: FoundFile, taken: Taken, slots: threading.BoundedSemaphore) -> None:
        """Wait for the parts and seal; runs beside the reading of the next files."""
        try:
            is_already = taker.finish(taken)
        except (UnreachableError, SpoolError) as error:
            self._note_waiting(file, taken.row, str(error))
        except SourceError as error:
            self._dock.journal.move(taken.row, FileState.FAILED, reason=str(error))
            self._note_failed(file, str(error))
        except (RefusedError, ReceiptRefusedError) as error:
            self._refuse(file, taken.row, error)
        else:
            self._note_sealed(taken.row, is_already=is_already)
        finally:
            slots.release()

    def _refuse(self, file: FoundFile, row: FileRow, error: AgentError) -> None:
        if isinstance(error, RefusedError) and error.is_retryable:
            self._note_waiting(file, row, str(error))
            return
        self._dock.journal.move(row, FileState.FAILED, reason=str(error))
        self._note_failed(file, str(error))

    def _note_sealed(self, row: FileRow, *, is_already: bool) -> None:
        with self._guard:
            self.sealed.append(row)
            self.summary.bytes += row.size
            if is_already:
                self.summary.already_sealed += 1
            else:
                self.summary.sealed += 1
        self._dock.reporter.show_state(
            row.path, "sealed", size=row.size, digests=row.digests, evidence_id=row.evidence_id, is_already=is_already
        )

    def _note_failed(self, file: FoundFile, reason: str) -> None:
        with self._guard:
            self.summary.failed += 1
            self._failures.append({"path_b64": encode_path(file.path), "reason": reason})
        self._dock.reporter.show_state(file.path, "failed", size=file.size, error=reason)

    def _note_waiting(self, file: FoundFile, row: FileRow, reason: str) -> None:
        with self._guard:
            self.summary.waiting += 1
        self._dock.reporter.show_state(file.path, row.state, size=file.size, digests=row.digests, error=reason)

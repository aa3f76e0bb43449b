"""The walk of one docking: recognise, list, sign, read once, send, seal, report, and clear where that is allowed.

Crash between any two steps: the next docking finishes or repeats the step. The normal path and the recovery path are
the same functions; what an earlier run left on its way is found in the journal.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, cast

from agent.clearing import clear_volume, resume_clearings
from agent.client import read_answer
from agent.errors import (
    AgentError,
    BytesNeededError,
    ReceiptRefusedError,
    RefusedError,
    SourceError,
    SpoolError,
    StoppedError,
    UnreachableError,
    VolumeGoneError,
)
from agent.findings import count_codes, say_kind
from agent.inventory import sign_inventory, sign_report
from agent.journal import FileState
from agent.judging import judge_volume
from agent.names import encode_path
from agent.opening import VolumeFile
from agent.posting import post_docking, post_reports
from agent.progress import Summary
from agent.recorders.reading import is_marked
from agent.scanning import scan_volume
from agent.steps import reached
from agent.taking import FileTaker, Taken
from agent.turns import AT_ONCE, BACKLOG, SealingTurns
from agent.volumes import open_volume
from chain_of_custody.errors import CustodyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.dock import Dock
    from agent.journal import FileRow
    from agent.scanning import FoundFile
    from agent.volumes import Volume, VolumeIdentity
    from chain_of_custody.canonical import JsonValue

# How many files may be on their way to their receipts while the next is read: those that wait for their turn, those
# that have it, and those whose last parts are being sent.
IN_FLIGHT = BACKLOG + AT_ONCE + 2
KNOWN_BATCH = 1000
TOLD_FINDINGS = 10
# A file whose bytes the store lost is read again, but not for ever.
READINGS = 3
# Read to the end by this run or an earlier one; the bytes are in the spool or in the store.
_READ_BEFORE = frozenset({FileState.ACQUIRED, FileState.UPLOADED})
_SPOOLED = "safe at this dock, not yet in the store · 已暂存，待上传"
_UNPRESENTED = "read, and waits for the server; the recorder keeps it · 待服务器恢复"


def acquire_volume(dock: Dock, path: Path, *, is_clearing: bool = False) -> VolumeRun:
    """Take everything a volume holds; returns how it ended, also where the person stopped it.

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
        run = _take_held(dock, volume, identity, is_clearing=is_clearing)
    run.summary.seconds = round(time.monotonic() - started, 3)
    _tell_reports(dock)
    return run


def _take_held(dock: Dock, volume: Volume, identity: VolumeIdentity, *, is_clearing: bool) -> VolumeRun:
    scan = scan_volume(volume, identity=identity)
    _look_for_server(dock)
    judged = judge_volume(dock, volume, scan)
    docking_id, inventory, sha256 = sign_inventory(dock, volume, scan, judged)
    dock.journal.add_docking(docking_id, volume.source, inventory, sha256)
    reached("docking.inventoried")
    rows = dock.journal.add_files(docking_id, volume.source, [(f.path, f.size or 0, f.mtime_ns) for f in scan.found])
    run = VolumeRun(dock, volume, identity, docking_id, judged.findings)
    _tell_findings(dock, judged.findings)
    unreadable = [file for file in scan.files if file.state == "failed"]
    total_bytes = sum(file.size or 0 for file in scan.found)
    dock.reporter.begin(docking_id, volume.root.name, total_bytes, len(scan.found) + len(unreadable))
    try:
        run.note_unreadable(unreadable)
        run.take_all(list(zip(scan.found, rows, strict=True)))
        _clear(run, volume, identity, is_clearing=is_clearing)
    except (KeyboardInterrupt, StoppedError):
        dock.patience.end()
        dock.reporter.say(
            "stopped; what was sealed is sealed, the rest stays on the recorder · 已停止，其余仍在记录仪上"
        )
    run.count_rest()
    dock.journal.keep_report(docking_id, sign_report(dock, docking_id, run.summary, run.failures))
    dock.reporter.end(docking_id)
    return run


def _tell_findings(dock: Dock, findings: Sequence[JsonValue]) -> None:
    """Say what of the volume a person should look at: the counts of what was found are silent about it."""
    errors = [finding for finding in cast("Sequence[dict[str, str]]", findings) if finding["severity"] == "error"]
    for finding in errors[:TOLD_FINDINGS]:
        dock.reporter.say(f"{finding['where']}: {finding['message']}")
    if len(errors) > TOLD_FINDINGS:
        dock.reporter.say(f"and {len(errors) - TOLD_FINDINGS} more findings; all stand in the inventory")
    for (code, _), count in count_codes(findings, frozenset({"warning"})).items():
        dock.reporter.say(f"{count} × {say_kind(code)}")


def _clear(run: VolumeRun, volume: Volume, identity: VolumeIdentity, *, is_clearing: bool) -> None:
    """Say what an earlier run removed, and remove what is sealed now where the person asked for it."""
    try:
        run.summary.cleared = resume_clearings(run.dock, volume, identity)
        if is_clearing:
            run.summary.cleared += clear_volume(run.dock, volume, identity, run.sealed)
    except (SourceError, OSError) as error:
        run.dock.reporter.say(f"clearing ended: {error}")


def _look_for_server(dock: Dock) -> None:
    """Learn the server's time before anything is signed; where bytes can be spooled meanwhile, nobody waits for it."""
    try:
        dock.reach_server(is_patient=dock.config.spool == "never")
    except (UnreachableError, RefusedError) as error:
        dock.reporter.say(str(error))


def _tell_reports(dock: Dock) -> None:
    try:
        post_reports(dock)
    except AgentError as error:
        dock.reporter.say(f"the docking's report is told to the server later: {error}")


class VolumeRun:
    """One docking under way: reads in the calling thread, finishes in others.

    Attributes:
        dock: The dock at work.
        summary: Counts so far.
        sealed: Files sealed in this run.
        failures: Files that failed, as the docking's report names them.
        spooled: How many files that wait at its end stand in this dock's spool.
        findings: What was noticed of the recorder before it was read.
    """

    def __init__(
        self,
        dock: Dock,
        volume: Volume,
        identity: VolumeIdentity,
        docking_id: str,
        findings: Sequence[JsonValue] = (),
    ) -> None:
        """Take this volume at this docking."""
        self.findings = tuple(findings)
        self.summary = Summary()
        self.sealed: list[tuple[FoundFile, FileRow]] = []
        self.failures: list[JsonValue] = []
        self.spooled = 0
        self.dock = dock
        self._volume = volume
        self._identity = identity
        self.docking_id = docking_id
        self._turns = SealingTurns(dock.sender.rested_s)
        self._taker = FileTaker(dock, docking_id, self._turns.take)
        self._guard = threading.Lock()
        self._slots = threading.BoundedSemaphore(IN_FLIGHT)
        self._waiting: deque[tuple[FoundFile, Taken, str]] = deque()
        self._unread: deque[tuple[FoundFile, FileRow, int]] = deque()
        self._readings: dict[int, int] = {}

    def has_taken(self, row: FileRow) -> bool:
        """Whether this run has read a file; what it could not read may still be sent from an earlier reading."""
        return row.file_id in self._readings

    def note_unreadable(self, files: list[FoundFile]) -> None:
        """Count what the scan could not read."""
        source = self._volume.source
        for file in files:
            reason = file.reason or "cannot be read"
            self.summary.found += 1
            self.dock.journal.add_failed(self.docking_id, source, file.path, file.size, file.mtime_ns, reason)
            self._note_failed(file, None, reason)

    def take_all(self, files: list[tuple[FoundFile, FileRow]]) -> None:
        """Take every file; one that fails holds up no other."""
        self.summary.found += len(files)
        # What an officer marked goes first; the rest keeps the order of the volume.
        self._unread.extend((file, row, 1) for file, row in sorted(files, key=lambda item: not is_marked(item[0].path)))
        known = self._ask_known([file for file, _ in files])
        finishers = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="finisher")
        try:
            self._work_through(finishers, known)
            if self._waiting and self._is_server_back():
                self._work_through(finishers, known)
        except BaseException:
            # Stopped by the person: whoever waits for the server stops waiting, what is in flight ends by itself.
            self.dock.patience.end()
            raise
        finally:
            self._turns.note_reading(is_reading=False)
            finishers.shutdown(wait=True, cancel_futures=True)

    def count_rest(self) -> None:
        """Count what was not brought to an end as waiting."""
        for file, taken, reason in self._waiting:
            self._note_waiting(file, taken.row, reason)
            self.spooled += taken.row.spool_name is not None
        for file, row, _ in self._unread:
            self._note_waiting(file, row, "not read: the run was stopped")
        self._waiting.clear()
        self._unread.clear()
        counts = self.summary
        counts.waiting = counts.found - counts.sealed - counts.already_sealed - counts.failed

    # The reading thread

    def _work_through(self, finishers: ThreadPoolExecutor, known: set[tuple[bytes, int]]) -> None:
        """Read what is unread and finish what waits, until nothing more can be done now."""
        running: deque[Future[None]] = deque()
        if not self.dock.is_offline:
            for file, waiting, _ in self._drain_waiting():
                running.append(self._submit(finishers, file, waiting))
        while self._unread or running:
            while running and running[0].done():
                running.popleft().result()
            if self._unread:
                self._require_going()
                file, row, reading = self._unread.popleft()
                is_known = reading == 1 and (file.path, row.size) in known
                self._turns.note_reading(is_reading=True)
                taken = self._take_one(file, row, is_known=is_known)
                if taken is None:
                    continue
                self._readings[taken.row.file_id] = reading
                if self.dock.is_offline:
                    self._waiting.append((file, taken, _SPOOLED if taken.row.spool_name else _UNPRESENTED))
                else:
                    running.append(self._submit(finishers, file, taken))
            elif running:
                self._turns.note_reading(is_reading=False)
                # A file that could not be finished may come back to be read again.
                running.popleft().result()

    def _require_going(self) -> None:
        if self.dock.patience.is_ended:
            raise StoppedError("the run was stopped")

    def _drain_waiting(self) -> list[tuple[FoundFile, Taken, str]]:
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def _submit(self, finishers: ThreadPoolExecutor, file: FoundFile, taken: Taken) -> Future[None]:
        self._slots.acquire()
        return finishers.submit(self._finish_one, file, taken)

    def _take_one(self, file: FoundFile, row: FileRow, *, is_known: bool) -> Taken | None:
        """Read one file; what goes wrong is this file's alone."""
        source = partial(VolumeFile, self._volume, self._identity, file)
        try:
            return self._taker.take(row, file.mtime_ns, source, is_known=is_known)
        except VolumeGoneError as error:
            # The row keeps its upload: docked again, it goes on.
            self._note_failed(file, None, str(error))
        except SourceError as error:
            if row.intake_id is not None and row.state not in _READ_BEFORE:
                self._taker.drop_upload(row, FileState.INVENTORIED)
            self._note_failed(file, row, str(error))
        except (UnreachableError, SpoolError, StoppedError) as error:
            self._note_waiting(file, row, str(error))
        except (RefusedError, ReceiptRefusedError, CustodyError) as error:
            self._refuse(file, row, error)
        return None

    def _ask_known(self, files: list[FoundFile]) -> set[tuple[bytes, int]]:
        """Which files (path and size) are known: at the server, or where it is silent, in this dock's own journal."""
        if not self.dock.is_offline:
            try:
                return self._ask_server(files)
            except (UnreachableError, RefusedError) as error:
                self.dock.is_offline = isinstance(error, UnreachableError)
                self.dock.reporter.say(str(error))
        journal, source = self.dock.journal, self._volume.source
        return {(f.path, f.size or 0) for f in files if journal.is_sealed_before(source, f.path, f.size or 0)}

    def _ask_server(self, files: list[FoundFile]) -> set[tuple[bytes, int]]:
        post_docking(self.dock, self.docking_id)
        known: set[tuple[bytes, int]] = set()
        for start in range(0, len(files), KNOWN_BATCH):
            batch = files[start : start + KNOWN_BATCH]
            listed = [{"path_b64": encode_path(file.path), "size": file.size or 0} for file in batch]
            body = {"docking_id": self.docking_id, "files": listed}
            ask = partial(self.dock.client.call, "POST", "/dock/v1/intakes/known", body)
            answers = read_answer(self.dock.patience.run(ask)[1], "known", list)
            known |= {(f.path, f.size or 0) for f, is_known in zip(batch, answers, strict=False) if is_known is True}
        return known

    def _is_server_back(self) -> bool:
        """Wait for the server once more, now that everything is read."""
        try:
            self.dock.reach_server(is_patient=True)
        except AgentError:
            return False
        return True

    # The finishing threads

    def _finish_one(self, file: FoundFile, taken: Taken) -> None:
        """Wait for the parts and seal; runs beside the reading of the next files."""
        row = taken.row
        try:
            is_already = self._taker.finish(taken)
        except BytesNeededError as error:
            self._read_again(file, row, str(error))
        except UnreachableError as error:
            self._keep_waiting(file, row, str(error))
        except SourceError as error:
            self._note_failed(file, row, str(error))
        except OSError as error:
            self._note_waiting(file, row, f"this dock's disk: {error}")
        except (AgentError, CustodyError) as error:
            self._refuse(file, row, error)
        else:
            self._note_sealed(file, row, is_already=is_already)
        finally:
            self._slots.release()

    def _read_again(self, file: FoundFile, row: FileRow, reason: str) -> None:
        reading = self._readings.get(row.file_id, 1) + 1
        if reading > READINGS:
            self._note_failed(file, row, reason)
        elif row.spool_name is not None:
            self._readings[row.file_id] = reading
            self._waiting.append((file, Taken(row), reason))
        else:
            self._unread.append((file, row, reading))

    def _keep_waiting(self, file: FoundFile, row: FileRow, reason: str) -> None:
        """The store went away: what is nowhere but on the recorder is read into the spool, if there is to be one."""
        self.dock.is_offline = True
        if row.state is FileState.INVENTORIED and self.dock.config.spool != "never":
            self._unread.append((file, row, self._readings.get(row.file_id, 1)))
        else:
            self._waiting.append((file, Taken(row), reason))

    def _refuse(self, file: FoundFile, row: FileRow, error: Exception) -> None:
        if isinstance(error, AgentError) and error.is_retryable:
            self._note_waiting(file, row, str(error))
        else:
            self._note_failed(file, row, str(error))

    # What became of each file

    def _note_sealed(self, file: FoundFile, row: FileRow, *, is_already: bool) -> None:
        # The journal keeps it; a volume of many files must not gather it all in memory.
        row.manifest = None
        with self._guard:
            self.sealed.append((file, row))
            self.summary.bytes += row.size
            if is_already:
                self.summary.already_sealed += 1
            else:
                self.summary.sealed += 1
        self.dock.reporter.show_state(
            row.path, "sealed", size=row.size, digests=row.digests, evidence_id=row.evidence_id, is_already=is_already
        )

    def _note_failed(self, file: FoundFile, row: FileRow | None, reason: str) -> None:
        """A file failed; its row too, where there is nothing of it to go on with.

        What was read to the end, by this docking or an earlier one, may be all that is left of the file: it stays in
        store or spool and goes on its way by itself, also where its proof is missing or its recorder reads no more.
        """
        if row is not None:
            state = row.state if row.state in _READ_BEFORE else FileState.FAILED
            self.dock.journal.move(row, state, reason=reason)
        with self._guard:
            self.summary.failed += 1
            self.failures.append({"path_b64": encode_path(file.path), "reason": reason})
        self.dock.reporter.show_state(file.path, "failed", size=file.size, error=reason)

    def _note_waiting(self, file: FoundFile, row: FileRow, reason: str) -> None:
        self.dock.reporter.show_state(file.path, row.state, size=file.size, digests=row.digests, error=reason)

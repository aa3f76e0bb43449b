"""``run``: docks every volume that appears, each in a thread of its own, and sends what earlier outages left."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import defaultdict, deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from agent.acquisition import acquire_volume
from agent.errors import AgentError, VolumeGoneError
from agent.heartbeat import send_heartbeat
from agent.names import display_path
from agent.pending import finish_pending
from agent.rack.board import FREE_SLOT, Board, SlotState
from agent.rack.slots import Rack, SlotReporter
from agent.volumes import open_volume
from agent.watching import VolumeWatch
from chain_of_custody.errors import CustodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agent.dock import Dock
    from agent.journal import FileRow
    from agent.watching import VolumeArrived

log = logging.getLogger(__name__)
PENDING_S = 60.0
SLOTS = 24
BEAT_S = 60.0


class Daemon:
    """Volumes under way, and the backlog beside them; volumes share senders and buffers, so none starves another."""

    def __init__(self, dock: Dock, folders: Sequence[Path], *, quiet_s: float, slots: int = SLOTS) -> None:
        """Watch mounts and the direct subfolders of ``folders``; at most ``slots`` volumes are taken at a time."""
        self.board = Board(slots)
        self._rack = Rack(slots)
        self._queue: deque[VolumeArrived] = deque()
        self._mounts: set[Path] = set()
        self._dock = dock
        self._watch = VolumeWatch(folders, quiet_s=quiet_s)
        self._guard = threading.Lock()
        self._under_way: dict[Path, threading.Thread] = {}
        self._again: set[Path] = set()
        # Held while a source's files are worked on, by its docking or by the backlog; never by both.
        self._sources: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._backlog: threading.Thread | None = None
        self._beat: threading.Thread | None = None

    def run(self, ended: threading.Event) -> None:
        """Dock volumes as they appear until ``ended`` is set; one volume's trouble stops no other."""
        self._watch.start()
        self._dock.reporter.say("watching for recorders · 等待接入执法记录仪")
        backlog_at = beat_at = time.monotonic()
        try:
            while not ended.is_set():
                with suppress(queue.Empty):
                    self._begin_volume(self._watch.arrivals.get(timeout=0.5))
                self._free_slots()
                self._renew_safe()
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + BEAT_S
                    self._begin_beat()
                if time.monotonic() >= backlog_at:
                    backlog_at = time.monotonic() + PENDING_S
                    self._begin_backlog()
        finally:
            self._watch.stop()
            self._dock.patience.end()
            for thread in [*self._under_way.values(), *(one for one in (self._backlog, self._beat) if one)]:
                thread.join()

    def _begin_volume(self, arrived: VolumeArrived) -> None:
        """Begin a volume; one that changed while it is being taken is taken once more afterwards."""
        root = arrived.root
        with self._guard:
            if root in self._under_way:
                self._again.add(root)
                return
            number = self._rack.take(root)
            if number is None:
                if not any(waiting.root == root for waiting in self._queue):
                    self._queue.append(arrived)
                    self._dock.reporter.say(f"{root.name}: every slot is taken, it waits · 槽位已满，请稍候")
                return
            if arrived.is_mount:
                self._mounts.add(root)
            thread = threading.Thread(
                target=self._take_volume, args=(arrived, number), name=f"volume {root.name}", daemon=True
            )
            self._under_way[root] = thread
        thread.start()

    def _free_slots(self) -> None:
        """A slot is free once its recorder is gone and nothing of it is under way; who waits takes it."""
        for number, root in self._rack.list_taken():
            with self._guard:
                is_gone = not (root.is_mount() if root in self._mounts else root.is_dir())
                if root in self._under_way or not is_gone:
                    continue
                self._mounts.discard(root)
                self._rack.free(number)
            self.board.change(number, **FREE_SLOT)
            if self._queue:
                self._begin_volume(self._queue.popleft())

    def _renew_safe(self) -> None:
        """What was safe at this dock alone is sealed once the backlog has sent all of it."""
        for slot in self.board.read()[1]:
            if slot.state is not SlotState.SAFE_HERE or slot.docking_id is None:
                continue
            with self._guard:
                is_busy = any(
                    place in self._under_way for number, place in self._rack.list_taken() if number == slot.number
                )
            if not is_busy and self._dock.journal.count_unsealed(slot.docking_id) == 0:
                self.board.change(
                    slot.number,
                    state=SlotState.SEALED,
                    notices=tuple(notice for notice in slot.notices if notice.code != "WAITS_FOR_NETWORK"),
                    files_sealed=slot.files_total,
                    bytes_sealed=slot.bytes_total,
                    changed_at=time.monotonic(),
                )

    def _take_volume(self, arrived: VolumeArrived, number: int) -> None:
        root = arrived.root
        teller = SlotReporter(self._dock.reporter, self.board, number, lambda: self._dock.is_offline)
        self._guarded(display_path(os.fsencode(root)), lambda: self._acquire(arrived, teller), teller.fail)
        with self._guard:
            del self._under_way[root]
            is_changed = root in self._again
            self._again.discard(root)
        if is_changed and not self._dock.patience.is_ended:
            self._begin_volume(arrived)

    def _acquire(self, arrived: VolumeArrived, teller: SlotReporter) -> None:
        volume = open_volume(arrived.root)
        if arrived.is_mount and volume.mount is None:
            raise VolumeGoneError("it was pulled out before it was taken; dock it again")
        with self._find_lock(volume.source):
            run = acquire_volume(self._dock.telling(teller), arrived.root)
        teller.conclude(run.summary, run.spooled, run.findings)
        self._dock.reporter.finish(run.summary)

    def _begin_beat(self) -> None:
        """Say in a thread of its own what there is to say; where nobody answers, the next minute says it again."""
        if self._beat is None or not self._beat.is_alive():
            self._beat = threading.Thread(target=self._send_beat, name="heartbeat", daemon=True)
            self._beat.start()

    def _send_beat(self) -> None:
        try:
            send_heartbeat(self._dock, self.board)
        except (AgentError, OSError) as error:
            log.debug("no heartbeat: %s", error)

    def _begin_backlog(self) -> None:
        if self._backlog is None or not self._backlog.is_alive():
            self._backlog = threading.Thread(target=self._send_backlog, name="backlog", daemon=True)
            self._backlog.start()

    def _send_backlog(self) -> None:
        self._guarded("what is left at this dock", lambda: finish_pending(self._dock, self._claim))

    @contextmanager
    def _claim(self, row: FileRow) -> Iterator[bool]:
        """A file is the backlog's unless its recorder is docked, which waits until the file at hand is finished."""
        lock = self._find_lock(row.source)
        is_ours = lock.acquire(blocking=False)
        try:
            yield is_ours
        finally:
            if is_ours:
                lock.release()

    def _find_lock(self, source: str) -> threading.Lock:
        with self._guard:
            return self._sources[source]

    def _guarded(
        self, what: str, work: Callable[[], object], on_failure: Callable[[str], None] = lambda _: None
    ) -> None:
        """The daemon's one broad handler: it tells the person, logs our own faults with their trace, and goes on."""
        try:
            work()
        except (AgentError, CustodyError, OSError) as error:
            self._dock.reporter.say(f"{what}: {error}")
            on_failure(str(error))
        except Exception:
            log.exception("our own fault while working on a volume")
            self._dock.reporter.say(f"{what}: the agent failed; nothing was called sealed that is not")
            on_failure("the agent failed")

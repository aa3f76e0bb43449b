"""Watching for volumes: mounts by the kernel's mount table, folders under ``--watch`` by inotify through watchdog.

inotify sees no mount at all (measured), so mounts come from polling ``/proc/self/mountinfo`` for POLLPRI and
comparing by mount id; nothing sleeps and lists. A folder under ``--watch`` is a volume once nothing in it has changed
for a while.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from agent.volumes import MOUNTINFO, is_recorder_candidate, list_mounts

if TYPE_CHECKING:
    from collections.abc import Sequence

QUIET_S = 10.0


@dataclass(frozen=True, slots=True)
class VolumeArrived:
    """A volume is there to be docked.

    Attributes:
        root: Where it is.
        is_mount: Whether it was seen as a mount; then a plain folder at its root is what a pulled volume leaves.
    """

    root: Path
    is_mount: bool = False


class VolumeWatch:
    """Puts a :class:`VolumeArrived` into ``arrivals`` for each volume, those already there first."""

    def __init__(self, folders: Sequence[Path], *, quiet_s: float = QUIET_S) -> None:
        """Watch mounts and the direct subfolders of these folders."""
        self.arrivals: queue.Queue[VolumeArrived] = queue.Queue()
        self._folders = [folder.resolve() for folder in folders]
        self._quiet_s = quiet_s
        self._ended = threading.Event()
        self._changed: dict[Path, float] = {}
        self._guard = threading.Lock()
        self._observer = Observer()
        self._threads = [
            threading.Thread(target=self._watch_mounts, name="mounts", daemon=True),
            threading.Thread(target=self._wait_quiet, name="quiet", daemon=True),
        ]

    def start(self) -> None:
        """Begin to watch."""
        for folder in self._folders:
            self._observer.schedule(_Changes(self, folder), str(folder), recursive=True)
            for child in sorted(folder.iterdir()):
                self.note_change(child, folder)
        self._observer.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End watching."""
        self._ended.set()
        self._observer.stop()
        self._observer.join(timeout=5)

    def note_change(self, path: Path, folder: Path) -> None:
        """Remember that something changed in the direct subfolder of ``folder`` that holds ``path``."""
        inside = path.relative_to(folder).parts
        volume = folder / inside[0] if inside else None
        if volume is not None and not volume.is_symlink() and volume.is_dir():
            with self._guard:
                self._changed[volume] = time.monotonic()

    def _wait_quiet(self) -> None:
        while not self._ended.wait(min(0.5, self._quiet_s / 4)):
            limit = time.monotonic() - self._quiet_s
            with self._guard:
                quiet = [volume for volume, changed in self._changed.items() if changed <= limit]
                for volume in quiet:
                    del self._changed[volume]
            for volume in quiet:
                self.arrivals.put(VolumeArrived(volume))

    def _watch_mounts(self) -> None:
        known: set[int] = set()
        with MOUNTINFO.open("rb") as table:
            poll = select.poll()
            poll.register(table, select.POLLPRI | select.POLLERR)
            while not self._ended.is_set():
                # The kernel's counter is cleared by the poll, so reading comes after it: nothing is missed.
                mounts = {mount.mount_id: mount for mount in list_mounts() if is_recorder_candidate(mount)}
                for mount_id in sorted(mounts.keys() - known):
                    self.arrivals.put(VolumeArrived(mounts[mount_id].root, is_mount=True))
                known = set(mounts)
                poll.poll(500)


class _Changes(FileSystemEventHandler):
    def __init__(self, watch: VolumeWatch, folder: Path) -> None:
        self._watch = watch
        self._folder = folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Any change but mere reading restarts the quiet time of its volume."""
        if event.event_type in {"opened", "closed_no_write"}:
            return
        for text in (event.src_path, event.dest_path):
            if text:
                path = Path(os.fsdecode(text))
                if self._folder in path.parents:
                    self._watch.note_change(path, self._folder)

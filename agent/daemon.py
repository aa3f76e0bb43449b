"""``run``: docks every volume that appears, and sends what an earlier outage left at the dock."""

from __future__ import annotations

import logging
import queue
from typing import TYPE_CHECKING

from agent.acquisition import acquire_volume
from agent.errors import AgentError
from agent.pending import finish_pending
from agent.watching import VolumeWatch
from chain_of_custody.errors import CustodyError

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from agent.dock import Dock

log = logging.getLogger(__name__)
PENDING_S = 60.0


def run_forever(dock: Dock, folders: Sequence[Path], ended: threading.Event, *, quiet_s: float) -> None:
    """Dock volumes one after another as they appear, until ``ended`` is set; one volume's trouble stops no other."""
    watch = VolumeWatch(folders, quiet_s=quiet_s)
    watch.start()
    dock.reporter.say("watching for recorders · 等待接入执法记录仪")
    idle = 0.0
    try:
        while not ended.is_set():
            try:
                arrived = watch.arrivals.get(timeout=1.0)
            except queue.Empty:
                idle += 1.0
                if idle >= PENDING_S:
                    idle = 0.0
                    _guard(dock, "sending what is left at this dock", lambda: finish_pending(dock))
                continue
            idle = 0.0
            _guard(dock, str(arrived.root), lambda root=arrived.root: acquire_volume(dock, root))
    finally:
        watch.stop()


def _guard(dock: Dock, what: str, work: object) -> None:
    """The daemon's one broad handler: it tells the person, logs our own faults with their trace, and goes on."""
    try:
        work()  # type: ignore[operator]  # a call without arguments
    except (AgentError, CustodyError, OSError) as error:
        dock.reporter.say(f"{what}: {error}")
    except Exception:
        log.exception("our own fault while working on a volume")
        dock.reporter.say(f"{what}: the agent failed; nothing was called sealed that is not")

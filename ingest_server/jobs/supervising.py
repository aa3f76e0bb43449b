"""The worker as a child of ``serve``: started, started again with a growing pause when it dies, stopped with it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _STEADY_S = 1.0, 60.0, 120.0
_STOP_S = 15.0


class WorkerKeeper:
    """Keeps one worker alive beside a server."""

    def __init__(self, data: Path) -> None:
        """Keep a worker on this data folder."""
        self._command = [sys.executable, "-m", "ingest_server", "worker", "--child", "--data", str(data)]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let the worker end after the step under way; one that does not is killed, which loses nothing."""
        self._ended.set()
        self._thread.join(timeout=_STOP_S + 5)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._ended.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self._ended.is_set():
                return
            if time.monotonic() - started > _STEADY_S:
                pause = _FIRST_PAUSE_S
            log.warning("the worker ended (%s); it is started again in %.0f s", code, pause)
            self._ended.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _run_once(self) -> int:
        # Its own session: a Ctrl-C at the terminal is for the server, which then stops it in order. Its standard input
        # ends when the server does, however that happens.
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        assert process.stdin is not None
        with process.stdin:
            while process.poll() is None and not self._ended.wait(0.25):
                pass
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=_STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
        return process.wait()

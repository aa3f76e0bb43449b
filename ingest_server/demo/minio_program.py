"""A real MinIO for the demonstration: over TLS, on the loopback address, with keys made for this data folder."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import shutil
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chain_of_custody.durable import write_file
from ingest_server.demo.programs import ProgramFailedError, RunningProgram, find_port

if TYPE_CHECKING:
    from collections.abc import Mapping

CERTIFICATE_DAYS = 365
READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class MinioPlace:
    """Where the demonstration's MinIO is and how to talk to it."""

    endpoint: str
    ca_file: Path
    credentials: Mapping[str, str]
    program: RunningProgram


def find_minio() -> str:
    """Return the ``minio`` program: named by EVIDOCK_MINIO, on PATH, or built into the cache folder.

    Raises:
        ProgramFailedError: There is none; the text says how to get it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evidock" / "bin" / "minio"
    found = os.environ.get("EVIDOCK_MINIO") or shutil.which("minio") or (str(cache) if cache.exists() else None)
    if found is None:
        raise ProgramFailedError("missing: minio on PATH (where Go is installed, tools/build_minio.sh builds it)")
    return found


def start_minio(folder: Path) -> MinioPlace:
    """Start MinIO on what ``folder`` holds, or on a fresh store there, and wait until it accepts requests."""
    program = find_minio()
    settings = _load_settings(folder)
    port = int(settings["port"])
    certificates = folder / "certs"
    credentials = {"MINIO_ROOT_USER": settings["user"], "MINIO_ROOT_PASSWORD": settings["password"]}
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    running = RunningProgram(
        [program, "server", str(data), "--address", f"127.0.0.1:{port}", "--certs-dir", str(certificates), "--quiet"],
        log=folder / "minio.log",
        env={**credentials, "MINIO_BROWSER": "off"},
    )
    endpoint = f"https://127.0.0.1:{port}"
    ca_file = certificates / "public.crt"
    _wait_ready(endpoint, ca_file, running, folder / "minio.log")
    keys = {"MINIO_ACCESS_KEY": settings["user"], "MINIO_SECRET_KEY": settings["password"]}
    return MinioPlace(endpoint, ca_file, keys, running)


def _load_settings(folder: Path) -> dict[str, str]:
    """Read this store's port and keys, or make them once, with its certificate."""
    path = folder / "settings.json"
    if path.exists():
        loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return loaded
    (folder / "certs").mkdir(parents=True, exist_ok=True)
    _make_certificate(folder / "certs")
    settings = {
        "user": secrets.token_hex(8),
        "password": secrets.token_urlsafe(24),
        "port": str(find_port(0)),
    }
    write_file(path, json.dumps(settings).encode())
    return settings


def _make_certificate(folder: Path) -> None:
    """Make a self-signed certificate for 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Evidock demonstration store")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_file(folder / "private.key", private)
    write_file(folder / "public.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _wait_ready(endpoint: str, ca_file: Path, running: RunningProgram, log: Path) -> None:
    """Wait for the cluster health route; the readiness route answers before requests are accepted (measured)."""
    context = ssl.create_default_context(cafile=str(ca_file))
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and running.is_running:
        try:
            with urllib.request.urlopen(f"{endpoint}/minio/health/cluster", timeout=2, context=context):  # noqa: S310 (our own https address)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    running.stop()
    raise ProgramFailedError(f"MinIO did not start; see {log}")

"""A data folder with sealed recordings, made in this process: the bytes in the store and their event in the ledger."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from chain_of_custody.digests import sha256_hex
from chain_of_custody.identities import new_id, recording_claim
from chain_of_custody.instants import utc_clock
from ingest_server.config import Config
from ingest_server.custody.actors import server_actor
from ingest_server.custody.recording import Event
from ingest_server.installation import Installation
from ingest_server.setup import set_up
from ingest_server.store.settings import DirectorySettings

if TYPE_CHECKING:
    from pathlib import Path


def make_data(folder: Path) -> Path:
    """Set a data folder up on the directory store."""
    data = folder / "data"
    set_up(data, Config("evidence.example/unit/2026", None, DirectorySettings(data / "store")), utc_clock)
    return data


def receive(installation: Installation, source: Path, path: str = "", officer: str = "014207") -> str:
    """Put a file into the store and its ``recording.received`` into the ledger; gives the evidence id."""
    key, evidence_id, content = f"originals/2026/{new_id()}", new_id(), source.read_bytes()
    target = installation.data / "store" / key
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    name = path or source.name
    parts: dict[str, Any] = {
        "received": {
            "manifest_sha256": "0" * 64,
            "digests": {"sha2-256": sha256_hex(content)},
            "size": len(content),
            "store_key": key,
            "version_id": key.rpartition("/")[2],
            "lock_mode": "none",
            "retain_until": None,
        },
        "recording": {
            "recorder_id": new_id(),
            "docking_id": new_id(),
            "dock_id": new_id(),
            "path_b64": base64.b64encode(name.encode()).decode(),
            "path": name,
            "claims": [{"name": "officer", "value": officer, "source": "name"}],
        },
        "findings": [],
    }
    recording = parts["recording"]
    claim = recording_claim(recording["recorder_id"], recording["path_b64"], len(content), sha256_hex(content))
    event = Event("recording.received", "recording", evidence_id, parts, expected_version=0, claims=(claim,))
    installation.custody.record(server_actor(), event)
    return evidence_id


def run_worker(data: Path, *arguments: str, kill_at: str | None = None) -> int:
    """Run the real worker until it is idle; gives its exit code, negative for a signal."""
    env = {**os.environ, **({"EVIDOCK_KILL_AT": kill_at} if kill_at else {})}
    command = [sys.executable, "-m", "ingest_server", "worker", "--data", str(data), "--until-idle", *arguments]
    finished = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode in {0, -signal.SIGKILL}, finished.stderr
    return finished.returncode


def list_events(installation: Installation, *types: str) -> list[tuple[str, str]]:
    """Type and subject of every event of these types, in order."""
    rows = installation.catalogue.fetch('select type, subject from events order by "index"')
    return [(row["type"], row["subject"]) for row in rows if row["type"] in types]

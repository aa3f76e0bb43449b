"""The dock's own upload path into the discarding sink: read, hash, sign the request, send; the server's work left out.

    python -m benchmarks.upload_to_sink FOLDER SINK_URL

Reading, parts, senders and journal are the agent's own; only the answers that the server would give are made here, with
part requests signed as the server signs them. Files are taken one after another, as in ``dock-agent acquire``.
"""

from __future__ import annotations

import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.buffers import BufferPool, choose_part_size
from agent.client import ServerClient
from agent.config import DockConfig
from agent.copying import read_parts
from agent.journal import Journal
from agent.opening import VolumeFile
from agent.retrying import Patience
from agent.scanning import scan_volume
from agent.uploading import FileUpload, PartSender
from agent.volumes import open_volume
from chain_of_custody.instants import utc_clock
from chain_of_custody.signing import SigningKey
from ingest_server.store.s3 import S3Store
from ingest_server.store.settings import S3Settings, StoreSecrets

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKING_ID = "0" * 32


class SigningClient(ServerClient):
    """The agent's client, with part requests signed in place of the server."""

    def __init__(self, sink: str) -> None:
        """Send to the sink."""
        config = DockConfig(sink, "bench.example/dock", "", "", None, None, DOCKING_ID, "bench")
        super().__init__(config, SigningKey.generate(), utc_clock)
        self._store = S3Store(S3Settings(sink, "sink-bucket"), StoreSecrets("key", "secret"), utc_clock)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Answer the one question the senders ask."""
        found = re.fullmatch(r"/dock/v1/intakes/([0-9a-f]{32})/parts", path)
        assert method == "POST"
        assert found
        assert body
        requests = []
        for part in body["parts"]:
            signed = self._store.sign_part(
                f"originals/2026/{found[1]}", "upload", part["number"], part["size"], part["sha256"],
                now=datetime.now(UTC),
            )  # fmt: skip
            requests.append({"number": part["number"], "url": signed.url, "headers": dict(signed.headers)})
        return 200, {"requests": requests}


def main() -> None:
    """Send every file of the folder."""
    folder, sink = Path(sys.argv[1]), sys.argv[2]
    volume = open_volume(folder)
    identity = volume.identify()
    found = scan_volume(volume).found
    with tempfile.TemporaryDirectory(prefix="evidock-bench-") as home:
        journal = Journal.open(Path(home), utc_clock)
        journal.add_docking(DOCKING_ID, "bench", {}, "0" * 64)
        rows = journal.add_files(DOCKING_ID, "bench", [(f.path, f.size or 0, f.mtime_ns) for f in found])
        sender = PartSender(SigningClient(sink), journal, BufferPool(8), Patience(0))
        for number, (file, row) in enumerate(zip(found, rows, strict=True)):
            part_size = choose_part_size(row.size)
            journal.move(row, row.state, intake_id=f"{number:032x}", part_size=part_size)
            upload = FileUpload(sender, row, {})
            with VolumeFile(volume, identity, file) as source:
                read_parts(source, part_size, sender.pool, sm3=False, on_part=upload.take, on_bytes=lambda _: None)
            upload.wait()
        sender.close()
        journal.close()


if __name__ == "__main__":
    main()

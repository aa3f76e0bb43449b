"""The dock's own upload path into the discarding sink: read, hash, sign the request, send; the server's work left out.

    python -m benchmarks.upload_to_sink FOLDER SINK_URL

It uses the agent's reading and copying as they are, and part requests signed here as the server signs them, so that
what is measured is the agent's cost and nothing else. Files are taken one after another, as in ``dock-agent
acquire``.
"""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from agent.buffers import BufferPool, choose_part_size
from agent.copying import FilledPart, read_parts
from agent.opening import VolumeFile
from agent.scanning import scan_volume
from agent.uploading import SENDERS
from agent.volumes import open_volume
from ingest_server.store.s3 import S3Store
from ingest_server.store.settings import S3Settings, StoreSecrets


def main() -> None:
    """Send every file of the folder."""
    folder, sink = Path(sys.argv[1]), sys.argv[2]
    settings = S3Settings(sink, "sink-bucket")
    store = S3Store(settings, StoreSecrets("key", "secret"), lambda: datetime.now(UTC))
    split = urlsplit(sink)
    connections = urllib3.HTTPConnectionPool(str(split.hostname), split.port, maxsize=SENDERS, retries=False)
    buffers = BufferPool(8)
    volume = open_volume(folder)
    identity = volume.identify()
    with ThreadPoolExecutor(SENDERS) as senders:
        for number, file in enumerate(scan_volume(volume).found):
            sending: list[Future[None]] = []

            def send(part: FilledPart, number: int = number) -> None:
                try:
                    signed = store.sign_part(
                        f"originals/2026/{number:032x}",
                        "upload",
                        part.number,
                        part.size,
                        part.digest(),
                        now=datetime.now(UTC),
                    )
                    target = urlsplit(signed.url)
                    answer = connections.request(
                        "PUT", f"{target.path}?{target.query}", body=part.body, headers=dict(signed.headers)
                    )
                    assert answer.status == 200
                finally:
                    buffers.give_back(part.buffer)

            with VolumeFile(volume, identity, file) as source:
                read_parts(
                    source,
                    choose_part_size(file.size or 0),
                    buffers,
                    sm3=False,
                    on_part=lambda part, sending=sending, send=send: sending.append(senders.submit(send, part)),
                    on_bytes=lambda _: None,
                )
            for future in sending:
                future.result()


if __name__ == "__main__":
    main()

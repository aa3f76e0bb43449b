"""The dock's own upload path into the discarding sink: read, hash, sign the request, send; the server's work left out.

    python -m benchmarks.upload_to_sink FOLDER SINK_URL

Reading, parts, senders, journal and signed questions are the agent's own; the sink answers as server and store would.
Files are taken one after another, as in ``dock-agent acquire``.
"""

from __future__ import annotations

import sys
import tempfile
from collections import deque
from pathlib import Path

from agent.acquisition import IN_FLIGHT
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

DOCKING_ID = "0" * 32


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
        config = DockConfig(sink, "bench.example/dock", "", "", None, None, DOCKING_ID, "bench")
        client = ServerClient(config, SigningKey.generate(), utc_clock)
        sender = PartSender(client, journal, BufferPool(8), Patience(0))
        in_flight: deque[FileUpload] = deque()
        for number, (file, row) in enumerate(zip(found, rows, strict=True)):
            part_size = choose_part_size(row.size)
            journal.move(row, row.state, intake_id=f"{number:032x}", part_size=part_size)
            in_flight.append(FileUpload(sender, row, {}))
            with VolumeFile(volume, identity, file) as source:
                take = in_flight[-1].take
                read_parts(source, part_size, sender.pool, sm3=False, on_part=take, on_bytes=lambda _: None)
            # As the finishers do in an acquisition: the next file is read while the last parts of this one are sent.
            if len(in_flight) == IN_FLIGHT:
                in_flight.popleft().wait()
        while in_flight:
            in_flight.popleft().wait()
        sender.close()
        journal.close()


if __name__ == "__main__":
    main()

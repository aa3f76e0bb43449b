"""The program in the sandbox: ``python -I -m ingest_server.media.sandboxed LIMITS``, one socket, one task.

Standard input is the socket to the worker (``wire``); nothing else is open. It limits itself, loads the decoders,
confines itself, and only then reads the first byte of the recording, through the worker. It writes no file.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from ingest_server.media.asking import Parent, read_exactly, send
from ingest_server.media.confinement import Limits, confine, limit_resources
from ingest_server.media.wire import read_message

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Do the one task that the worker asks for."""
    limits = Limits(**json.loads(sys.argv[1]))
    holds = limit_resources(limits)
    # Loaded before the filter, which lets nobody open a file.
    tasks = _load_tasks()
    holds += confine()
    request = read_message(read_exactly)
    try:
        report = tasks[request["task"]](Parent(int(request["size"])), request)
    except MemoryError:
        report = {"failed": "memory"}
    send({"tell": "report", "holds": list(holds), "report": report})
    # Destructors of the decoders have nothing left to do, and one that crashes would belie the report.
    os._exit(0)


def _load_tasks() -> dict[str, Callable[[Parent, dict[str, Any]], dict[str, Any]]]:
    from ingest_server.media.decoding.examination import examine
    from ingest_server.media.decoding.pictures import make_pictures
    from ingest_server.media.decoding.tools import warm_up

    warm_up()
    return {"pictures": make_pictures, "examination": examine}


if __name__ == "__main__":
    main()

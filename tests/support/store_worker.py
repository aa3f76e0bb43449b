"""A process that fills a directory store for ever and says what was acknowledged; it is there to be killed.

Usage: python -m tests.support.store_worker ROOT. One line of JSON is printed after each acknowledgement.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
from pathlib import Path

from ingest_server.store import StoreSecrets, UploadedPart
from ingest_server.store.directory import DirectoryStore
from ingest_server.store.directory_parts import receive_part
from tests.support.stores import new_key, now

PART_SIZE = 256 * 1024
SECRET = StoreSecrets(part_secret="secret of the killed").part_secret


def say(**fact: object) -> None:
    """Print one acknowledgement at once."""
    os.write(1, (json.dumps(fact) + "\n").encode())


def part_bytes(key: str, number: int) -> bytes:
    """The bytes of a part, known to whoever knows key and number; the last of three is shorter."""
    size = PART_SIZE if number < 3 else 1000
    return random.Random(f"{key}/{number}").randbytes(size)


def open_killed_store(root: Path) -> DirectoryStore:
    """Open the store the worker fills."""
    return DirectoryStore(root, SECRET, lambda: "http://127.0.0.1:1")


def send_part(store: DirectoryStore, key: str, upload_id: str, number: int) -> UploadedPart:
    """Send one part of known bytes through the store's own door."""
    data = part_bytes(key, number)
    digest = hashlib.sha256(data).hexdigest()
    request = store.sign_part(key, upload_id, number, len(data), digest, now=now())
    pieces = [data[start : start + 65536] for start in range(0, len(data), 65536)]
    receive_part(
        store,
        key=key,
        upload_id=upload_id,
        part_number=str(number),
        headers=request.headers,
        body=pieces,
        now=now(),
    )
    return UploadedPart(number, len(data), digest, digest)


def main() -> None:
    """Fill the store until killed."""
    store = open_killed_store(Path(sys.argv[1]))
    while True:
        key = new_key()
        upload_id = store.create_upload(key, lock_until=None, part_size=PART_SIZE)
        say(opened=key, upload_id=upload_id)
        parts = []
        for number in (1, 2, 3):
            parts.append(send_part(store, key, upload_id, number))
            say(part=number, key=key, upload_id=upload_id)
        store.complete_upload(key, upload_id, parts)
        say(completed=key)


if __name__ == "__main__":
    main()

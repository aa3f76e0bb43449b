"""Ranged playback through the server, beside the same ranges from the store itself, in turn.

Three ways of asking: as fast as can be from one place to the end, as Chromium and Firefox ask for a film; as fast as
can be range after range of 8 MiB; and such ranges by a viewer who takes no more than a gigabit network carries.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio

from benchmarks.measuring import MIB, median, show_spread
from chain_of_custody.identities import parse_shown_id
from chain_of_custody.instants import utc_clock
from ingest_server.accounts.users import add_user
from ingest_server.custody.actors import operator_actor
from ingest_server.installation import Installation
from ingest_server.recordings.queries import get_recording
from tests.support.minio_server import HOW_TO_GET, MinioServer, find_minio
from tests.support.people import Person
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path

SIZE, RANGE, RUNS = 512 * MIB, 8 * MIB, 7
TARGET = 0.8
GIGABIT = 118 * MIB
"""Bytes a second that a gigabit network carries of a file."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a viewer asks: bytes a range (None: to the end), bytes a second at most (None: as fast as can be)."""

    name: str
    length: int | None
    pace: int | None = None


WAYS = (
    Way("from one place to the end", None),
    Way(f"in ranges of {RANGE // MIB} MiB", RANGE),
    Way("in such ranges through a gigabit", RANGE, GIGABIT),
)


def measure_playback(scratch: Path) -> list[str]:
    """One recording on a real MinIO, read in ranges both ways; returns lines of the report."""
    if find_minio() is None:
        return [f"Playback was not measured: it {HOW_TO_GET}.", ""]
    minio = MinioServer(scratch / "minio")
    minio.start()
    try:
        store = ["--store", "s3", "--s3-endpoint", minio.endpoint, "--s3-bucket", "evidence"]
        system = WholeSystem(_make(scratch / "playback"), store=store, env=minio.environment())
        system.start_server()
        try:
            return _compare(system, minio)
        finally:
            system.stop_server()
    finally:
        minio.stop()


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _compare(system: WholeSystem, minio: MinioServer) -> list[str]:
    volume = system.folder / "volume"
    volume.mkdir()
    (volume / "0001.MP4").write_bytes(os.urandom(SIZE))
    system.enrol()
    acquired = system.acquire(volume)
    assert acquired.exit_code == 0, acquired.errors
    shown = next(iter(acquired.sealed.values()))["evidence_id"]
    os.environ.update(minio.environment())
    with Installation.open(system.data, utc_clock) as installation:
        link = add_user(installation, operator_actor(), "viewer", "evidence_administrator")
        row = get_recording(installation.catalogue, parse_shown_id(shown))
    assert row is not None
    person = Person(system.url, "viewer")
    person.spend(link)
    reason = {"purpose": "inspection", "basis": "benchmark", "reason": "how fast it plays"}
    assert person.post(f"/recordings/{shown}/access", reason).status == 303
    page = person.read(f"/recordings/{shown}")
    media = _find_media(system, page, shown)
    direct = Minio(
        urlsplit(minio.endpoint).netloc, access_key=minio.access_key, secret_key=minio.secret_key, secure=False
    ).presigned_get_object("evidence", row["store_key"], version_id=row["version_id"])
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items())}
    speeds: dict[str, list[float]] = {}
    with Installation.open(system.data, utc_clock) as installation:
        for _ in range(RUNS):
            for way in WAYS:
                speeds.setdefault(f"bare {way.name}", []).append(_read_ranges(direct, {}, way))
                speeds.setdefault(f"served {way.name}", []).append(_read_ranges(system.url + media, headers, way))
            speeds.setdefault("client", []).append(_read_store(installation, row))
    lines = ["| playback from MinIO | through the server, MiB/s | from the store itself | ratio | target | |"]
    lines.append("|---|---|---|---|---|---|")
    for way in WAYS:
        served, bare = speeds[f"served {way.name}"], speeds[f"bare {way.name}"]
        ratio = median(served) / median(bare)
        verdict = "met" if ratio >= TARGET else "**missed**"
        figures = f"{show_spread(served, 0)} | {show_spread(bare, 0)} | {ratio:.2f}"
        lines.append(f"| {way.name} | {figures} | ≥ {TARGET} | {verdict} |")
    client = show_spread(speeds["client"], 0)
    told = f"The server's own client of the store reads such ranges at {client} MiB/s. Store, server and viewer share"
    return [*lines, "", f"{told} this machine's cores, and nothing of it crosses a network.", ""]


def _read_store(installation: Installation, row: dict[str, Any]) -> float:
    """The same ranges by the server's own client; MiB a second."""
    count = 0
    started = time.perf_counter()
    for start in range(0, SIZE, RANGE):
        pieces = installation.store.read(row["store_key"], row["version_id"], offset=start, length=RANGE)
        count += sum(len(piece) for piece in pieces)
    assert count == SIZE
    return count / MIB / (time.perf_counter() - started)


def _find_media(system: WholeSystem, page: str, shown: str) -> str:
    if "/media/" in page:
        return "/media/" + page.split("/media/")[1].split('"', maxsplit=1)[0]
    with Installation.open(system.data, utc_clock) as installation:
        row = installation.private.fetch_one("select grant_id from grants order by opened_at desc limit 1")
    assert row is not None
    return f"/media/{row['grant_id']}/{shown}"


def _read_ranges(url: str, headers: dict[str, str], way: Way) -> float:
    """Read everything over one kept connection, range by range or by one open range; MiB a second."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    count = 0
    started = time.perf_counter()
    with urllib3.HTTPConnectionPool(str(parts.hostname), parts.port, retries=False) as pool:
        for start in range(0, SIZE, way.length or SIZE):
            last = "" if way.length is None else str(min(SIZE, start + way.length) - 1)
            ranged = {**headers, "Range": f"bytes={start}-{last}"}
            answer = pool.request("GET", path, headers=ranged, preload_content=False)
            assert answer.status == 206, answer.status
            for piece in answer.stream(1 << 20):
                count += len(piece)
                if way.pace is not None:
                    time.sleep(max(0.0, started + count / way.pace - time.perf_counter()))
            answer.release_conn()
    assert count == SIZE
    return count / MIB / (time.perf_counter() - started)

"""A hundred people at once: each searches, opens a recording, and plays stretches of it; not one may see an error."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import urllib3

from benchmarks.big_system import BigSystem, open_data
from benchmarks.measuring import median
from chain_of_custody.identities import parse_shown_id
from ingest_server.access.commands import check_reason, open_recording
from ingest_server.accounts.queries import find_account
from ingest_server.accounts.sessions import COOKIE, find_viewer, open_session

if TYPE_CHECKING:
    from tests.support.people import Person

TURNS = 6


def run_viewers(big: BigSystem, admin: Person, count: int) -> list[str]:
    """Run them to the end; returns lines of the report."""
    chance = random.Random(8)
    seats = _open_seats(big, admin, count, chance)
    waits: list[float] = []
    statuses: Counter[str] = Counter()
    host, port = big.system.url.removeprefix("http://").split(":")

    def look(cookie: str, shown: str, media: str, seed: int) -> None:
        own = random.Random(seed)
        with urllib3.HTTPConnectionPool(host, int(port), retries=False, timeout=60) as pool:
            for _ in range(TURNS):
                serial = own.choice(big.agency.serials)
                start = own.randrange(1000)
                asked = [
                    (f"/recordings?text={serial}", {"HX-Request": "true"}),
                    (f"/recordings?officer={own.choice(big.agency.officers)[0]}", {}),
                    (f"/recordings/{shown}", {}),
                    (media, {"Range": f"bytes={start}-{start + 65535}"}),
                ]
                for path, headers in asked:
                    started = time.perf_counter()
                    try:
                        answer = pool.request(
                            "GET", path, headers={**headers, "Cookie": f"{COOKIE}={cookie}"}, redirect=False
                        )
                        statuses[str(answer.status)] += 1
                    except urllib3.exceptions.HTTPError as error:
                        statuses[type(error).__name__] += 1
                    waits.append(time.perf_counter() - started)

    threads = [threading.Thread(target=look, args=(*seat, number)) for number, seat in enumerate(seats)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    errors = sum(times for status, times in statuses.items() if status not in {"200", "206"})
    waits.sort()
    verdict = "met" if not errors else f"**missed** {dict(statuses)}"
    line = (
        f"{count} viewers at once, {len(waits)} requests in {seconds:.1f} s ({len(waits) / seconds:.0f} a second):"
        f" median wait {median(waits) * 1000:.0f} ms, p95 {waits[len(waits) * 95 // 100] * 1000:.0f} ms;"
        f" errors {errors} (target 0: {verdict})."
    )
    return [line, ""]


def _open_seats(big: BigSystem, admin: Person, count: int, chance: random.Random) -> list[tuple[str, str, str]]:
    """A session of its own for each, with a grant: cookie, recording, media address."""
    seats = []
    with open_data(big.system) as installation:
        account = find_account(installation.catalogue, admin.name)
        assert account is not None
        reason = check_reason("inspection", "benchmark", "many viewers at once")
        for _ in range(count):
            cookie = open_session(installation, account["account_id"], "benchmark")
            viewer = find_viewer(installation, cookie)
            assert viewer is not None
            shown = chance.choice(big.real)
            grant = open_recording(installation, viewer, parse_shown_id(shown), reason)
            seats.append((cookie, shown, f"/media/{grant.grant_id}/{shown}"))
    return seats

"""Pages over a catalogue of a million recordings: server time of searches and pages, playback, a hundred viewers.

    python -m benchmarks.web [--folder DIR] [--recordings 1000000] [--rounds 200] [--markdown FILE]

The recordings are fabricated: the projector applies entries that were never in a ledger, which the report says. A few
real ones went the whole way. Server times are the server's own (``Server-Timing``), from the request's arrival to the
first byte of the answer. Targets that are missed are printed as missed.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from benchmarks.big_system import SUPERVISED, BigSystem, prepare_system
from benchmarks.fabricating import FIRST_INDEX, list_places
from benchmarks.measuring import describe_machine, median
from benchmarks.playback import measure_playback
from benchmarks.viewers import run_viewers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.people import Person

ROLES = ("evidence_administrator", "supervisor", "officer")
REASON = {"purpose": "inspection", "basis": "benchmark", "reason": "how fast the page is"}


@dataclass(slots=True)
class Row:
    """Server times of one kind of request in milliseconds, with its target for the 95th percentile."""

    name: str
    target_ms: float
    times: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        """The 95th percentile."""
        return sorted(self.times)[min(len(self.times) - 1, len(self.times) * 95 // 100)]

    def show(self) -> str:
        """A line of the table."""
        if not self.times:
            return f"| {self.name} | not measured: there is no such page | | ≤ {self.target_ms:.0f} ms | |"
        verdict = "met" if self.p95 <= self.target_ms else "**missed**"
        return (
            f"| {self.name} | {median(self.times):.1f} | {self.p95:.1f} | ≤ {self.target_ms:.0f} ms | {verdict},"
            f" {len(self.times)} requests |"
        )


def time_page(pool: urllib3.HTTPConnectionPool, person: Person, path: str, *, is_part: bool = False) -> float:
    """Ask for one page over a kept connection; returns the server's time in milliseconds."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items())}
    answer = pool.request(
        "GET", path, headers={**headers, **({"HX-Request": "true"} if is_part else {})}, redirect=False
    )
    assert answer.status == 200, f"{path}: {answer.status} {answer.data[:300]!r}"
    found = re.search(r"total;dur=([\d.]+)", answer.headers["server-timing"])
    assert found, path
    return float(found[1])


def list_searches(big: BigSystem, chance: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Usual filters, as people set them and as they type: role and address."""
    places = list_places()
    while count > 0:
        role = chance.choice(ROLES)
        # A supervisor looks among the own units, an officer among own recordings.
        officers = [one for one in big.agency.officers if role != "supervisor" or one[2].startswith(SUPERVISED[:4])]
        number, name, unit = officers[int(len(officers) * chance.random() ** 1.25)]
        serial = chance.choice(big.agency.serials)
        month = f"{chance.choice(('2025-11', '2026-02', '2026-05', '2026-08', '2026-10'))}"
        place = chance.choice(places)
        usual = [
            "", f"recorder={serial}", f"since={month}-01&until={month}-28", "stage=review", "attached=none",
            f"case=〔2026〕{chance.randrange(1, 20000)}号", f"received_since={month}-01&received_until={month}-02",
            f"text={number}", f"text={place}", f"text={place[:2]}", f"text={serial}_{number}",
            f"text={place}&since={month}-01&until={month}-28", "sort=-size", "sort=-received",
        ]  # fmt: skip
        if role != "officer":
            usual += [
                f"unit={unit}", f"officer={number}", f"officer={name}",
                f"unit={unit}&since={month}-03&until={month}-09",
                f"officer={number}&since={month}-01&until={month}-28", f"stage=review&unit={unit}",
                f"attached=none&unit={unit}", f"text={name}",
            ]  # fmt: skip
        typed = chance.choice((serial, number, name, place))
        usual += [f"text={typed[:length]}" for length in range(1, len(typed) + 1)]
        for query in usual:
            yield role, f"/recordings?{query}"
            count -= 1


def measure_pages(big: BigSystem, people: dict[str, Person], rounds: int) -> list[Row]:
    """Searches, one recording before and with access, and the custody log at every depth."""
    chance = random.Random(7)
    search, one, log = Row("search, usual filters", 50), Row("one recording", 60), Row("custody log, any depth", 80)
    host, port = big.system.url.removeprefix("http://").split(":")
    with urllib3.HTTPConnectionPool(host, int(port), retries=False) as pool:
        for turn in range(2):
            # The first turn fills the caches of the operating system and is not counted.
            times = [
                time_page(pool, people[role], path, is_part=True)
                for role, path in list_searches(big, chance, rounds if turn else rounds // 4)
            ]
        search.times = times
        admin = people["evidence_administrator"]
        for shown in big.real[: len(big.real) // 2]:
            assert admin.post(f"/recordings/{shown}/access", REASON).status == 303
        one.times = [time_page(pool, admin, f"/recordings/{chance.choice(big.real)}") for _ in range(rounds)]
        if admin.get("/log").status == 200:
            log.times = [time_page(pool, admin, path) for path in list_log_pages(big, chance, rounds)]
    return [search, one, log]


def list_log_pages(big: BigSystem, chance: random.Random, count: int) -> Iterator[str]:
    """The log at depths spread over everything, unfiltered and by what events are."""
    for _ in range(count):
        kind = chance.choice(("", "", "&type=recording.attached", "&type=casefile.opened", "&outcome=refused"))
        yield f"/log?before={FIRST_INDEX + chance.randrange(big.count)}{kind}"


def main() -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keep the system here, so that another run only measures")
    parser.add_argument("--recordings", type=int, default=1_000_000, help="how many to fabricate")
    parser.add_argument("--rounds", type=int, default=400, help="requests of each kind")
    parser.add_argument("--viewers", type=int, default=100, help="concurrent viewers")
    parser.add_argument("--markdown", type=Path, help="also write the report to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evidock-bench-") as scratch:
        big = prepare_system(options.folder or Path(scratch) / "web", options.recordings)
        try:
            people = {role: big.sign_in(role) for role in ROLES}
            rows = measure_pages(big, people, options.rounds)
            print("  many viewers", file=sys.stderr, flush=True)
            viewers = run_viewers(big, people["evidence_administrator"], options.viewers)
        finally:
            big.system.stop_server()
        print("  playback", file=sys.stderr, flush=True)
        playback = measure_playback(Path(scratch))
    told = (
        f"{big.count:,} recordings in the catalogue, **fabricated**: the projector applied entries that were never in a"
        f" ledger ({big.built_s:.0f} s); {len(big.real)} real ones beside them. {describe_machine()}."
    )
    head = ["| row | median ms | p95 ms | target | |", "|---|---|---|---|---|"]
    lines = [told, "", *head, *(row.show() for row in rows), "", *viewers, *playback]
    report = "\n".join(lines) + "\n"
    print(report)
    if options.markdown:
        options.markdown.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()

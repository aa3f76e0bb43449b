"""The HTTP interface for programs: who is let in, what is refused, and that it describes itself truly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import urllib3

from ingest_server.app import describe_api
from tests.support.running import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.whole_system import WholeSystem


def _peak_memory(system: WholeSystem) -> int:
    """Resident bytes at their highest so far."""
    assert system.process is not None
    lines = Path(f"/proc/{system.process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def _zeros(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield bytes(1 << 20)


@pytest.mark.parametrize("route", ["/api/v1/casefiles", "/enrolment/v1/begin", "/dock/v1/dockings"])
@pytest.mark.parametrize("is_stated", [True, False], ids=["length stated", "length not stated"])
def test_a_stranger_cannot_fill_the_memory(running: WholeSystem, route: str, *, is_stated: bool) -> None:
    before = _peak_memory(running)
    body = bytes(200 << 20) if is_stated else _zeros(200)
    with urllib3.PoolManager(retries=False) as pool:
        try:
            answer = pool.request(
                "POST", running.url + route, body=body, headers={"Content-Type": "application/json"}, timeout=60
            )
        except urllib3.exceptions.HTTPError:
            # The connection may be closed while we still send: refused as well.
            pass
        else:
            assert answer.status in {401, 413}
    assert _peak_memory(running) - before < 64 << 20
    assert fetch(f"{running.url}/api/v1/health")[0] == 200


def _routes() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in describe_api()["paths"].items():
        for method, route in methods.items():
            yield method.upper(), path, route


def test_the_description_says_what_each_route_asks_for() -> None:
    asked = {path: {name for need in route.get("security", []) for name in need} for _, path, route in _routes()}
    for path, needs in asked.items():
        if path.startswith("/dock/"):
            assert needs == {"dock"}, path
        elif path.startswith("/ledger/") or (path.startswith("/api/") and path != "/api/v1/health"):
            assert needs == {"token"}, path
        else:
            assert not needs, path


def test_the_description_promises_no_answer_that_never_comes() -> None:
    assert not [path for _, path, route in _routes() if "422" in route["responses"]]


@pytest.fixture(scope="module")
def token(running: WholeSystem) -> str:
    """A token that may do everything."""
    added = running.server("token", "add", "program", "--role", "evidence_administrator")
    return added.stdout.splitlines()[-1]


def test_a_case_number_may_hold_a_slash(running: WholeSystem, token: str) -> None:
    number = "2026/京 0001"
    new = {"number": number, "title": "t"}
    assert fetch(f"{running.url}/api/v1/casefiles", method="POST", token=token, body=new) == (200, {"is_new": True})
    address = f"{running.url}/api/v1/casefiles/{quote(number, safe='')}"
    status, casefile = fetch(address, token=token)
    assert (status, casefile["number"]) == (200, number)
    assert fetch(f"{address}/exports", method="POST", token=token, body={"reason": "r"})[1]["code"] == "not_found"


@pytest.mark.parametrize("time", ["nonsense", "2026-13-01", "2026-11-23T25:00", "2026-W01-1", "2026"])
def test_a_time_that_is_none_is_refused_and_not_searched_for(running: WholeSystem, token: str, time: str) -> None:
    status, problem = fetch(f"{running.url}/api/v1/recordings?from={time}", token=token)
    assert (status, problem["code"]) == (400, "wrong_usage")
    assert running.server("search", "--to", time, check=False).returncode == 2

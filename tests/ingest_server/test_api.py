"""The HTTP interface for programs: who is let in, what is refused, and that it describes itself truly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

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

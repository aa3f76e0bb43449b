"""One running system shared by the tests of a file, and a dock's own client for requests no honest agent sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from agent.client import ServerClient
from agent.config import load_config
from chain_of_custody.instants import utc_clock
from chain_of_custody.signing import SigningKey, read_key
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    """A server on the directory store with one enrolled dock."""
    system = WholeSystem(tmp_path_factory.mktemp("running"))
    system.start_server()
    system.enrol()
    yield system
    system.stop_server()


def make_client(home: Path, key: SigningKey | None = None, clock: Any = utc_clock) -> ServerClient:
    """The client of a dock home, with its own key or another."""
    return ServerClient(load_config(home), key or read_key(home / "key"), clock)


def make_volume_facts(root: str = "/volume") -> dict[str, Any]:
    """What an inventory says of a plain folder."""
    return {
        "root": root,
        "fs_type": "folder",
        "fs_uuid": None,
        "device": None,
        "label": None,
        "mount_options": "",
        "read_only": False,
        "hardware_serial": None,
        "usb": None,
    }


def fetch(url: str, *, method: str = "GET", token: str | None = None, body: Any = None) -> tuple[int, Any]:
    """Send one plain request; status and JSON answer (bytes where it is none)."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(method, url, headers=headers, body=None if body is None else json.dumps(body))
    try:
        return answer.status, json.loads(answer.data)
    except ValueError:
        return answer.status, answer.data


def refusals(system: WholeSystem) -> list[str]:
    """The codes of every refusal that the ledger holds."""
    return [code for code in system.read_parts("request.refused", "refusal", "code") if isinstance(code, str)]

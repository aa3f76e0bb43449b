"""The demonstration does what the README says, also when it is run again and on a real MinIO."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from chain_of_custody.instants import utc_clock
from ingest_server.accounts.links import spend_link
from ingest_server.accounts.queries import find_account
from ingest_server.installation import Installation
from tests.support.minio_server import require_minio
from tests.support.whole_system import BIN

if TYPE_CHECKING:
    from pathlib import Path


def run_demo(data: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    finished = subprocess.run(
        [BIN / "ingest-server", "demo", "--data", data, *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "EVIDOCK_DEMO": "once"},
    )
    assert finished.stdout, finished.stderr
    return finished.returncode, json.loads(finished.stdout.splitlines()[-1])


def test_the_demonstration_seals_everything_and_its_package_verifies(tmp_path: Path) -> None:
    code, result = run_demo(tmp_path / "demo")
    assert code == 0
    assert result["sealed"] == result["files"] == 7
    assert result["failed"] == result["verify_exit"] == 0


def test_the_demonstration_run_again_goes_on_with_what_is_there(tmp_path: Path) -> None:
    footage = tmp_path / "own"
    footage.mkdir()
    (footage / "a.mp4").write_bytes(os.urandom(50_000))
    first = run_demo(tmp_path / "demo", "--footage", str(footage))
    (footage / "b.mp4").write_bytes(os.urandom(60_000))
    again = run_demo(tmp_path / "demo", "--footage", str(footage))
    assert (first[0], again[0]) == (0, 0)
    assert (again[1]["already_sealed"], again[1]["sealed"]) == (1, 1)
    assert again[1]["vkey"] == first[1]["vkey"]


@pytest.mark.minio
def test_the_demonstration_runs_on_a_real_minio_over_tls(tmp_path: Path) -> None:
    require_minio()
    code, result = run_demo(tmp_path / "demo", "--store", "minio")
    assert code == 0
    assert result["sealed"] == result["files"]


def test_the_demonstration_makes_its_people_once_and_their_links_work(tmp_path: Path) -> None:
    footage = tmp_path / "own"
    footage.mkdir()
    (footage / "a.mp4").write_bytes(os.urandom(10_000))
    outputs = []
    for _ in range(2):
        finished = subprocess.run(
            [BIN / "ingest-server", "demo", "--data", tmp_path / "demo", "--footage", footage],
            capture_output=True,
            text=True,
            timeout=280,
            check=True,
            env={**os.environ, "EVIDOCK_DEMO": "once", "COLUMNS": "400"},
        )
        outputs.append(finished.stderr)
    links = re.findall(r"(li-wei|evidence|head) +(http://127\.0\.0\.1:\d+/link#\S+)", outputs[0])
    assert [name for name, _ in links] == ["li-wei", "evidence", "head"]
    assert "/link#" not in outputs[1]
    assert "ingest-server user link NAME" in outputs[1]
    with Installation.open(tmp_path / "demo" / "server", utc_clock) as installation:
        spend_link(installation, links[0][1].partition("#")[2], "three quiet words 7")
        account = find_account(installation.catalogue, "li-wei")
    assert account is not None
    assert (account["role"], account["officer"], account["unit"]) == ("officer", "014207", "DEMO-01")

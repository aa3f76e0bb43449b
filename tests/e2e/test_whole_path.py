"""The same walk on every store: docked, sealed, attached, exported, verified; and what must be refused on the way."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from agent.acquisition import acquire_volume
from tests.support.docks import client_of, copy_home, open_dock, reporter_of
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.minio_server import MinioServer

STORES = [
    "directory",
    pytest.param("minio", marks=pytest.mark.minio),
    pytest.param("minio-tls", marks=pytest.mark.minio),
]


@pytest.fixture(params=STORES)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WholeSystem]:
    """A running server with an enrolled dock on each store."""
    store: list[str] = []
    env: dict[str, str] = {}
    if request.param != "directory":
        minio: MinioServer = request.getfixturevalue(
            "minio_tls_server" if request.param == "minio-tls" else "minio_server"
        )
        store = ["--store", "s3", "--s3-endpoint", minio.endpoint, "--s3-bucket", f"evidence-{os.urandom(4).hex()}"]
        if minio.ca_file:
            store += ["--s3-ca", str(minio.ca_file)]
        env = {"MINIO_ACCESS_KEY": minio.access_key, "MINIO_SECRET_KEY": minio.secret_key}
    whole = WholeSystem(tmp_path, store=store, env=env)
    whole.start_server()
    whole.enrol()
    yield whole
    whole.stop_server()


def make_volume(folder: Path, files: dict[str, bytes]) -> Path:
    """A recorder volume as a plain folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


FILES = {
    "DCIM/100MEDIA/3100457_01420720261123140320_0001.MP4": os.urandom(17 * 1024 * 1024 + 3),
    "DCIM/100MEDIA/3100457_01420720261123141000_0002.MP4": os.urandom(70_001),
    "DCIM/100MEDIA/empty.MP4": b"",
    "LOG/20261123.log": b"power on\n",
}


def test_a_docked_recorder_becomes_a_package_that_a_stranger_verifies(system: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", FILES)
    acquired = system.acquire(volume)
    assert acquired.exit_code == 0, acquired.errors
    assert acquired.summary["sealed"] == len(FILES)
    ids = [line["evidence_id"] for line in acquired.sealed.values()]
    system.server("casefile", "add", "A-1", "--title", "占道经营检查")
    system.server("casefile", "attach", "A-1", *ids, "--stage", "investigation", "--reason", "内容相关")
    package = tmp_path / "a1.zip"
    system.server("export", "A-1", "--out", package, "--reason", "court")
    assert system.run("custody", "verify", package, "--vkey", system.vkey).returncode == 0
    with zipfile.ZipFile(package) as archive:
        stored = {i.file_size for i in archive.infolist() if "/data/" in i.filename}
    assert stored == {len(data) for data in FILES.values()}


def test_the_same_recorder_docked_again_adds_no_object(system: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", FILES)
    first = system.acquire(volume)
    again = system.acquire(volume)
    assert again.exit_code == 0
    assert again.summary["already_sealed"] == len(FILES)
    assert {p: line["evidence_id"] for p, line in again.sealed.items()} == {
        p: line["evidence_id"] for p, line in first.sealed.items()
    }
    assert all(line["already"] is True for line in again.sealed.values())
    assert sum(event["type"] == "recording.received" for event in system.events()) == len(FILES)


def test_a_changed_file_under_the_same_name_is_another_recording(system: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", {"DCIM/a.mp4": b"first content"})
    system.acquire(volume)
    (volume / "DCIM/a.mp4").write_bytes(b"other content")
    second = system.acquire(volume)
    assert second.summary["sealed"] == 1
    assert sum(event["type"] == "recording.received" for event in system.events()) == 2


def test_everything_stays_provable_after_the_catalogue_is_deleted(system: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", FILES)
    system.acquire(volume)
    before = system.server("search", "--json").stdout
    for path in system.data.glob("catalogue.db*"):
        path.unlink()
    assert json.loads(system.server("search", "--json").stdout) == json.loads(before)
    system.server("catalogue", "check")
    system.run("custody", "fsck", system.data, "--vkey", system.vkey)


def test_fixity_confirms_every_original_and_its_lock(system: WholeSystem, tmp_path: Path) -> None:
    system.acquire(make_volume(tmp_path / "volume", FILES))
    assert system.server("fixity", "--json").returncode == 0


def test_a_package_of_a_second_installation_is_not_accepted_under_the_first_key(
    system: WholeSystem, tmp_path: Path
) -> None:
    other = WholeSystem(tmp_path / "other")
    other.start_server()
    try:
        other.enrol()
        acquired = other.acquire(make_volume(tmp_path / "volume", {"a.mp4": b"content"}))
        other.server("casefile", "add", "A-1", "--title", "t")
        ids = [line["evidence_id"] for line in acquired.sealed.values()]
        other.server("casefile", "attach", "A-1", *ids, "--stage", "decision", "--reason", "r")
        package = tmp_path / "other.zip"
        other.server("export", "A-1", "--out", package, "--reason", "court")
        assert other.run("custody", "verify", package, "--vkey", other.vkey).returncode == 0
        assert system.run("custody", "verify", package, "--vkey", system.vkey, check=False).returncode == 1
    finally:
        other.stop_server()


def test_two_docks_take_the_same_recorder_as_two_sources(system: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", {"a.mp4": b"content"})
    system.acquire(volume)
    system.enrol(tmp_path / "dock-2", "back-office")
    second = system.acquire(volume, home=tmp_path / "dock-2")
    assert second.exit_code == 0
    assert second.summary["sealed"] == 1
    assert sum(event["type"] == "recording.received" for event in system.events()) == 2


def test_a_sealed_file_stays_sealed_when_the_volume_is_gone(system: WholeSystem, tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", {"a.mp4": b"content"})
    acquired = system.acquire(volume)
    shutil.rmtree(volume)
    receipts = list((system.home / "receipts").glob("*.json"))
    assert [path.stem for path in receipts] == [line["evidence_id"] for line in acquired.sealed.values()]
    assert system.run("custody", "verify", receipts[0], "--vkey", system.vkey).returncode == 0


@pytest.mark.minio
@pytest.mark.parametrize("system", ["minio"], indirect=True)
def test_a_recorder_is_cleared_only_against_locks_as_long_as_the_policy_asks(
    system: WholeSystem, tmp_path: Path
) -> None:
    volume = make_volume(tmp_path / "volume", FILES)
    with open_dock(copy_home(system, tmp_path / "told-of-a-longer-floor")) as dock:

        def ask_more(path: str, answer: dict[str, Any]) -> dict[str, Any]:
            if path != "/dock/v1/status":
                return answer
            return {**answer, "clearing": {**answer["clearing"], "lock_floor_days": 10_000}}

        client_of(dock).after_call = ask_more  # type: ignore[method-assign]
        assert acquire_volume(dock, volume, is_clearing=True).summary.cleared == 0
        assert all("shorter than the policy" in reporter_of(dock).errors_of(path.encode())[0] for path in FILES)
    assert system.acquire(volume, "--clear").summary["cleared"] == len(FILES)
    assert not any(path.is_file() for path in volume.rglob("*"))

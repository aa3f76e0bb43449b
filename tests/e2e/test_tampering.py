"""A flipped byte anywhere is named by the check that owns it; a ledger that was rolled back is refused by the dock."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[tuple[WholeSystem, Path, str]]:
    """A system with one sealed file: the system, its volume, and the evidence id."""
    system = WholeSystem(tmp_path)
    system.start_server()
    system.enrol()
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "a.mp4").write_bytes(b"the original bytes of one recording" * 1000)
    acquired = system.acquire(volume)
    yield system, volume, acquired.sealed["a.mp4"]["evidence_id"]
    if system.process is not None:
        system.stop_server()


def flip_byte(path: Path, offset: int = -10) -> None:
    mode = path.stat().st_mode
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    path.chmod(mode)


def test_a_flipped_byte_in_the_store_is_named_by_fixity(sealed: tuple[WholeSystem, Path, str]) -> None:
    system, _, evidence_id = sealed
    originals = [path for path in (system.data / "store").rglob("originals/**/*") if path.is_file()]
    flip_byte(originals[0])
    checked = system.server("fixity", "--json", check=False)
    assert checked.returncode == 1
    assert json.loads(checked.stdout)["failed"] == [{"evidence_id": evidence_id, "problem": "digest_differs"}]


def test_a_missing_original_is_named_by_fixity(sealed: tuple[WholeSystem, Path, str]) -> None:
    system, _, evidence_id = sealed
    for path in (system.data / "store").rglob("originals/**/*"):
        if path.is_file():
            path.parent.chmod(0o700)
            path.unlink()
    checked = system.server("fixity", check=False)
    assert checked.returncode == 1
    assert f"{evidence_id}  missing" in checked.stdout


def test_a_changed_leaf_is_named_by_fsck(sealed: tuple[WholeSystem, Path, str]) -> None:
    system, _, _ = sealed
    system.stop_server()
    with closing(sqlite3.connect(system.data / "ledger.db")) as ledger, ledger:
        leaf = bytearray(ledger.execute('select leaf from leaves where "index" = 1').fetchone()[0])
        leaf[40] ^= 1
        ledger.execute('update leaves set leaf = ? where "index" = 1', [bytes(leaf)])
    checked = system.run("custody", "fsck", system.data, "--vkey", system.vkey, check=False)
    assert checked.returncode == 1
    assert "leaf 1" in checked.stdout


def test_a_changed_record_is_named_by_fsck(sealed: tuple[WholeSystem, Path, str]) -> None:
    system, _, _ = sealed
    system.stop_server()
    with closing(sqlite3.connect(system.data / "ledger.db")) as ledger, ledger:
        ledger.execute("update records set record = replace(record, 'front-desk', 'back-desk')")
    checked = system.run("custody", "fsck", system.data, "--vkey", system.vkey, check=False)
    assert checked.returncode == 1
    assert "record" in checked.stdout


def test_a_changed_catalogue_row_is_named_by_its_check(sealed: tuple[WholeSystem, Path, str]) -> None:
    system, _, _ = sealed
    system.server("search")
    with closing(sqlite3.connect(system.data / "catalogue.db")) as catalogue, catalogue:
        catalogue.execute("update recordings set size = size + 1")
    checked = system.server("catalogue", "check", check=False)
    assert checked.returncode == 1
    assert "recordings:" in checked.stdout
    system.server("catalogue", "rebuild")
    system.server("catalogue", "check")


def test_a_changed_receipt_is_false(sealed: tuple[WholeSystem, Path, str]) -> None:
    system, _, evidence_id = sealed
    path = system.home / "receipts" / f"{evidence_id}.json"
    receipt = json.loads(path.read_text())
    for opening in receipt["openings"]:
        if opening["label"] == "received":
            opening["value"]["size"] += 1
    path.write_text(json.dumps(receipt))
    assert system.run("custody", "verify", path, "--vkey", system.vkey, check=False).returncode == 1
    examined = system.run("dock-agent", "doctor", "--home", system.home, check=False)
    assert examined.returncode == 1
    assert f"WRONG  receipts  missing or damaged: {evidence_id}" in examined.stdout


def test_a_damaged_receipt_is_named_by_the_doctor(sealed: tuple[WholeSystem, Path, str]) -> None:
    system, _, evidence_id = sealed
    (system.home / "receipts" / f"{evidence_id}.json").write_text("{}")
    examined = system.run("dock-agent", "doctor", "--home", system.home, check=False)
    assert examined.returncode == 1
    assert evidence_id in examined.stdout


def test_a_changed_package_is_false(sealed: tuple[WholeSystem, Path, str], tmp_path: Path) -> None:
    system, _, evidence_id = sealed
    system.server("casefile", "add", "T-1", "--title", "tampering")
    system.server("casefile", "attach", "T-1", evidence_id, "--stage", "review", "--reason", "test")
    package = tmp_path / "t1.zip"
    system.server("export", "T-1", "--out", package, "--reason", "test")
    data = package.read_bytes()
    place = data.index(b"the original bytes")
    package.write_bytes(data[:place] + b"X" + data[place + 1 :])
    judged = system.run("custody", "verify", package, "--vkey", system.vkey, check=False)
    assert judged.returncode == 1
    assert evidence_id in judged.stdout


def test_an_export_never_overwrites_and_leaves_no_partial_file(
    sealed: tuple[WholeSystem, Path, str], tmp_path: Path
) -> None:
    system, _, evidence_id = sealed
    system.server("casefile", "add", "T-1", "--title", "tampering")
    system.server("casefile", "attach", "T-1", evidence_id, "--stage", "review", "--reason", "test")
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "t1.zip").write_bytes(b"mine")
    refused = system.server("export", "T-1", "--out", folder / "t1.zip", "--reason", "test", check=False)
    assert refused.returncode == 1
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("t1.zip", b"mine")]


def test_a_rolled_back_ledger_is_refused_by_the_dock(sealed: tuple[WholeSystem, Path, str], tmp_path: Path) -> None:
    system, volume, _ = sealed
    system.stop_server()
    names = ("ledger.db", "lock.db", "private.db")
    shutil.copytree(system.data, tmp_path / "older")
    system.start_server()
    (volume / "b.mp4").write_bytes(b"recorded later")
    assert system.acquire(volume).exit_code == 0
    system.stop_server()
    for name in names:
        for path in system.data.glob(f"{name}*"):
            path.unlink()
        for path in (tmp_path / "older").glob(f"{name}*"):
            shutil.copy(path, system.data / path.name)
    for path in system.data.glob("catalogue.db*"):
        path.unlink()
    system.start_server()
    (volume / "c.mp4").write_bytes(b"recorded last")
    acquired = system.acquire(volume, "--clear")
    assert acquired.exit_code == 1
    assert not acquired.sealed
    # The old ledger may have grown past the size this dock has seen: then it is a fork.
    errors = " ".join(str(line.get("error")) for line in acquired.lines)
    assert "rolled back" in errors or "does not begin with" in errors
    assert {path.name for path in volume.iterdir()} == {"a.mp4", "b.mp4", "c.mp4"}


def test_a_ledger_restored_without_its_lock_takes_nothing_more(
    sealed: tuple[WholeSystem, Path, str], tmp_path: Path
) -> None:
    system, _, _ = sealed
    system.stop_server()
    shutil.copy(system.data / "ledger.db", tmp_path / "older.db")
    system.server("casefile", "add", "T-1", "--title", "later")
    for path in system.data.glob("ledger.db*"):
        path.unlink()
    shutil.copy(tmp_path / "older.db", system.data / "ledger.db")
    refused = system.server("casefile", "add", "T-2", "--title", "after the rollback", check=False)
    assert refused.returncode == 1
    assert "rolled back" in refused.stderr

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from agent.acquisition import acquire_volume
from chain_of_custody.digests import sha256_hex
from chain_of_custody.dsse import parse_envelope
from chain_of_custody.signing import read_key
from chain_of_custody.statements import Inventory, open_statement
from tests.support.docks import copy_home, manifest_of, open_dock, row_of
from tests.support.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.dock import Dock
    from tests.support.whole_system import WholeSystem

__all__ = ["running"]
NAME = "3100457_01420720261123140320_0001.MP4"


@pytest.fixture
def dock(running: WholeSystem, tmp_path: Path) -> Iterator[Dock]:
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        yield dock


@pytest.fixture
def inventory(dock: Dock, tmp_path: Path) -> Inventory:
    """The inventory of a volume with a well-named file, a note and a link."""
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / NAME).write_bytes(os.urandom(10))
    (volume / "notes.txt").write_bytes(b"n")
    (volume / "link.mp4").symlink_to("/etc/passwd")
    acquire_volume(dock, volume)
    envelope = dock.journal.read_inventory(row_of(dock, NAME.encode()).docking_id)
    key = read_key(dock.home / "key").public
    return open_statement(parse_envelope(envelope), key, Inventory)


def test_the_inventory_names_every_entry_also_what_is_not_taken(inventory: Inventory) -> None:
    states: dict[str, str] = {file["path"]: file["state"] for file in inventory.files}  # type: ignore[index,call-overload,misc]
    assert states == {NAME: "found", "notes.txt": "found", "link.mp4": "finding"}


def test_the_inventory_carries_what_names_claim_of_the_recorder(inventory: Inventory) -> None:
    claims = {(claim["name"], claim["value"]) for claim in inventory.claims}  # type: ignore[index,call-overload]
    assert claims == {("serial", "3100457"), ("officer", "014207")}
    assert inventory.profile == "zfy"


def test_a_manifest_names_the_inventory_that_was_signed_before_it(dock: Dock, inventory: Inventory) -> None:
    row = row_of(dock, NAME.encode())
    manifest = manifest_of(row)
    envelope = parse_envelope(dock.journal.read_inventory(row.docking_id))
    assert manifest["inventory_sha256"] == sha256_hex(envelope.to_bytes())
    assert manifest["counter"] > inventory.counter


def test_a_name_nobody_knows_is_a_finding_and_no_claim(dock: Dock, inventory: Inventory) -> None:
    manifest: dict[str, Any] = manifest_of(row_of(dock, b"notes.txt"))
    assert manifest["claims"] == []
    assert [finding["code"] for finding in manifest["findings"]] == ["NAME_UNPARSED"]


def test_a_file_time_is_a_claim_with_its_source(dock: Dock, inventory: Inventory) -> None:
    mtime = manifest_of(row_of(dock, NAME.encode()))["mtime"]
    assert mtime.keys() == {"local", "source", "utc_offset", "uncertainty_s"}
    assert mtime["source"] == "file"
    assert "Z" not in json.dumps(mtime)

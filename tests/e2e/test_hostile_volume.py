"""A volume with everything hostile on it at once: all that is readable is sealed, and nothing else is touched."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.recorder_volumes import fill_volume, make_dcim, make_hostile, make_unknown, make_zfy
from tests.support.whole_system import Acquired, WholeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    """One running server with an enrolled dock; every test docks a volume of its own."""
    whole = WholeSystem(tmp_path_factory.mktemp("system"))
    whole.start_server()
    whole.enrol()
    yield whole
    whole.stop_server()


def sealed_by_raw_path(acquired: Acquired) -> dict[bytes, dict[str, object]]:
    lines = [line for line in acquired.lines if line.get("state") == "sealed"]
    return {base64.b64decode(line["path_b64"]): line for line in lines}


def assert_counts_add_up(acquired: Acquired) -> None:
    summary = acquired.summary
    assert summary["found"] == sum(summary[n] for n in ("sealed", "already_sealed", "failed", "waiting"))


def stored_digests(system: WholeSystem) -> set[str]:
    """SHA-256 of every file that the directory store holds."""
    return {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (system.data / "store").rglob("*") if path.is_file()
    }


def list_tree(root: Path) -> set[bytes]:
    return {os.fsencode(path) for path in root.rglob("*")}


def test_everything_readable_on_a_hostile_volume_is_sealed_byte_for_byte(system: WholeSystem, tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path / "volume")
    acquired = system.acquire(hostile.root)
    assert_counts_add_up(acquired)
    # Root may read everything; anybody else has one file that is failed.
    assert acquired.exit_code == (0 if os.geteuid() == 0 else 1), acquired.errors
    sealed = sealed_by_raw_path(acquired)
    assert set(sealed) == set(hostile.files)
    stored = stored_digests(system)
    for path, content in hostile.files.items():
        digest = hashlib.sha256(content).hexdigest()
        assert sealed[path]["size"] == len(content)
        assert sealed[path]["digests"]["sha2-256"] == digest  # type: ignore[index]
        assert digest in stored, path
    assert acquired.summary["found"] == len(hostile.files) + (os.geteuid() != 0)


def test_links_pipes_and_sockets_are_not_in_found_and_what_they_point_to_is_not_taken(
    system: WholeSystem, tmp_path: Path
) -> None:
    hostile = make_hostile(tmp_path / "volume")
    acquired = system.acquire(hostile.root)
    told = {base64.b64decode(line["path_b64"]) for line in acquired.lines if "path_b64" in line}
    assert not told & hostile.findings
    with open("/etc/passwd", "rb") as secret:  # noqa: PTH123 - the very file that the link names
        assert hashlib.sha256(secret.read()).hexdigest() not in stored_digests(system)


def test_nothing_outside_the_dock_home_and_the_store_is_written(system: WholeSystem, tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path / "volume")
    before = list_tree(tmp_path)
    system.acquire(hostile.root)
    assert list_tree(tmp_path) == before
    assert not list((system.home / "spool").iterdir())
    names = [path.name for path in (system.home / "receipts").iterdir()]
    assert all(name.isascii() and name.endswith(".json") for name in names)


def test_a_hostile_name_reaches_no_terminal_as_control_characters(system: WholeSystem, tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path / "volume")
    finished = system.run("dock-agent", "acquire", hostile.root, "--home", system.home, check=False)
    assert "\x07" not in finished.stdout + finished.stderr
    assert "\u202e" not in finished.stdout + finished.stderr
    assert "\\x07" in finished.stderr


def test_a_hostile_volume_is_searched_exported_and_verified_like_any_other(system: WholeSystem, tmp_path: Path) -> None:
    hostile = make_hostile(tmp_path / "volume")
    acquired = system.acquire(hostile.root)
    ids = {str(line["evidence_id"]) for line in sealed_by_raw_path(acquired).values()}
    system.server("casefile", "add", "H-1", "--title", "t")
    system.server("casefile", "attach", "H-1", *sorted(ids), "--stage", "decision", "--reason", "r")
    package = tmp_path / "h1.zip"
    system.server("export", "H-1", "--out", package, "--reason", "court")
    system.run("custody", "verify", package, "--vkey", system.vkey)
    system.server("catalogue", "check")


@pytest.mark.parametrize(("make", "profile"), [(make_zfy, "zfy"), (make_dcim, "dcim"), (make_unknown, "unknown")])
def test_every_layout_is_taken_in_whole(
    system: WholeSystem, tmp_path: Path, make: Callable[[Path], Path], profile: str
) -> None:
    volume = make(tmp_path / "volume")
    acquired = system.acquire(volume)
    assert acquired.exit_code == 0, acquired.errors
    assert acquired.summary["found"] == sum(path.is_file() for path in volume.rglob("*"))
    assert acquired.summary["failed"] == acquired.summary["waiting"] == 0
    assert read_last_inventory(system)["profile"] == profile
    codes = {finding["code"] for finding in read_last_inventory(system)["findings"]}
    assert ("RECORDER_UNKNOWN" in codes) is (profile == "unknown")


def read_last_inventory(system: WholeSystem) -> dict[str, object]:
    """The statement inside the newest signed inventory of the dock's journal."""
    import json
    import sqlite3

    with sqlite3.connect(system.home / "journal.db") as db:
        (text,) = db.execute("select inventory from dockings order by rowid desc limit 1").fetchone()
    envelope = json.loads(text)
    return json.loads(base64.b64decode(envelope["payload"]))  # type: ignore[no-any-return]


def test_a_volume_whose_own_name_is_hostile_is_sealed_in_words_that_any_terminal_shows(
    system: WholeSystem, tmp_path: Path
) -> None:
    root = os.path.join(os.fsencode(tmp_path), b"card\xff\x1b[2J")  # noqa: PTH118 - no UTF-8, so no Path literal
    volume = fill_volume(Path(os.fsdecode(root)), {"a.mp4": b"on a card with a strange name"})
    finished = system.run(
        "dock-agent", "acquire", volume, "--home", system.home, check=False, env={"PYTHONIOENCODING": "ascii"}
    )
    assert finished.returncode == 0, finished.stderr
    assert "1 of 1 files sealed" in finished.stdout
    assert "\x1b[2J" not in finished.stdout + finished.stderr
    again = system.acquire(volume)
    assert again.summary["already_sealed"] == 1


def test_an_empty_volume_is_docked_and_ends_well(system: WholeSystem, tmp_path: Path) -> None:
    acquired = system.acquire(fill_volume(tmp_path / "volume", {}))
    assert acquired.exit_code == 0
    assert acquired.summary["found"] == 0

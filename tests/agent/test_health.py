from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from agent.acquisition import acquire_volume
from agent.errors import HomeError, UnreachableError
from agent.health import diagnose, read_status
from agent.sealing import locate_receipt
from chain_of_custody.instants import utc_clock
from tests.support.docks import client_of, copy_home, open_dock, row_of
from tests.support.running import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.whole_system import WholeSystem

__all__ = ["running"]


@pytest.fixture
def home(running: WholeSystem, tmp_path: Path) -> Path:
    """A dock home with one sealed file and one in the spool."""
    home = copy_home(running, tmp_path / "home")
    with open_dock(home) as dock:
        for name in ("sealed", "spooled"):
            volume = tmp_path / name
            volume.mkdir()
            (volume / f"{name}.mp4").write_bytes(os.urandom(100))
            acquire_volume(dock, volume)

            def fail(*_: object) -> None:
                raise UnreachableError("unplugged")

            client_of(dock).before_call = fail  # type: ignore[method-assign]
    return home


def wrong(home: Path, clock: object = utc_clock) -> dict[str, str]:
    """What the doctor finds wrong, and how to mend it."""
    return {item.name: item.mend for item in diagnose(home, clock) if not item.is_well}  # type: ignore[arg-type]


def test_the_status_names_what_is_not_sealed_and_where_its_bytes_are(home: Path) -> None:
    status = read_status(home, utc_clock)
    assert status["files"] == {"sealed": 1, "acquired": 1}
    assert status["not_sealed"] == 1
    assert [(file["path"], file["bytes_are"]) for file in status["unsafe"]] == [("spooled.mp4", "spool")]
    spool = status["spool"]
    assert (spool["policy"], spool["files"], spool["bytes"], spool["per_cent"]) == ("offline", 1, 100, 0)
    assert spool["room"] > 100
    assert status["checkpoint_size"] > 0


def test_a_dock_that_took_nothing_yet_has_a_status(running: WholeSystem, tmp_path: Path) -> None:
    home = copy_home(running, tmp_path / "new")
    (home / "journal.db").unlink()
    assert read_status(home, utc_clock)["not_sealed"] == 0
    assert wrong(home) == {}


def test_a_healthy_dock_has_nothing_wrong(home: Path) -> None:
    assert wrong(home) == {}


def test_a_home_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError):
        diagnose(tmp_path, utc_clock)


def test_a_readable_key_is_wrong(home: Path) -> None:
    (home / "key").chmod(0o644)
    assert "chmod 600" in wrong(home)["key"]


def test_an_open_home_is_wrong(home: Path) -> None:
    home.chmod(0o755)
    assert "chmod 700" in wrong(home)["home"]


@pytest.mark.parametrize("damage", ["missing", "cut", "of another file", "of a longer lock"])
def test_a_receipt_that_is_not_the_files_own_is_wrong(home: Path, damage: str) -> None:
    with open_dock(home) as dock:
        path = locate_receipt(home, str(row_of(dock, b"sealed.mp4").evidence_id))
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "of a longer lock":
        text = path.read_text(encoding="utf-8")
        assert '"lock_mode": "none"' in text
        path.write_text(text.replace('"lock_mode": "none"', '"lock_mode": "COMPLIANCE"'), encoding="utf-8")
    else:
        text = path.read_text(encoding="utf-8")
        start = text.index("sha2-256") + len('sha2-256": "')
        path.write_text(text[:start] + "0" * 64 + text[start + 64 :], encoding="utf-8")
    assert set(wrong(home)) == {"receipts"}


def test_a_short_spooled_file_is_wrong(home: Path) -> None:
    spooled = next((home / "spool").iterdir())
    spooled.write_bytes(b"short")
    assert "dock their recorders again" in wrong(home)["spooled"]


def test_a_damaged_journal_is_wrong(home: Path) -> None:
    for path in home.glob("journal.db-*"):
        path.unlink()
    data = bytearray((home / "journal.db").read_bytes())
    data[4096:8192] = os.urandom(4096)
    (home / "journal.db").write_bytes(data)
    assert "journal" in wrong(home)


def test_a_clock_that_runs_wrong_is_wrong(home: Path) -> None:
    assert "NTP" in wrong(home, lambda: utc_clock() + timedelta(minutes=2))["clock"]


def test_a_server_that_is_away_is_wrong(home: Path) -> None:
    config = home / "config.toml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("server")]
    config.write_text("\n".join(['server = "http://127.0.0.1:9"', *lines]))
    assert set(wrong(home)) == {"server"}

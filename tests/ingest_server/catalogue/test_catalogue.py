"""A catalogue that was damaged: named in words, and built anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> WholeSystem:
    """A data folder whose catalogue has rows in it."""
    made = WholeSystem(tmp_path_factory.mktemp("catalogue"))
    for number in range(5):
        made.server("casefile", "add", f"A-{number}", "--title", "t")
    return made


@pytest.fixture
def catalogue(system: WholeSystem) -> Path:
    """The catalogue's file, whole, with nothing left in its log."""
    system.server("search")
    path = system.data / "catalogue.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    return path


def change(catalogue: Path, *statements: str) -> None:
    with closing(sqlite3.connect(catalogue)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "update casefiles set title = 'another'",
        "delete from casefiles where number = 'A-1'",
        "update cursor set next_index = 0",
        "update cursor set next_index = 999",
        "delete from cursor",
        "drop table casefiles",
        "drop table cursor",
    ],
)
def test_a_changed_catalogue_is_named_and_mended(system: WholeSystem, catalogue: Path, statement: str) -> None:
    change(catalogue, statement)
    checked = system.server("catalogue", "check", check=False)
    assert checked.returncode == 1
    assert len(checked.stdout.splitlines()) > 1
    assert not checked.stderr
    system.server("catalogue", "rebuild")
    assert system.server("catalogue", "check").returncode == 0


def test_a_catalogue_that_is_no_database_says_what_to_do(system: WholeSystem, catalogue: Path) -> None:
    catalogue.write_bytes(b"X" * 8192)
    for command in (("search",), ("catalogue", "rebuild")):
        refused = system.server(*command, check=False)
        assert refused.returncode == 1
        assert "delete it" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert "catalogue.db" in system.server("catalogue", "check", check=False).stdout
    catalogue.unlink()
    assert system.server("catalogue", "check").returncode == 0


def test_flipped_pages_are_overwritten_by_a_rebuild(system: WholeSystem, catalogue: Path) -> None:
    with catalogue.open("r+b") as file:
        size = file.seek(0, 2)
        for page in range(1, size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 64)
    assert system.server("catalogue", "check", check=False).returncode == 1
    system.server("catalogue", "rebuild")
    assert system.server("catalogue", "check").returncode == 0

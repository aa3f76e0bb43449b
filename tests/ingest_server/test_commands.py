"""The command line on a data folder: what it refuses, with which exit code, and in how many lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> WholeSystem:
    """A data folder without a running server."""
    return WholeSystem(tmp_path_factory.mktemp("commands"))


def refuse_in_one_line(finished: CompletedProcess[str]) -> str:
    """The one line of a command that was refused."""
    assert finished.returncode == 1
    assert not finished.stdout
    lines = finished.stderr.splitlines()
    assert len(lines) == 1, finished.stderr
    return lines[0]


@pytest.mark.parametrize(
    "command",
    [
        ["dock", "add", ""],
        ["token", "add", "a\nb", "--role", "auditor"],
        ["auditor", "add", "\x1b[31mred"],
        ["token", "revoke", "nobody", "--reason", " "],
        ["dock", "revoke", "nobody", "--reason", ""],
        ["policy", "set", "clearing.directory", "allow", "--reason", ""],
        ["casefile", "add", "A-1", "--title", "\u202egnp"],
    ],
    ids=" ".join,
)
def test_names_and_reasons_that_say_nothing_are_refused(system: WholeSystem, command: list[str]) -> None:
    before = len(system.events())
    assert "empty, too long or holds control characters" in refuse_in_one_line(system.server(*command, check=False))
    assert len(system.events()) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [("canary.every_hours", "25"), ("canary.max_age_hours", "5"), ("lock.short_days", "184"), ("lock.floor_days", "6")],
)
def test_policy_values_that_contradict_each_other_are_refused(system: WholeSystem, key: str, value: str) -> None:
    refused = system.server("policy", "set", key, value, "--reason", "r", check=False)
    assert "above" in refuse_in_one_line(refused)


@pytest.mark.parametrize("out", ["there.zip", "nowhere/out.zip", "/proc/out.zip"])
def test_an_export_that_is_refused_leaves_one_line_and_nothing_else(
    system: WholeSystem, tmp_path: Path, out: str
) -> None:
    system.server("casefile", "add", "E-1", "--title", "t")
    (tmp_path / "there.zip").write_bytes(b"mine")
    before = len(system.events())
    refused = system.server("export", "E-1", "--out", tmp_path / out, "--reason", "r", check=False)
    assert out.rsplit("/", 1)[-1] in refuse_in_one_line(refused) or "nowhere" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there.zip"]
    assert (tmp_path / "there.zip").read_bytes() == b"mine"
    assert len(system.events()) == before


def test_a_damaged_private_database_is_named(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    (system.data / "private.db").write_bytes(b"no database at all" * 1000)
    assert "private.db cannot be read" in refuse_in_one_line(system.server("search", check=False))


def test_a_missing_secret_is_named_by_what_needs_it(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    (system.data / "keys" / "part-secret").unlink()
    system.server("search")
    assert "part-secret" in refuse_in_one_line(system.server("serve", "--port", 0, check=False))


def test_what_the_server_keeps_is_its_owners_alone(system: WholeSystem) -> None:
    system.server("search")
    assert not [path.name for path in system.data.iterdir() if path.stat().st_mode & 0o077]

from __future__ import annotations

import errno
import resource
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent.config import DockConfig, prepare_home
from agent.errors import SpoolError, UnreadableError
from agent.spool import SpoolFile, SpoolWarnings, SpoolWriter, measure_spool, remove_spooled, sweep_spool

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = DockConfig("http://127.0.0.1:1", "a/b/2026", "", "", None, None, "d" * 32, "dock", spool_reserve_mib=0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    prepare_home(tmp_path / "home")
    return tmp_path / "home"


def spool(home: Path, data: bytes) -> str:
    with SpoolWriter(home, len(data), CONFIG) as writer:
        writer.write(memoryview(data))
        return writer.keep()


def read_all(home: Path, name: str) -> bytes:
    buffer = memoryview(bytearray(1000))
    with SpoolFile(home, name) as source:
        return bytes(buffer[: source.readinto(buffer)])


def test_what_was_kept_is_read_back(home: Path) -> None:
    assert read_all(home, spool(home, b"bytes")) == b"bytes"


def test_what_was_not_kept_leaves_nothing_behind(home: Path) -> None:
    with SpoolWriter(home, 5, CONFIG) as writer:
        writer.write(memoryview(b"bytes"))
    assert list((home / "spool").iterdir()) == []


def test_a_file_that_would_eat_the_reserve_is_refused(home: Path) -> None:
    with pytest.raises(SpoolError, match="no room"):
        SpoolWriter(home, 1, replace(CONFIG, spool_reserve_mib=1 << 40))


def test_a_file_beyond_the_budget_is_refused_before_a_byte_is_written(home: Path) -> None:
    config = replace(CONFIG, spool_budget_mib=1)
    spool(home, b"x" * (1 << 19))
    with pytest.raises(SpoolError, match="dock it elsewhere"):
        SpoolWriter(home, (1 << 19) + 1, config)
    with SpoolWriter(home, 1 << 19, config) as writer:
        writer.write(memoryview(b"y" * (1 << 19)))
        writer.keep()
    place = measure_spool(home, config)
    assert (place.files, place.used, place.room, place.per_cent) == (2, 1 << 20, 1 << 20, 100)


def test_a_person_is_warned_once_at_each_mark_and_again_after_it_was_below(home: Path) -> None:
    warnings = SpoolWarnings(home, replace(CONFIG, spool_budget_mib=1))
    filled = [spool(home, b"x" * (1 << 20 >> 2)) for _ in range(3)]
    assert warnings.look() is None
    filled.append(spool(home, b"x" * 100_000))
    assert "84 %" in str(warnings.look())
    assert warnings.look() is None
    filled.append(spool(home, b"x" * 100_000))
    assert "94 %" in str(warnings.look())
    for name in filled[:2]:
        remove_spooled(home, name)
    assert warnings.look() is None
    spool(home, b"x" * 500_000)
    assert "91 %" in str(warnings.look())


def test_a_full_disk_is_told_in_words_and_leaves_nothing(home: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with SpoolWriter(home, 10_000, CONFIG) as writer, pytest.raises(SpoolError, match="is full"):
            writer.write(memoryview(b"x" * 10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((home / "spool").iterdir()) == []


def test_a_spool_that_takes_no_new_file_is_the_spools_trouble(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter(home, 5, CONFIG)

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("agent.spool.os.open", refuse)
    with pytest.raises(SpoolError, match="is full"):
        writer.__enter__()


def test_a_spool_that_is_gone_is_the_spools_trouble(home: Path) -> None:
    (home / "spool").rmdir()
    with pytest.raises(SpoolError, match="fails"):
        SpoolWriter(home, 5, CONFIG)


def test_sweeping_keeps_what_the_journal_wants(home: Path) -> None:
    wanted, other = spool(home, b"a"), spool(home, b"b")
    assert sweep_spool(home, {wanted}) == 1
    assert [path.name for path in (home / "spool").iterdir()] == [wanted]
    remove_spooled(home, wanted)
    with pytest.raises(UnreadableError), SpoolFile(home, other):
        pass

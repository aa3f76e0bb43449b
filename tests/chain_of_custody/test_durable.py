"""Durable files."""

import errno
import os

import pytest

from chain_of_custody import durable
from chain_of_custody.durable import create_file_exclusively, fsync_dir, link_without_overwriting, make_dir, write_file


@pytest.fixture
def calls(monkeypatch):
    """The order of calls that decides what survives a power cut."""
    seen = []
    for name in ("fsync", "rename", "link", "unlink"):
        real = getattr(os, name)

        def record(*args, _name=name, _real=real, **options):
            seen.append(_name)
            return _real(*args, **options)

        monkeypatch.setattr(os, name, record)
    return seen


def test_a_written_file_is_read_back_with_its_mode(tmp_path):
    old = os.umask(0o077)
    try:
        write_file(tmp_path / "a", b"one", mode=0o644)
    finally:
        os.umask(old)
    write_file(tmp_path / "b", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o644, 0o600]


def test_content_is_durable_before_its_name_and_the_name_before_the_return(tmp_path, calls):
    write_file(tmp_path / "a", b"one")
    assert calls == ["fsync", "rename", "fsync"]


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    write_file(tmp_path / "a", b"one")
    write_file(tmp_path / "a", b"two")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"two"}


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_failure_leaves_the_old_content_and_no_rubbish(tmp_path, monkeypatch, step):
    write_file(tmp_path / "a", b"one")

    def fail(*args, **options):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        write_file(tmp_path / "a", b"two")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"one"}


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
    write_file(tmp_path / "a", b"ten bytes!")
    assert (tmp_path / "a").read_bytes() == b"ten bytes!"


def test_an_exclusive_file_is_never_overwritten(tmp_path):
    create_file_exclusively(tmp_path / "a", b"one")
    with pytest.raises(FileExistsError):
        create_file_exclusively(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        create_file_exclusively(tmp_path / "link", b"one")
    assert not (tmp_path / "target").exists()


def test_half_an_exclusive_file_is_not_left(tmp_path, monkeypatch):
    def fail(fd):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(durable.os, "fsync", fail)
    with pytest.raises(OSError, match="input/output"):
        create_file_exclusively(tmp_path / "a", b"one")
    assert list(tmp_path.iterdir()) == []


def test_a_finished_file_gets_its_name_once(tmp_path, calls):
    for name in ("one", "two"):
        create_file_exclusively(tmp_path / name, name.encode())
    del calls[:]
    link_without_overwriting(tmp_path / "one", tmp_path / "final")
    assert calls == ["link", "unlink", "fsync"]
    with pytest.raises(FileExistsError):
        link_without_overwriting(tmp_path / "two", tmp_path / "final")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"final": b"one", "two": b"two"}


def test_every_folder_that_was_made_has_a_durable_name(tmp_path, calls):
    make_dir(tmp_path / "a" / "b" / "c")
    assert calls == ["fsync"] * 3
    assert (tmp_path / "a" / "b" / "c").stat().st_mode & 0o777 == 0o700
    del calls[:]
    make_dir(tmp_path / "a" / "b")
    assert calls == []


def test_only_a_folder_has_names(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        fsync_dir(tmp_path / "a")

"""The dock's own judgement: a receipt that is not proof of this file seals nothing, and nothing is cleared on it."""

from __future__ import annotations

import copy
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.acquisition import acquire_volume
from agent.journal import FileState
from agent.sealing import locate_receipt, read_last_checkpoint
from tests.support.docks import client_of, copy_home, open_dock, reporter_of, row_of
from tests.support.running import running
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.dock import Dock

__all__ = ["running"]


@pytest.fixture(scope="module", autouse=True)
def allowed(running: WholeSystem) -> None:
    """Clearing is allowed: what is not cleared here is kept for its receipt alone."""
    running.server("policy", "set", "clearing.directory", "allow", "--reason", "test")


@pytest.fixture
def dock(running: WholeSystem, tmp_path: Path) -> Iterator[Dock]:
    """A dock that has sealed one file, ``first.mp4``."""
    with open_dock(copy_home(running, tmp_path / "home")) as dock:
        take(dock, tmp_path, "first")
        yield dock


def take(dock: Dock, tmp_path: Path, name: str, *, is_clearing: bool = False) -> Path:
    """Dock a volume with one new file."""
    volume = tmp_path / f"volume-{name}"
    volume.mkdir(exist_ok=True)
    (volume / f"{name}.mp4").write_bytes(os.urandom(100))
    acquire_volume(dock, volume, is_clearing=is_clearing)
    return volume


def meddle(dock: Dock, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change every receipt on its way to the dock."""

    def after(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "receipt": change(answer["receipt"])} if "receipt" in answer else answer

    client_of(dock).after_call = after  # type: ignore[method-assign]


def assert_refused(dock: Dock, tmp_path: Path, code: str) -> None:
    """Dock another file: its receipt is refused for this reason, nothing is sealed and nothing is cleared."""
    volume = take(dock, tmp_path, "second", is_clearing=True)
    errors = reporter_of(dock).errors_of(b"second.mp4")
    assert any(code in error for error in errors), errors
    assert row_of(dock, b"second.mp4").state is FileState.UPLOADED
    assert (volume / "second.mp4").exists()


def read_receipt(dock: Dock) -> dict[str, Any]:
    import json

    evidence_id = str(row_of(dock, b"first.mp4").evidence_id)
    return dict(json.loads(locate_receipt(dock.home, evidence_id).read_text(encoding="utf-8")))


def test_a_valid_receipt_of_another_file_is_refused(dock: Dock, tmp_path: Path) -> None:
    other = read_receipt(dock)
    meddle(dock, lambda _: copy.deepcopy(other))
    assert_refused(dock, tmp_path, "wrong_file")


def test_an_old_receipt_is_refused(dock: Dock, tmp_path: Path) -> None:
    old = read_receipt(dock)

    def keep_leaf(receipt: dict[str, Any]) -> dict[str, Any]:
        # The leaf of this file under the checkpoint of an earlier answer.
        return {**receipt, "proof": old["proof"], "consistency": old["consistency"]}

    meddle(dock, keep_leaf)
    volume = take(dock, tmp_path, "second", is_clearing=True)
    assert row_of(dock, b"second.mp4").state is FileState.UPLOADED
    assert (volume / "second.mp4").exists()


def test_a_receipt_with_an_altered_leaf_is_refused(dock: Dock, tmp_path: Path) -> None:
    import base64

    def flip(receipt: dict[str, Any]) -> dict[str, Any]:
        leaf = base64.b64decode(receipt["leaf"]).replace(b"dsse", b"dssf")
        middle = len(leaf) // 2
        leaf = leaf[:middle] + bytes([leaf[middle] ^ 1]) + leaf[middle + 1 :]
        return {**receipt, "leaf": base64.b64encode(leaf).decode()}

    meddle(dock, flip)
    volume = take(dock, tmp_path, "second", is_clearing=True)
    assert row_of(dock, b"second.mp4").state is FileState.UPLOADED
    assert (volume / "second.mp4").exists()


def test_a_receipt_without_its_opening_is_refused(dock: Dock, tmp_path: Path) -> None:
    meddle(dock, lambda receipt: {**receipt, "openings": []})
    assert_refused(dock, tmp_path, "bad_opening")


def test_a_genuine_receipt_clears(dock: Dock, tmp_path: Path) -> None:
    assert not (take(dock, tmp_path, "second", is_clearing=True) / "second.mp4").exists()


def test_a_server_that_never_ends_reading_back_ends_with_the_run(dock: Dock, tmp_path: Path) -> None:
    asked: list[str] = []
    call = client_of(dock).call

    def read_for_ever(method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        if not path.endswith("/complete"):
            return call(method, path, body)
        asked.append(path)
        if len(asked) == 2:
            dock.patience.end()
        return 202, {}

    client_of(dock).call = read_for_ever  # type: ignore[method-assign]
    take(dock, tmp_path, "second")
    assert len(asked) == 2
    assert row_of(dock, b"second.mp4").state is FileState.UPLOADED


def test_what_was_refused_once_is_sealed_when_the_server_tells_the_truth(dock: Dock, tmp_path: Path) -> None:
    meddle(dock, lambda receipt: {**receipt, "openings": []})
    volume = take(dock, tmp_path, "second")
    client_of(dock).after_call = lambda _, answer: answer  # type: ignore[method-assign]
    assert acquire_volume(dock, volume).summary.sealed == 1


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from(["v", "leaf", "index", "openings", "proof", "consistency"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names, value=junk)
def test_no_answer_in_place_of_a_receipt_seals_anything(dock: Dock, tmp_path: Path, name: str, value: object) -> None:
    meddle(dock, lambda receipt: {**receipt, name: value} if receipt[name] != value else None)
    take(dock, tmp_path, "junk")
    assert row_of(dock, b"junk.mp4").state is FileState.UPLOADED


def test_only_a_larger_checkpoint_is_kept(dock: Dock, tmp_path: Path) -> None:
    before = read_last_checkpoint(dock.journal)
    take(dock, tmp_path, "second")
    after = read_last_checkpoint(dock.journal)
    assert before is not None
    assert after is not None
    assert after.size > before.size


def test_a_forked_ledger_is_refused_and_nothing_is_cleared(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    system.server("policy", "set", "clearing.directory", "allow", "--reason", "test")
    system.start_server()
    system.enrol()
    try:
        system.stop_server()
        shutil.copytree(system.data, tmp_path / "older")
        system.start_server()
        with open_dock(system.home) as dock:
            take(dock, tmp_path, "first")
        system.stop_server()
        # The same keys, the same past, another present: longer than what the dock has seen.
        shutil.rmtree(system.data)
        shutil.copytree(tmp_path / "older", system.data)
        for number in range(8):
            system.server("casefile", "add", f"F-{number}", "--title", "another present")
        system.start_server()
        with open_dock(system.home) as dock:
            assert_refused(dock, tmp_path, "forked")
    finally:
        if system.process is not None:
            system.stop_server()

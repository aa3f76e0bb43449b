"""A dock home is one agent's alone, its key its owner's alone, and its settings are checked before they are used."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import CONFIG_NAME, KEY_NAME, DockConfig, hold_home, load_config, prepare_home, save_config
from agent.dock import Dock
from agent.errors import AgentError, HomeError
from agent.progress import Reporter
from agent.retrying import Patience
from chain_of_custody.errors import CustodyError
from chain_of_custody.signing import SigningKey, write_key
from tests.support.hostile import mutate, quick

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = DockConfig(
    server="http://127.0.0.1:8400",
    origin="evidence.example/unit",
    vkey="evidence.example/unit+00000000+AAAA",
    event_key="00" * 32,
    spki=None,
    ca_file=None,
    dock_id="01" * 16,
    name="前台",
)
HOLD = (
    "import sys, pathlib\nfrom agent.config import hold_home\nwith hold_home(pathlib.Path(sys.argv[1])): print('held')"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "dock"
    prepare_home(folder)
    save_config(folder, CONFIG)
    return folder


def test_a_configuration_comes_back_as_it_was_saved(home: Path) -> None:
    assert load_config(home) == CONFIG


@pytest.mark.parametrize(
    "line",
    [
        "spool = 'sometimes'",
        "buffers = 1",
        "buffers = 65",
        "buffers = 'many'",
        "spool_reserve_mib = 'all'",
        "spool_budget_mib = -1",
        "spool_budget_mib = 'all'",
        "spool_warnings = 80",
        "spool_warnings = [90, 80]",
        "spool_warnings = [101]",
        "spool_warnings = ['80']",
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(home: Path, line: str) -> None:
    name = line.split(" ", 1)[0]
    kept = [text for text in (home / CONFIG_NAME).read_text().splitlines() if not text.startswith(f"{name} =")]
    (home / CONFIG_NAME).write_text("\n".join([*kept, line, ""]))
    with pytest.raises(HomeError, match=CONFIG_NAME):
        load_config(home)


def test_a_home_that_is_not_enrolled_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="dock-agent enrol"):
        load_config(tmp_path)


@quick
@given(mutate(b"server = 'http://127.0.0.1:8400'\norigin = 'a/b'\nvkey = 'k'\n") | st.binary(max_size=200))
def test_no_configuration_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("home")
    (folder / CONFIG_NAME).write_bytes(data)
    with pytest.raises(HomeError):
        load_config(folder)


def test_two_agents_do_not_work_on_one_home(home: Path) -> None:
    with hold_home(home):
        other = subprocess.run([sys.executable, "-c", HOLD, home], capture_output=True, text=True, check=False)
        assert other.returncode != 0
        assert "another dock-agent is working" in other.stderr
        with pytest.raises(HomeError, match="another dock-agent"), hold_home(home):
            pass
    assert subprocess.run([sys.executable, "-c", HOLD, home], capture_output=True, check=False).stdout == b"held\n"


def test_a_home_is_free_again_when_its_agent_was_killed(home: Path) -> None:
    die = HOLD.replace("print('held')", "__import__('os').kill(__import__('os').getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", die, home], check=False).returncode == -9
    with hold_home(home):
        pass


def test_a_missing_home_is_told(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no dock home"), hold_home(tmp_path / "nothing"):
        pass


def test_a_home_is_its_owners_alone(home: Path) -> None:
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused_with_its_remedy(home: Path, mode: int) -> None:
    write_key(home / KEY_NAME, SigningKey.generate())
    (home / KEY_NAME).chmod(mode)
    with pytest.raises((AgentError, CustodyError), match="chmod 600"):
        Dock.open(home, Patience(0), Reporter(as_json=True), lambda: datetime.now(UTC))

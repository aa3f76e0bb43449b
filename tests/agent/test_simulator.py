"""Simulated recorders: repeatable, recognised as their family, and as faulty as they say."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from click.testing import CliRunner

from agent.chronology import judge_times
from agent.cli import main
from agent.completeness import find_gaps
from agent.recorders.making import choose_faults
from agent.recorders.reading import is_marked, read_path, recognise
from agent.recorders.simulator import FAULTS, list_families
from agent.scanning import FoundFile, scan_volume
from agent.volumes import open_volume
from chain_of_custody.digests import sha256_hex
from tests.support.recorder_simulator import ENDED, make_rack

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue

NOW = ENDED + timedelta(minutes=20)


def list_files(root: Path) -> list[FoundFile]:
    return scan_volume(open_volume(root)).found


def list_codes(findings: list[JsonValue]) -> set[str]:
    return {str(cast("dict[str, JsonValue]", finding)["code"]) for finding in findings}


def digest_tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): sha256_hex(path.read_bytes()) for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("family", list_families())
def test_a_simulated_recorder_is_recognised_and_counted_right(tmp_path: Path, family: str) -> None:
    [made] = make_rack(tmp_path, [None], families=[family])
    found = list_files(made.root)
    assert recognise(file.path for file in found) == family
    assert (len(found), sum(file.size or 0 for file in found)) == (made.files, made.size)
    assert sum(is_marked(file.path) for file in found if "role" not in str(read_path(file.path))) >= made.marked
    assert find_gaps(file.path for file in found) == []


def test_the_same_seed_makes_the_same_recorders(tmp_path: Path) -> None:
    make_rack(tmp_path / "a", [None, "gap"])
    make_rack(tmp_path / "b", [None, "gap"])
    make_rack(tmp_path / "c", [None, "gap"], seed=2)
    first, second, other = (digest_tree(tmp_path / name) for name in "abc")
    assert first == second
    assert first != other


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_on_the_volume(tmp_path: Path, fault: str) -> None:
    first, faulty = make_rack(tmp_path, [None, fault], families=["zfy"])
    scan = scan_volume(open_volume(faulty.root))
    named = [read_path(file.path) for file in scan.found]
    started = sorted(claims.get("started_local") or "" for claims in named) or [""]
    seen = {
        "gap": bool(find_gaps(file.path for file in scan.found)),
        "clock-reset": any(at.startswith("2000-01-01") for at in started),
        "clock-ahead": started[-1] > "2026-11-24",
        "unset": any("DEVICE_IDENTITY_UNSET" in claims.codes for claims in named),
        "same-serial": first.serial in {claims.get("serial") for claims in named},
        "overlap": "RECORDINGS_OVERLAP" in list_codes(judge_times(list(scan.found), None, NOW).findings),
        "strange-names": sum("NAME_UNPARSED" in claims.codes for claims in named) == 3,
        "link": any(finding.code == "NOT_A_FILE" for finding in scan.findings),
        "unfinished": any(file.size == 0 for file in scan.found),
        "nothing": not scan.found,
    }
    assert seen[fault]
    assert len(scan.found) == faulty.files


def test_nothing_is_written_over(tmp_path: Path) -> None:
    make_rack(tmp_path, [None])
    before = digest_tree(tmp_path)
    with pytest.raises(FileExistsError):
        make_rack(tmp_path, [None])
    assert digest_tree(tmp_path) == before


def test_the_command_makes_recorders_and_tells_what_they_hold(tmp_path: Path) -> None:
    options = ["--recorders", "3", "--size", "0.01", "--fault", "1=gap", "--fault", "unset", "--json"]
    done = CliRunner().invoke(main, ["simulate", str(tmp_path / "rack"), *options])
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["fault"] for one in told] == ["gap", None, "unset"]
    assert [one["files"] for one in told] == [len(list_files(Path(one["root"]))) for one in told]
    again = CliRunner().invoke(main, ["simulate", str(tmp_path / "rack"), *options])
    assert again.exit_code == 1
    assert "is there already" in again.stderr


@pytest.mark.parametrize("asked", ["nobody", "9=gap", "0=gap", "x=gap"])
def test_a_fault_that_cannot_be_is_refused_in_words(tmp_path: Path, asked: str) -> None:
    done = CliRunner().invoke(main, ["simulate", str(tmp_path / "rack"), "--fault", asked])
    assert done.exit_code == 1
    assert "there" in done.stderr
    assert not (tmp_path / "rack").exists()


def test_faults_go_to_the_last_recorders_that_have_none() -> None:
    assert choose_faults(["gap", "1=unset", "link"], 4) == ["unset", None, "link", "gap"]


def test_real_clips_are_taken_where_they_are_given(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "a.mp4").write_bytes(b"a real clip")
    options = ["--recorders", "1", "--footage", str(clips)]
    done = CliRunner().invoke(main, ["simulate", str(tmp_path / "rack"), *options])
    assert done.exit_code == 0, done.output
    assert b"a real clip" in {path.read_bytes() for path in (tmp_path / "rack").rglob("*.MP4")}


def test_the_profile_check_says_what_is_wrong_and_what_of_a_volume_it_knows(tmp_path: Path) -> None:
    [made] = make_rack(tmp_path / "rack", [None], families=["zfy"])
    shipped = Path("agent/recorders/profiles/20-zfy.toml").absolute()
    done = CliRunner().invoke(main, ["profile-check", str(shipped), "--volume", str(made.root)])
    assert done.exit_code == 0, done.output
    assert f"recognised as zfy, {made.files} files" in done.output
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(
        shipped.read_text(encoding="utf-8").replace('sequence = "0001"', 'sequence = "7"'), encoding="utf-8"
    )
    assert CliRunner().invoke(main, ["profile-check", str(wrong)]).exit_code == 1
    wrong.write_text("name = 1", encoding="utf-8")
    refused = CliRunner().invoke(main, ["profile-check", str(wrong)])
    assert (refused.exit_code, "is no profile" in refused.stderr) == (1, True)

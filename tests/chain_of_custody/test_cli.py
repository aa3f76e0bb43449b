"""The ``custody`` program."""

import json
import socket

import pytest
from click.testing import CliRunner

from chain_of_custody.cli import main
from chain_of_custody.note import parse_vkey
from chain_of_custody.policy import format_policy
from chain_of_custody.signing import read_key
from tests.support.custody_packages import Installation


@pytest.fixture
def unused_port():
    with socket.socket() as taken:
        # Bound and not listening: nobody else gets it, and nobody answers.
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def agency(tmp_path):
    installation = Installation(tmp_path / "data")
    installation.enrol()
    recording = installation.receive(b"one")
    (tmp_path / "package.zip").write_bytes(installation.export([recording]))
    return installation


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def test_verify_proves_under_a_key(tmp_path, agency):
    done = run("verify", tmp_path / "package.zip", "--vkey", agency.vkey)
    assert done.exit_code == 0
    assert done.stdout.count("VERDICT") == 1


def test_verify_proves_under_a_policy_file(tmp_path, agency):
    (tmp_path / "policy").write_bytes(format_policy(agency.vkey))
    assert run("verify", tmp_path / "package.zip", "--policy", tmp_path / "policy").exit_code == 0


def test_verify_without_trust_exits_2_and_shows_the_fingerprint(tmp_path, agency):
    done = run("verify", tmp_path / "package.zip", "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["verdict"], answer["consistent"]) == (2, "undecided", True)
    assert answer["fingerprint"] == parse_vkey(agency.vkey).key.key_id


def test_verify_prints_nothing_but_json(tmp_path, agency):
    done = run("verify", tmp_path / "package.zip", "--vkey", agency.vkey, "--json")
    answer = json.loads(done.stdout)
    assert (answer["exit_code"], answer["facts"]["recordings"][0]["size"]) == (0, 3)


def test_verify_answers_in_chinese_when_asked(tmp_path, agency):
    assert "未证明" in run("verify", tmp_path / "package.zip", "--vkey", agency.vkey, "--lang", "zh").stdout


def test_verify_answers_in_chinese_by_locale(tmp_path, agency, monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    assert "未证明" in run("verify", tmp_path / "package.zip", "--vkey", agency.vkey).stdout


@pytest.mark.parametrize("options", [("--vkey", "nonsense"), ("--policy", "missing")])
def test_verify_refuses_trust_that_is_none(tmp_path, agency, options):
    assert run("verify", tmp_path / "package.zip", *options).exit_code == 2


def test_verify_of_a_missing_file_cannot_be_judged(tmp_path, agency):
    assert run("verify", tmp_path / "missing.zip", "--vkey", agency.vkey).exit_code == 2


def test_inspect_shows_what_a_package_says(tmp_path, agency):
    shown = json.loads(run("inspect", tmp_path / "package.zip").stdout)
    assert [leaf["type"] for leaf in shown["leaves"]][:2] == ["ledger.opened", "dock.enrolled"]


def test_inspect_of_something_else_fails_in_one_line(tmp_path):
    (tmp_path / "x").write_bytes(b"hello")
    done = run("inspect", tmp_path / "x")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_keygen_writes_a_key_that_only_its_owner_reads(tmp_path):
    done = run("keygen", "--name", "log.example/a", "--out", tmp_path / "key.pem")
    assert done.exit_code == 0
    assert parse_vkey(done.stdout.strip()).key == read_key(tmp_path / "key.pem").public


def test_keygen_never_overwrites(tmp_path):
    (tmp_path / "key.pem").write_text("mine")
    assert run("keygen", "--name", "log.example/a", "--out", tmp_path / "key.pem").exit_code == 1
    assert (tmp_path / "key.pem").read_text() == "mine"


def test_fsck_of_a_whole_ledger_is_clean(tmp_path, agency):
    agency.ledger.close()
    done = run("fsck", tmp_path / "data", "--vkey", agency.vkey, "--json")
    assert (done.exit_code, json.loads(done.stdout)["clean"]) == (0, True)


def test_fsck_without_a_key_says_that_the_signer_was_not_checked(tmp_path, agency):
    agency.ledger.close()
    done = run("fsck", tmp_path / "data")
    assert done.exit_code == 0
    assert "signer not checked" in done.stdout


def test_fsck_of_a_damaged_database_names_it(tmp_path, agency):
    agency.ledger.close()
    (tmp_path / "data" / "ledger.db").write_bytes(b"nonsense" * 100)
    done = run("fsck", tmp_path / "data", "--vkey", agency.vkey)
    assert done.exit_code == 1
    assert "ledger.db" in done.stdout


def test_fsck_of_a_server_that_is_not_there_fails_in_one_line(unused_port):
    done = run("fsck", f"http://127.0.0.1:{unused_port}/ledger")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_fsck_under_a_key_that_is_none_is_wrong_usage(tmp_path, agency):
    agency.ledger.close()
    assert run("fsck", tmp_path / "data", "--vkey", "nonsense").exit_code == 2


def test_fsck_of_no_ledger_exits_2(tmp_path):
    (tmp_path / "empty").mkdir()
    assert run("fsck", tmp_path / "empty").exit_code == 2

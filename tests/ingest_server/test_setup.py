"""``init`` and ``serve``: idempotent, leaving nothing behind when they refuse."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.rclone_server import RcloneServer


def test_init_again_with_the_same_options_changes_nothing(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    before = {path: path.read_bytes() for path in (system.data / "keys").iterdir()}
    again = system.server("init", "--origin", "evidence.example/unit")
    assert again.returncode == 0
    assert {path: path.read_bytes() for path in (system.data / "keys").iterdir()} == before


def test_init_again_with_other_options_is_refused(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    assert system.server("init", "--origin", "other.example/unit", check=False).returncode == 1


def test_init_refuses_a_folder_that_holds_other_things(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    assert system.run("ingest-server", "init", "--data", other, check=False).returncode == 1
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


def test_init_refuses_a_lying_store_and_leaves_nothing_behind(tmp_path: Path, rclone_server: RcloneServer) -> None:
    system = WholeSystem(tmp_path)
    data = tmp_path / "on-a-liar"
    keys = {"MINIO_ACCESS_KEY": rclone_server.access_key, "MINIO_SECRET_KEY": rclone_server.secret_key}
    refused = system.run(
        "ingest-server", "init", "--data", data, "--store", "s3", "--s3-endpoint", rclone_server.endpoint,
        "--s3-bucket", "evidence", check=False, env=keys,
    )  # fmt: skip
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not data.exists()


def test_init_that_is_refused_keeps_no_folder_it_made_on_the_way(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    refused = system.run(
        "ingest-server", "init", "--data", tmp_path / "new" / "deep" / "data", "--store", "s3",
        "--s3-endpoint", "http://127.0.0.1:1", "--s3-bucket", "evidence", check=False,
        env={"MINIO_ACCESS_KEY": "", "MINIO_SECRET_KEY": ""},
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr == (
        "ingest-server init: no store account was given (MINIO_ACCESS_KEY and MINIO_SECRET_KEY)\n"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--origin", "one-word"),
        ("--public-url", "not an address"),
        ("--public-url", "http://[x"),
        ("--public-url", "https://evidence.example/behind/a/path"),
        ("--store", "s3"),
        ("--s3-bucket", "evidence"),
    ],
    ids=" ".join,
)
def test_init_used_wrongly_makes_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    system = WholeSystem(tmp_path)
    wrong = system.run("ingest-server", "init", "--data", tmp_path / "new", *options, check=False)
    assert wrong.returncode == 2
    assert not (tmp_path / "new").exists()


def test_the_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    assert system.data.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (system.data / "keys").iterdir())


def test_serve_with_half_of_a_certificate_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("half")
    system = WholeSystem(tmp_path)
    assert system.server("serve", "--tls-cert", tmp_path / "cert.pem", check=False).returncode == 2


def test_serve_refuses_an_outside_address_without_tls(tmp_path: Path) -> None:
    refused = WholeSystem(tmp_path).server("serve", "--host", "0.0.0.0", "--port", "0", check=False)
    assert refused.returncode == 1
    assert "--tls-cert" in refused.stderr


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_stop_has_done_what_it_was_told(tmp_path: Path, sign: int) -> None:
    system = WholeSystem(tmp_path)
    system.start_server()
    assert system.stop_server(sign) == 0
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log
    assert "Aborted" not in log

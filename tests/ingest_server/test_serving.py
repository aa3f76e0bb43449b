"""What a serving process tells its operator about the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.running import fetch
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.minio_server import MinioServer


def test_too_many_rights_and_a_failed_canary_are_told(tmp_path: Path, minio_server: MinioServer) -> None:
    store = ["--store", "s3", "--s3-endpoint", minio_server.endpoint, "--s3-bucket", "told"]
    keys = {"MINIO_ACCESS_KEY": minio_server.access_key, "MINIO_SECRET_KEY": minio_server.secret_key}
    system = WholeSystem(tmp_path, store=store, env=keys)
    system.start_server()
    wait_for_log(system, "account_may_delete_versions")
    assert fetch(f"{system.url}/api/v1/health")[0] == 200
    system.stop_server()
    system.start_server(env={"MINIO_SECRET_KEY": "another-one"})
    wait_for_log(system, "nothing is received until it holds")
    assert fetch(f"{system.url}/api/v1/health")[0] == 503
    system.stop_server()
    assert minio_server.secret_key not in (tmp_path / "server.log").read_text()


def wait_for_log(system: WholeSystem, text: str) -> None:
    """Wait until the server has said something."""
    deadline = time.monotonic() + 60
    while text not in (system.folder / "server.log").read_text():
        assert time.monotonic() < deadline, (system.folder / "server.log").read_text()
        time.sleep(0.1)


def test_init_tells_what_the_account_may_do_too_much(tmp_path: Path, minio_server: MinioServer) -> None:
    system = WholeSystem(tmp_path)
    told = system.run(
        "ingest-server", "init", "--data", tmp_path / "s3", "--store", "s3", "--s3-endpoint", minio_server.endpoint,
        "--s3-bucket", "told-at-init",
        env={"MINIO_ACCESS_KEY": minio_server.access_key, "MINIO_SECRET_KEY": minio_server.secret_key},
    )  # fmt: skip
    assert "only the lock protects originals" in told.stderr
    assert len(told.stdout.splitlines()) == 1

"""The server over TLS: the dock pins the key it saw at enrolment and speaks to no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.certificates import make_certificate
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path


def start_tls(system: WholeSystem, folder: Path) -> None:
    """Serve with the certificate of a folder, made where it is missing."""
    if not (folder / "public.crt").exists():
        make_certificate(folder)
    system.start_server("--tls-cert", str(folder / "public.crt"), "--tls-key", str(folder / "private.key"))
    system.url = f"https://127.0.0.1:{system.port}"


def test_a_dock_speaks_only_to_the_key_it_pinned(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "a.mp4").write_bytes(b"over TLS")
    system = WholeSystem(tmp_path)
    start_tls(system, tmp_path / "first")
    try:
        system.enrol()
        assert system.acquire(volume).exit_code == 0
        system.stop_server()
        start_tls(system, tmp_path / "another")
        (volume / "b.mp4").write_bytes(b"to a stranger")
        refused = system.acquire(volume, "--wait", "1")
        assert refused.exit_code == 1
        assert refused.summary["waiting"] == refused.summary["found"]
        assert "another key" in refused.errors or any("another key" in str(line.get("error")) for line in refused.lines)
        system.stop_server()
        start_tls(system, tmp_path / "first")
        assert system.acquire(volume).exit_code == 0
    finally:
        system.stop_server()


def test_a_wrong_code_enrols_nobody(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    start_tls(system, tmp_path / "first")
    try:
        code = "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A"
        refused = system.run(
            "dock-agent", "enrol", "--server", system.url, "--code", code, "--home", system.home, check=False
        )
        assert refused.returncode == 1
        assert not (system.home / "config.toml").exists()
    finally:
        system.stop_server()


def test_a_code_is_good_once(tmp_path: Path) -> None:
    system = WholeSystem(tmp_path)
    start_tls(system, tmp_path / "first")
    try:
        code = system.server("dock", "add", "one").stdout.strip().splitlines()[-1]
        first = system.run("dock-agent", "enrol", "--server", system.url, "--code", code, "--home", tmp_path / "d1")
        again = system.run(
            "dock-agent", "enrol", "--server", system.url, "--code", code, "--home", tmp_path / "d2", check=False
        )
        assert (first.returncode, again.returncode) == (0, 1)
        revoked = system.server("dock", "revoke", "one", "--reason", "lost")
        assert revoked.returncode == 0
        (tmp_path / "volume").mkdir()
        (tmp_path / "volume" / "a.mp4").write_bytes(b"from a revoked dock")
        assert system.acquire(tmp_path / "volume", "--wait", "1", home=tmp_path / "d1").exit_code == 1
        assert not any(event["type"] == "recording.received" for event in system.events())
    finally:
        system.stop_server()

from __future__ import annotations

import json
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from agent.config import CONFIG_NAME, KEY_NAME, load_config
from agent.enrolling import enrol
from agent.errors import HomeError, RefusedError, UnreachableError
from chain_of_custody.enrolment import new_code, new_nonce
from chain_of_custody.errors import CustodyError
from chain_of_custody.note import LogSigner, format_vkey
from chain_of_custody.signing import SigningKey
from tests.support.certificates import make_certificate
from tests.support.running import running
from tests.support.small_server import Answer, Seen, SmallServer
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["running"]


def add_dock(system: WholeSystem, name: str) -> str:
    return str(system.server("dock", "add", name).stdout.strip().splitlines()[-1])


def test_enrolment_pins_the_servers_keys_in_a_home_of_the_owner_alone(running: WholeSystem, tmp_path: Path) -> None:
    home = tmp_path / "home"
    config = enrol(home, running.url + "/", add_dock(running, "pins"), None)
    assert load_config(home) == config
    assert config.vkey == running.vkey
    assert config.server == running.url
    assert config.spki is None
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / KEY_NAME).stat().st_mode) == 0o600


def test_a_code_works_once(running: WholeSystem, tmp_path: Path) -> None:
    code = add_dock(running, "once")
    enrol(tmp_path / "first", running.url, code, None)
    with pytest.raises(RefusedError) as refused:
        enrol(tmp_path / "second", running.url, code, None)
    assert refused.value.code == "bad_proof"
    assert not (tmp_path / "second" / CONFIG_NAME).exists()


def test_a_code_nobody_gave_out_is_refused(running: WholeSystem, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="code"):
        enrol(tmp_path / "home", running.url, new_code(), None)


def test_what_is_no_code_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(CustodyError):
        enrol(tmp_path / "home", "http://127.0.0.1:9", "not a code", None)


def test_a_home_is_enrolled_once(running: WholeSystem, tmp_path: Path) -> None:
    enrol(tmp_path / "home", running.url, add_dock(running, "first time"), None)
    with pytest.raises(HomeError, match="enrolled already"):
        enrol(tmp_path / "home", running.url, add_dock(running, "second time"), None)


def test_an_interrupted_enrolment_keeps_its_key(running: WholeSystem, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(RefusedError):
        enrol(home, running.url, new_code(), None)
    key = (home / KEY_NAME).read_bytes()
    enrol(home, running.url, add_dock(running, "again"), None)
    assert (home / KEY_NAME).read_bytes() == key


def test_a_server_that_does_not_know_the_code_is_not_believed(tmp_path: Path) -> None:
    vkey = format_vkey(LogSigner("o.example/unit/2026", SigningKey.generate()).verifier)

    def pretend(seen: Seen) -> Answer:
        if seen.path.endswith("begin"):
            offer = {
                "origin": "o.example/unit/2026",
                "vkey": vkey,
                "event_key": SigningKey.generate().public.hex,
                "server_nonce": new_nonce(),
                "spki": None,
                "behind_proxy": False,
            }
            return Answer(body=json.dumps(offer).encode())
        return Answer(body=json.dumps({"mac": "0" * 64, "dock_id": "0" * 32, "name": "x", "store": {}}).encode())

    with SmallServer(pretend) as server, pytest.raises(RefusedError) as refused:
        enrol(tmp_path / "home", server.url, new_code(), None)
    assert refused.value.code == "wrong_proof"
    assert not (tmp_path / "home" / CONFIG_NAME).exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"origin": 1, "vkey": 2, "event_key": 3, "server_nonce": 4}'])
def test_an_offer_in_another_form_is_refused_in_words(tmp_path: Path, body: bytes) -> None:
    with SmallServer(lambda _: Answer(body=body)) as server, pytest.raises(RefusedError, match="not one of ours"):
        enrol(tmp_path / "home", server.url, new_code(), None)


def test_plain_http_to_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="TLS"):
        enrol(tmp_path / "home", "http://192.0.2.1:8400", new_code(), None)


def test_the_tls_key_seen_at_enrolment_is_the_only_one_believed_later(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "tls")
    system = WholeSystem(tmp_path)
    system.url = system.url.replace("http:", "https:")
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))
    system.start_server(*options)
    try:
        system.enrol()
        assert load_config(system.home).spki is not None
        volume = tmp_path / "volume"
        volume.mkdir()
        (volume / "a.mp4").write_bytes(b"over TLS")
        assert system.acquire(volume).summary["sealed"] == 1
        system.stop_server()
        shutil.rmtree(tmp_path / "tls")
        make_certificate(tmp_path / "tls")
        system.start_server(*options)
        (volume / "b.mp4").write_bytes(b"to somebody else")
        refused = system.acquire(volume, "--wait", 0)
        assert (refused.exit_code, refused.summary["waiting"]) == (1, 2)
        assert "another key" in refused.errors
    finally:
        system.stop_server()

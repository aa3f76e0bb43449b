"""Dock requests that are not what they say: refused, in words, and recorded."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import RefusedError, UnreachableError
from chain_of_custody.identities import new_id
from chain_of_custody.instants import utc_clock
from chain_of_custody.request_signatures import sign_request
from chain_of_custody.signing import SigningKey, read_key
from tests.support.running import fetch, make_client, make_volume_facts, refusals

if TYPE_CHECKING:
    from tests.support.whole_system import WholeSystem


def send_signed(
    system: WholeSystem, body: bytes, signed_body: bytes | None = None, nonce: str | None = None
) -> tuple[int, dict[str, Any]]:
    path = "/dock/v1/intakes/known"
    headers = sign_request(
        "POST",
        system.url + path,
        body if signed_body is None else signed_body,
        read_key(system.home / "key"),
        created=utc_clock(),
        nonce=nonce or secrets.token_hex(16),
    )
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("POST", system.url + path, body=body, headers=headers)
    return answer.status, answer.json()


def test_an_unsigned_request_is_refused(running: WholeSystem) -> None:
    status, problem = fetch(f"{running.url}/dock/v1/status")
    assert (status, problem["code"]) == (401, "not_signed")
    assert problem["detail_zh"]


def test_an_unknown_key_is_refused_and_gathered_into_one_event(running: WholeSystem) -> None:
    client = make_client(running.home, SigningKey.generate())
    for _ in range(5):
        with pytest.raises(RefusedError) as refused:
            client.call("GET", "/dock/v1/status")
        assert refused.value.code == "unknown_dock"
    assert refusals(running).count("unknown_dock") == 1


def test_a_request_sent_twice_is_refused_and_recorded(running: WholeSystem) -> None:
    nonce = secrets.token_hex(16)
    send_signed(running, b"{}", nonce=nonce)
    status, problem = send_signed(running, b"{}", nonce=nonce)
    assert (status, problem["code"]) == (403, "nonce_used")
    assert "nonce_used" in refusals(running)


def test_an_altered_body_is_refused_and_recorded(running: WholeSystem) -> None:
    status, problem = send_signed(running, b'{"a":1}', signed_body=b'{"a":2}')
    assert (status, problem["code"]) == (401, "bad_digest")
    assert "bad_digest" in refusals(running)


def test_a_request_of_another_time_is_told_the_time_and_signed_anew(running: WholeSystem) -> None:
    client = make_client(running.home, clock=lambda: utc_clock() - timedelta(hours=3))
    status, _ = client.call("GET", "/dock/v1/status")
    assert status == 200
    assert timedelta(hours=2, minutes=59) < client.offset < timedelta(hours=3, minutes=1)


def test_an_inventory_of_another_ledger_is_refused(running: WholeSystem) -> None:
    from chain_of_custody.statements import Inventory, sign_statement

    key = read_key(running.home / "key")
    inventory = Inventory(
        origin="elsewhere.example/unit/2026",
        dock_id=new_id(),
        docking_id=new_id(),
        counter=1_000_000,
        time="2026-11-24T08:00:00.000000Z",
        volume=make_volume_facts(),
        profile="unknown",
    )
    with pytest.raises(RefusedError) as refused:
        make_client(running.home).call(
            "POST", "/dock/v1/dockings", {"inventory": sign_statement(inventory, key).to_json()}
        )
    assert refused.value.code == "manifest_mismatch"
    assert "manifest_mismatch" in refusals(running)


def test_another_docks_intake_is_not_found(running: WholeSystem) -> None:
    with pytest.raises(RefusedError) as refused:
        make_client(running.home).call("GET", f"/dock/v1/intakes/{new_id()}/parts")
    assert refused.value.status == 404


PATHS = [
    "/dock/v1/dockings",
    "/dock/v1/intakes",
    "/dock/v1/intakes/known",
    f"/dock/v1/intakes/{'0' * 32}/parts",
    f"/dock/v1/intakes/{'0' * 32}/complete",
    "/dock/v1/presentations",
    "/dock/v1/receipts",
    "/dock/v1/clearings",
    f"/dock/v1/dockings/{'0' * 32}/close",
]
NAMES = [
    "inventory",
    "manifest",
    "statement",
    "docking_id",
    "files",
    "parts",
    "path_b64",
    "size",
    "part_size",
    "evidence_id",
    "manifest_sha256",
    "checkpoint_size",
    "number",
    "sha256",
    "etag",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(max_size=20)
    | st.sampled_from(["0" * 32, "0" * 64, "Zg=="])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), body=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
def test_no_body_makes_the_server_fail(running: WholeSystem, path: str, body: dict[str, Any]) -> None:
    client = make_client(running.home)
    status = 200
    try:
        client.call("POST", path, body)
    except RefusedError as refused:
        status = refused.status
    except UnreachableError:
        status = 500
    finally:
        client.close()
    assert status < 500


def test_a_stranger_who_names_a_dock_cannot_fill_the_ledger(running: WholeSystem) -> None:
    for _ in range(5):
        status, problem = send_signed(running, b"{}", signed_body=b"[]")
        assert (status, problem["code"]) == (401, "bad_digest")
    assert refusals(running).count("bad_digest") == 1

"""Completion with something false in it: nothing is called received, and what happened is an event."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from agent.errors import RefusedError
from agent.names import encode_path
from chain_of_custody.digests import Digests, sha256_hex
from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant, utc_clock
from chain_of_custody.signing import read_key
from chain_of_custody.statements import Inventory, Manifest, sign_statement
from tests.support.running import make_client, make_volume_facts

if TYPE_CHECKING:
    from tests.support.whole_system import WholeSystem


class HandDock:
    """A dock whose every step can be made false by hand."""

    def __init__(self, system: WholeSystem) -> None:
        self.system = system
        self.client = make_client(system.home)
        self.key = read_key(system.home / "key")
        self.counter = int.from_bytes(os.urandom(6), "big")
        self.docking_id = new_id()
        inventory = Inventory(**self.header(), volume=make_volume_facts(f"/{new_id()}"), profile="unknown")
        envelope = sign_statement(inventory, self.key)
        self.inventory_sha256 = sha256_hex(envelope.to_bytes())
        self.client.call("POST", "/dock/v1/dockings", {"inventory": envelope.to_json()})

    def header(self) -> dict[str, Any]:
        self.counter += 1
        config = self.client._config
        return {
            "origin": config.origin,
            "dock_id": config.dock_id,
            "docking_id": self.docking_id,
            "counter": self.counter,
            "time": format_instant(utc_clock()),
        }

    def upload(self, data: bytes, path: bytes = b"a.mp4") -> tuple[str, list[dict[str, Any]]]:
        body = {"docking_id": self.docking_id, "path_b64": encode_path(path), "size": len(data), "part_size": 16 << 20}
        intake = self.client.call("POST", "/dock/v1/intakes", body)[1]["intake_id"]
        part = {"number": 1, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        signed = self.client.call("POST", f"/dock/v1/intakes/{intake}/parts", {"parts": [part]})[1]["requests"][0]
        return intake, [{**part, "etag": self.client.put_part(signed, memoryview(data))}]

    def manifest(self, data: bytes, path: bytes = b"a.mp4", **changed: Any) -> dict[str, Any]:
        values = {
            **self.header(),
            "inventory_sha256": self.inventory_sha256,
            "path_b64": encode_path(path),
            "path": path.decode(),
            "size": len(data),
            "digests": Digests(sha256_hex(data)),
            **changed,
        }
        return sign_statement(Manifest(**values), self.key).to_json()

    def complete(self, intake: str, parts: list[dict[str, Any]], manifest: dict[str, Any]) -> dict[str, Any]:
        body = {"manifest": manifest, "parts": parts, "checkpoint_size": 0}
        while True:
            status, answer = self.client.call("POST", f"/dock/v1/intakes/{intake}/complete", body)
            if status == 200:
                return answer


@pytest.fixture
def dock(running: WholeSystem) -> HandDock:
    return HandDock(running)


def count(dock: HandDock, event_type: str) -> int:
    return sum(event["type"] == event_type for event in dock.system.events())


def test_the_same_completion_twice_gives_the_same_receipt(dock: HandDock) -> None:
    intake, parts = dock.upload(b"content")
    manifest = dock.manifest(b"content")
    first = dock.complete(intake, parts, manifest)
    again = dock.complete(intake, parts, manifest)
    assert first["receipt"]["leaf"] == again["receipt"]["leaf"]


def test_a_manifest_with_another_digest_than_the_bytes_is_refused_and_orphaned(dock: HandDock) -> None:
    intake, parts = dock.upload(b"what was sent")
    false = dock.manifest(b"what was sent", digests=Digests("0" * 64))
    before = count(dock, "recording.received"), count(dock, "store.orphaned")
    with pytest.raises(RefusedError) as refused:
        dock.complete(intake, parts, false)
    assert refused.value.code == "digest_mismatch"
    assert (count(dock, "recording.received"), count(dock, "store.orphaned")) == (before[0], before[1] + 1)


def test_a_manifest_of_another_file_is_refused(dock: HandDock) -> None:
    intake, parts = dock.upload(b"content", b"a.mp4")
    with pytest.raises(RefusedError) as refused:
        dock.complete(intake, parts, dock.manifest(b"content", b"b.mp4"))
    assert refused.value.code == "manifest_mismatch"


def test_a_manifest_of_another_inventory_is_refused(dock: HandDock) -> None:
    intake, parts = dock.upload(b"content")
    with pytest.raises(RefusedError) as refused:
        dock.complete(intake, parts, dock.manifest(b"content", inventory_sha256="0" * 64))
    assert refused.value.code == "manifest_mismatch"


def test_a_counter_used_for_two_statements_is_refused(dock: HandDock) -> None:
    intake, parts = dock.upload(b"content one")
    first = dock.header()
    dock.complete(intake, parts, dock.manifest(b"content one", counter=first["counter"]))
    intake, parts = dock.upload(b"content two")
    with pytest.raises(RefusedError) as refused:
        dock.complete(intake, parts, dock.manifest(b"content two", counter=first["counter"]))
    assert refused.value.code == "counter_reused"


def test_parts_that_the_store_does_not_hold_are_refused(dock: HandDock) -> None:
    intake, parts = dock.upload(b"content")
    parts[0]["sha256"] = "0" * 64
    with pytest.raises(RefusedError) as refused:
        dock.complete(intake, parts, dock.manifest(b"content"))
    assert refused.value.code == "parts_differ"


def test_a_flipped_byte_in_a_part_is_refused_by_the_store(dock: HandDock) -> None:
    body = {"docking_id": dock.docking_id, "path_b64": encode_path(b"x"), "size": 7, "part_size": 16 << 20}
    intake = dock.client.call("POST", "/dock/v1/intakes", body)[1]["intake_id"]
    part = {"number": 1, "size": 7, "sha256": hashlib.sha256(b"content").hexdigest()}
    signed = dock.client.call("POST", f"/dock/v1/intakes/{intake}/parts", {"parts": [part]})[1]["requests"][0]
    with pytest.raises(RefusedError):
        dock.client.put_part(signed, memoryview(b"cOntent"))


def test_a_part_of_another_size_than_the_file_is_divided_into_is_not_signed(dock: HandDock) -> None:
    body = {"docking_id": dock.docking_id, "path_b64": encode_path(b"x"), "size": 7, "part_size": 16 << 20}
    intake = dock.client.call("POST", "/dock/v1/intakes", body)[1]["intake_id"]
    part = {"number": 1, "size": 8, "sha256": "0" * 64}
    with pytest.raises(RefusedError) as refused:
        dock.client.call("POST", f"/dock/v1/intakes/{intake}/parts", {"parts": [part]})
    assert refused.value.code == "bad_request"


def test_equal_bytes_on_another_recorder_are_another_recording_and_a_finding(dock: HandDock) -> None:
    other = HandDock(dock.system)
    for one in (dock, other):
        intake, parts = one.upload(b"the same bytes")
        one.complete(intake, parts, one.manifest(b"the same bytes"))
    findings = dock.system.server("search", "--json", "--text", "a.mp4").stdout
    assert findings.count(sha256_hex(b"the same bytes")) == 2

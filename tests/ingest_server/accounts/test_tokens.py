"""Bearer tokens: every route but the open ones needs one, and each role may only what it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest_server.app import describe_api
from tests.support.running import fetch, refusals

if TYPE_CHECKING:
    from tests.support.whole_system import WholeSystem

OPEN = ("/api/v1/health", "/enrolment/", "/dock/", "/store/")
GUARDED = [
    (method.upper(), path)
    for path, methods in describe_api()["paths"].items()
    for method in methods
    if not path.startswith(OPEN)
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_route_without_a_token_answers_401(running: WholeSystem, method: str, path: str) -> None:
    url = running.url + path.format(evidence_id="0" * 26, number="A-1", path="0/000")
    body = {"number": "A-1", "title": "t", "reason": "r", "evidence_ids": ["0" * 26], "stage": "review"}
    status, problem = fetch(url, method=method, body=body if method == "POST" else None)
    assert (status, problem["code"]) == (401, "token_needed")


def add_token(system: WholeSystem, role: str) -> str:
    return system.server("token", "add", f"for-{role}", "--role", role).stdout.strip().splitlines()[-1]


def test_a_role_without_the_permission_is_refused_and_recorded(running: WholeSystem) -> None:
    status, problem = fetch(f"{running.url}/api/v1/recordings", token=add_token(running, "auditor"))
    assert (status, problem["code"]) == (403, "not_allowed")
    assert "not_allowed" in refusals(running)


def test_a_role_with_the_permission_is_answered(running: WholeSystem) -> None:
    status, answer = fetch(f"{running.url}/api/v1/recordings", token=add_token(running, "supervisor"))
    assert status == 200
    assert answer["recordings"] == []


def test_a_revoked_token_is_refused(running: WholeSystem) -> None:
    token = add_token(running, "supervisor")
    running.server("token", "revoke", "for-supervisor", "--reason", "left")
    assert fetch(f"{running.url}/api/v1/casefiles", token=token)[0] == 401


def test_an_auditor_reads_the_ledger_and_fsck_over_http_is_clean(running: WholeSystem) -> None:
    token = running.server("auditor", "add", "oversight").stdout.strip().splitlines()[-1]
    checked = running.run("custody", "fsck", f"{running.url}/ledger", "--vkey", running.vkey, "--token", token)
    assert "clean" in checked.stdout


def test_a_token_is_stored_hashed(running: WholeSystem) -> None:
    token = add_token(running, "legal_reviewer")
    stored = b"".join(path.read_bytes() for path in running.data.glob("*.db*"))
    assert token.encode() not in stored

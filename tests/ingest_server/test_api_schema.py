"""Schemathesis over the OpenAPI document: whatever fits it, or nearly does, never makes the server fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from ingest_server.app import describe_api

if TYPE_CHECKING:
    from schemathesis import Case

    from tests.support.whole_system import WholeSystem

schema = schemathesis.openapi.from_dict(describe_api())


@pytest.fixture(scope="module")
def api_headers(running: WholeSystem) -> dict[str, str]:
    """A token that may everything a token can, so that requests come past the door."""
    token = running.server("token", "add", "fuzzer", "--role", "evidence_administrator").stdout.strip().splitlines()[-1]
    return {"Authorization": f"Bearer {token}"}


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_makes_the_server_fail(case: Case, running: WholeSystem, api_headers: dict[str, str]) -> None:
    answer = case.call(base_url=running.url, headers=api_headers, timeout=30)
    assert answer.status_code < 500, answer.text

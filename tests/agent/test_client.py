from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.client import MAX_ANSWER, ServerClient, _parse_answer, make_pool, read_answer
from agent.config import DockConfig
from agent.errors import RefusedError, UnreachableError
from chain_of_custody.enrolment import read_spki_digest
from chain_of_custody.instants import format_instant, utc_clock
from chain_of_custody.request_signatures import verify_request
from chain_of_custody.signing import SigningKey
from tests.support.certificates import make_certificate
from tests.support.small_server import Answer, Seen, SmallServer

if TYPE_CHECKING:
    from pathlib import Path

KEY = SigningKey.from_seed(bytes(32))
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def make_client(url: str, *, spki: str | None = None, clock: Any = lambda: NOW) -> ServerClient:
    config = DockConfig(
        server=url,
        origin="o.example/unit/2026",
        vkey="",
        event_key="",
        spki=spki,
        ca_file=None,
        dock_id="0" * 32,
        name="dock",
    )
    return ServerClient(config, KEY, clock)


def problem(code: str, status: int, **extras: object) -> Answer:
    import json

    return Answer(status, json.dumps({"code": code, "detail": code, "retryable": False, **extras}).encode())


def test_every_request_is_signed_with_path_query_and_body() -> None:
    with SmallServer(lambda _: Answer()) as server:
        client = make_client(server.url)
        client.call("POST", "/dock/v1/x?y=1", {"a": 1})
        seen = server.seen[0]
        verify_request("POST", server.url + "/dock/v1/x?y=1", seen.headers, seen.body, KEY.public, now=NOW)
        client.close()


def test_a_refusal_for_time_is_answered_with_the_servers_time_and_the_clock_is_left_alone() -> None:
    ahead = NOW + timedelta(hours=2)

    def answer(seen: Seen) -> Answer:
        is_late = f"created={int(NOW.timestamp())}" in seen.headers["signature-input"]
        return problem("bad_time", 401, server_time=format_instant(ahead)) if is_late else Answer()

    with SmallServer(answer) as server:
        client = make_client(server.url)
        client.call("GET", "/dock/v1/status")
        assert client.offset == timedelta(hours=2)
        client.close()


def test_a_server_that_refuses_every_time_is_not_asked_for_ever() -> None:
    with SmallServer(lambda _: problem("bad_time", 401, server_time=format_instant(NOW))) as server:
        client = make_client(server.url)
        with pytest.raises(RefusedError, match="bad_time"):
            client.call("GET", "/dock/v1/status")
        assert len(server.seen) == 2
        client.close()


@pytest.mark.parametrize(("status", "retryable"), [(503, True), (500, True), (502, True)])
def test_trouble_of_the_servers_own_is_temporary(status: int, retryable: bool) -> None:
    with SmallServer(lambda _: problem("internal", status, retryable=retryable)) as server:
        client = make_client(server.url)
        with pytest.raises(UnreachableError):
            client.call("GET", "/x")
        client.close()


def test_a_refusal_carries_its_code_and_words() -> None:
    with SmallServer(lambda _: problem("upload_gone", 410)) as server:
        client = make_client(server.url)
        with pytest.raises(RefusedError) as refused:
            client.call("GET", "/x")
        assert (refused.value.status, refused.value.code) == (410, "upload_gone")
        client.close()


def test_an_answer_without_end_is_not_read_to_it() -> None:
    with SmallServer(lambda _: Answer(body=b" " * (MAX_ANSWER + 1))) as server:
        client = make_client(server.url)
        with pytest.raises(UnreachableError):
            client.call("GET", "/x")
        client.close()


@given(st.binary(max_size=200))
def test_no_bytes_in_place_of_an_answer_break_the_parser(data: bytes) -> None:
    assert isinstance(_parse_answer(data), dict)


def test_a_deeply_nested_answer_counts_as_none() -> None:
    assert _parse_answer(b"[" * 100_000) == {}


@pytest.mark.parametrize("value", [None, 1, True, [], {}])
def test_an_answer_without_the_member_asked_for_is_refused(value: object) -> None:
    with pytest.raises(RefusedError, match="not one of ours"):
        read_answer({"name": value}, "name", str)


def test_a_part_is_sent_exactly_as_it_was_signed() -> None:
    body = bytes(range(256)) * 4096 + b"tail"
    with SmallServer(lambda _: Answer(headers={"ETag": '"the-etag"'})) as server:
        client = make_client(server.url)
        request = {
            "number": 1,
            "url": f"{server.url}/store/v1/parts/originals/2026/k?uploadId=a%2Fb&partNumber=1",
            "headers": {"Content-Length": str(len(body)), "X-Amz-Date": "20261124T080000Z"},
        }
        assert client.put_part(request, memoryview(body)) == "the-etag"
        seen = server.seen[0]
        assert (seen.method, seen.path) == ("PUT", "/store/v1/parts/originals/2026/k?uploadId=a%2Fb&partNumber=1")
        assert seen.body == body
        assert seen.headers["x-amz-date"] == "20261124T080000Z"
        assert "transfer-encoding" not in seen.headers
        client.close()


@pytest.mark.parametrize(("status", "error"), [(403, RefusedError), (404, RefusedError), (503, UnreachableError)])
def test_a_store_that_does_not_take_a_part_is_told_apart(status: int, error: type[Exception]) -> None:
    with SmallServer(lambda _: Answer(status)) as server:
        client = make_client(server.url)
        request = {"number": 1, "url": f"{server.url}/p?q=1", "headers": {"Content-Length": "1"}}
        with pytest.raises(error):
            client.put_part(request, memoryview(b"x"))
        client.close()


def test_a_redirect_is_not_followed() -> None:
    with SmallServer(lambda _: Answer(307, headers={"Location": "http://127.0.0.1:1/elsewhere"})) as server:
        client = make_client(server.url)
        request = {"number": 1, "url": f"{server.url}/p?q=1", "headers": {"Content-Length": "1"}}
        with pytest.raises(RefusedError):
            client.put_part(request, memoryview(b"x"))
        assert len(server.seen) == 1
        client.close()


def test_plain_http_is_for_this_machine_alone() -> None:
    with pytest.raises(UnreachableError, match="TLS"):
        make_pool("http://192.0.2.1:8400")


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
    return context, read_spki_digest(der)


def test_the_pinned_key_is_believed_without_any_authority(tls: tuple[ssl.SSLContext, str]) -> None:
    context, spki = tls
    with SmallServer(lambda _: Answer(), context) as server:
        client = make_client(server.url, spki=spki)
        assert client.call("GET", "/x")[0] == 200
        client.close()


def test_another_key_than_the_pinned_one_gets_no_request(tls: tuple[ssl.SSLContext, str]) -> None:
    with SmallServer(lambda _: Answer(), tls[0]) as server:
        client = make_client(server.url, spki="0" * 64)
        with pytest.raises(UnreachableError, match="another key"):
            client.call("GET", "/x")
        assert server.seen == []
        client.close()


def test_a_server_that_is_not_there_is_told_in_few_words() -> None:
    client = make_client("http://127.0.0.1:9", clock=utc_clock)
    with pytest.raises(UnreachableError, match="refused"):
        client.call("GET", "/x")
    client.close()

"""Answers of servers that differ, and of servers that send anything at all."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.store import LockMode, StoreRefusedError, StoreUnavailableError
from ingest_server.store.s3_answers import (
    is_temporary,
    parse_answer,
    parse_error_code,
    parse_part_page,
    parse_retention,
    parse_s3_instant,
    refuse_answer,
)

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def retention(mode: str, until: str, attributes: str = NAMESPACE) -> bytes:
    return f"<Retention {attributes}><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>".encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01T13:11:39Z", datetime(2026, 12, 1, 13, 11, 39, tzinfo=UTC)),
        ("2026-12-01T13:11:39.000Z", datetime(2026, 12, 1, 13, 11, 39, tzinfo=UTC)),
        ("2026-12-01T13:11:39.771975276Z", datetime(2026, 12, 1, 13, 11, 39, 771975, tzinfo=UTC)),
        ("2026-12-01T13:11:39.5Z", datetime(2026, 12, 1, 13, 11, 39, 500000, tzinfo=UTC)),
        ("2026-12-01T21:11:39+08:00", datetime(2026, 12, 1, 13, 11, 39, tzinfo=UTC)),
    ],
)
def test_instants_of_all_servers_are_read(text: str, expected: datetime) -> None:
    assert parse_s3_instant(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    with contextlib.suppress(StoreRefusedError):
        assert parse_s3_instant(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-13-01T00:00:00Z", "0001-01-01T00:00:00+08:00", "2026-12-01T13:11:39", ""])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StoreRefusedError):
        parse_s3_instant(text)


@pytest.mark.parametrize("attributes", [NAMESPACE, ""])
def test_a_lock_is_read_with_or_without_name_space(attributes: str) -> None:
    lock = parse_retention(retention("COMPLIANCE", "2026-12-01T13:11:39.000Z", attributes))
    assert (lock.mode, lock.retain_until) == (LockMode.COMPLIANCE, datetime(2026, 12, 1, 13, 11, 39, tzinfo=UTC))


def test_an_empty_retention_is_no_lock() -> None:
    assert parse_retention(b"<Retention/>").mode is LockMode.NONE


@pytest.mark.parametrize(("mode", "until"), [("STRONG", "2026-12-01T13:11:39Z"), ("COMPLIANCE", "soon")])
def test_a_lock_that_cannot_be_understood_is_refused(mode: str, until: str) -> None:
    with pytest.raises(StoreRefusedError):
        parse_retention(retention(mode, until))


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    for parse in (parse_answer, parse_retention, parse_part_page):
        try:
            parse(data)
        except StoreRefusedError:
            continue


def test_a_truncated_page_names_the_next() -> None:
    page = parse_part_page(
        b"<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>7</NextPartNumberMarker>"
        b'<Part><PartNumber>7</PartNumber><Size>3</Size><ETag>"abc"</ETag></Part></ListPartsResult>'
    )
    assert page.next_marker == "7"
    assert [(part.number, part.size, part.etag) for part in page.parts] == [(7, 3, "abc")]


def test_a_truncated_page_without_a_marker_is_refused() -> None:
    with pytest.raises(StoreRefusedError):
        parse_part_page(b"<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>")


@pytest.mark.parametrize("size", ["many", ""])
def test_a_part_without_a_size_is_refused(size: str) -> None:
    part = f"<Part><PartNumber>1</PartNumber><Size>{size}</Size><ETag>a</ETag></Part>"
    with pytest.raises(StoreRefusedError):
        parse_part_page(f"<ListPartsResult>{part}</ListPartsResult>".encode())


def test_the_error_code_comes_from_body_header_or_status() -> None:
    assert parse_error_code(404, {}, b"<Error><Code>NoSuchKey</Code></Error>") == "NoSuchKey"
    assert parse_error_code(404, {"x-minio-error-code": "NoSuchVersion"}, b"") == "NoSuchVersion"
    assert parse_error_code(502, {}, b"<html><body>Bad Gateway") == "NotXml"
    assert parse_error_code(403, {}, b"") == "Http403"


def test_an_error_code_is_never_a_sentence() -> None:
    assert parse_error_code(400, {}, b"<Error><Code>key AKIA123 is wrong!</Code></Error>") == "Http400"


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (429, ""), (400, "RequestTimeout")]
)
def test_temporary_trouble_may_be_retried(status: int, code: str) -> None:
    assert is_temporary(status, code)
    assert isinstance(refuse_answer(status, code, "x"), StoreUnavailableError)


@pytest.mark.parametrize(("status", "code"), [(400, "InvalidRequest"), (403, "AccessDenied"), (501, "NotImplemented")])
def test_refusals_may_not_be_retried(status: int, code: str) -> None:
    assert isinstance(refuse_answer(status, code, "x"), StoreRefusedError)


def test_a_clock_difference_is_named() -> None:
    assert "clocks" in str(refuse_answer(403, "RequestTimeTooSkewed", "x"))

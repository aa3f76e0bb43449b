"""What a store can do, looked at without writing an object (formats.md §7, "Lock" and "Part requests").

The account *should* lack the rights to delete versions, to bypass governance and to change versioning outside the
scratch bucket. Having them is a lasting finding shown to people, not a refusal: the lock must hold even against root.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from chain_of_custody.findings import Finding
from ingest_server.store.contract import CapabilityReport, Check
from ingest_server.store.errors import StoreRefusedError
from ingest_server.store.s3_answers import find_text, is_temporary, parse_answer, refuse_answer
from ingest_server.store.s3_requests import BYPASS_HEADERS, checksum_headers, versioning_body

if TYPE_CHECKING:
    from ingest_server.store.s3_connection import Answer, S3Connection
    from ingest_server.store.settings import S3Settings

MAX_CLOCK_DIFFERENCE = timedelta(minutes=1)
"""More than this between server and store is told to people; from 15 minutes on the store refuses every request."""


def probe_s3(connection: S3Connection, settings: S3Settings, now: datetime) -> CapabilityReport:
    """Look at both buckets, at the store's clock and at the account's rights.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    checks = [
        check
        for name, bucket in (("originals", settings.bucket), ("scratch", settings.scratch_bucket))
        for check in probe_bucket(connection, name, bucket)
    ]
    findings = (*_find_clock_difference(connection, settings, now), *find_account_rights(connection, settings))
    return CapabilityReport("s3", tuple(checks), findings)


def probe_bucket(connection: S3Connection, name: str, bucket: str) -> list[Check]:
    """Check that one bucket is there, versioned and under Object Lock, as the store itself tells it."""
    if not bucket_exists(connection, bucket):
        return [Check(f"{name}_bucket_exists", passed=False, detail="there is no such bucket, or it may not be read")]
    versioning = _read_field(connection.send("GET", bucket, query={"versioning": ""}), "Status")
    lock = _read_field(connection.send("GET", bucket, query={"object-lock": ""}), "ObjectLockEnabled")
    return [
        Check(f"{name}_bucket_exists", passed=True, detail="found"),
        Check(f"{name}_bucket_is_versioned", versioning == "Enabled", f"versioning is {versioning or 'not told'}"),
        Check(f"{name}_bucket_has_object_lock", lock == "Enabled", f"Object Lock is {lock or 'not told'}"),
    ]


def bucket_exists(connection: S3Connection, bucket: str) -> bool:
    """Whether the bucket is there and this account may read it.

    Raises:
        StoreRefusedError: The store does not accept the account.
    """
    answer = connection.send("HEAD", bucket)
    if is_temporary(answer.status, answer.code):
        raise refuse_answer(answer.status, answer.code, "look for the bucket")
    if answer.status == 403:
        raise StoreRefusedError("the store does not accept the account for this bucket, or it belongs to another")
    return answer.is_success


def find_account_rights(connection: S3Connection, settings: S3Settings) -> tuple[Finding, ...]:
    """Find rights over originals that the account should not have.

    Each right is tried where nothing can come to harm: on a key and a version that never existed, and by setting the
    versioning that is already set.
    """
    key, version = f"rights-probe/{secrets.token_hex(16)}", "00000000-0000-4000-8000-000000000000"
    target, enabled = settings.bucket, versioning_body("Enabled")
    query = {"versionId": version}
    trials = (
        ("account_may_delete_versions", connection.send("DELETE", target, key, query=query)),
        ("account_may_bypass_governance", connection.send("DELETE", target, key, query=query, headers=BYPASS_HEADERS)),
        (
            "account_may_change_versioning",
            connection.send("PUT", target, query={"versioning": ""}, headers=checksum_headers(enabled), body=enabled),
        ),
    )
    return tuple(Finding(code, "warning", target, _RIGHTS[code]) for code, answer in trials if _was_permitted(answer))


_RIGHTS = {
    "account_may_delete_versions": "the server's store account may delete versions; only the lock protects originals",
    "account_may_bypass_governance": "the server's store account may bypass governance locks",
    "account_may_change_versioning": "the server's store account may change the versioning of the originals' bucket",
}


def _was_permitted(answer: Answer) -> bool:
    """Whether the account was let through, which an answer about the missing version shows as well as a success."""
    return answer.status not in {401, 403} and not is_temporary(answer.status, answer.code)


def _find_clock_difference(connection: S3Connection, settings: S3Settings, now: datetime) -> tuple[Finding, ...]:
    """Compare the store's clock with ours: lock dates are ours, and the store judges them by its own."""
    date = connection.send("HEAD", settings.bucket).headers.get("date", "")
    try:
        difference = abs(parsedate_to_datetime(date).astimezone(UTC) - now)
    except ValueError:
        return (Finding("store_tells_no_time", "note", settings.endpoint, "the store's answers carry no date"),)
    if difference <= MAX_CLOCK_DIFFERENCE:
        return ()
    text = f"the clocks of server and store differ by {round(difference.total_seconds())} s"
    return (Finding("store_clock_differs", "warning", settings.endpoint, text),)


def _read_field(answer: Answer, name: str) -> str:
    """Return one field of an XML answer; empty when the store does not tell it."""
    if not answer.is_success:
        return ""
    try:
        return find_text(parse_answer(answer.data), name) or ""
    except StoreRefusedError:
        return ""

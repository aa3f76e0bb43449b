"""Reading what an S3 server answers: XML, instants and error codes, from servers that each do it a little differently.

The ``minio`` SDK's own parsers give up on instants with nine fractional digits (Ceph), so the few answers we need are
read here. An answer that cannot be understood is a refusal, never a success.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ingest_server.store.contract import LockMode, LockState, StoredPart
from ingest_server.store.errors import StoreRefusedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ANSWER = 8 * 1024 * 1024
"""Largest answer in bytes that is read as XML; 1,000 parts with checksums take a tenth of it."""

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_CODE = re.compile(r"[A-Za-z0-9._]{1,64}")


@dataclass(frozen=True, slots=True)
class PartPage:
    """One page of ListParts; ``next_marker`` is null on the last one."""

    parts: tuple[StoredPart, ...]
    next_marker: str | None


def parse_answer(data: bytes) -> ET.Element:
    """Read an XML answer.

    Raises:
        StoreRefusedError: It is not XML, or too long to be one of the answers we ask for.
    """
    if len(data) > MAX_ANSWER:
        raise StoreRefusedError("the store's answer is too long")
    try:
        return ET.fromstring(data)  # noqa: S314 (size-limited; expat resolves no external entities and limits expansion)
    except (ET.ParseError, ValueError) as error:
        raise StoreRefusedError("the store's answer is not XML") from error


def find_text(element: ET.Element, name: str) -> str | None:
    """Return the text of the first child called ``name``, whatever its name space (servers differ), or None."""
    found = element.find(f"{{*}}{name}")
    return None if found is None or found.text is None else found.text.strip()


def require_text(element: ET.Element, name: str) -> str:
    """Return the text of a child that must be there.

    Raises:
        StoreRefusedError: It is missing or empty.
    """
    text = find_text(element, name)
    if not text:
        raise StoreRefusedError(f"the store's answer has no {name}")
    return text


def parse_part_page(data: bytes) -> PartPage:
    """Read one page of ListParts.

    Raises:
        StoreRefusedError: It is malformed.
    """
    root = parse_answer(data)
    try:
        parts = tuple(
            StoredPart(
                int(require_text(part, "PartNumber")),
                int(require_text(part, "Size")),
                require_text(part, "ETag").strip('"'),
            )
            for part in root.findall("{*}Part")
        )
    except ValueError as error:
        raise StoreRefusedError("the store lists parts that are none") from error
    is_truncated = (find_text(root, "IsTruncated") or "").lower() == "true"
    return PartPage(parts, require_text(root, "NextPartNumberMarker") if is_truncated else None)


def parse_retention(data: bytes) -> LockState:
    """Read GetObjectRetention.

    Raises:
        StoreRefusedError: The mode is unknown or the date is none; such a lock is not one to rely on.
    """
    root = parse_answer(data)
    mode, until = find_text(root, "Mode"), find_text(root, "RetainUntilDate")
    if not mode and not until:
        return LockState(LockMode.NONE, None)
    if mode not in {LockMode.COMPLIANCE, LockMode.GOVERNANCE}:
        raise StoreRefusedError("the store's lock has an unknown mode")
    return LockState(LockMode(mode), parse_s3_instant(until or ""))


def parse_s3_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with any number of fractional digits up to nine; digits below a microsecond are cut.

    Raises:
        StoreRefusedError: It is not an instant with an offset.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise StoreRefusedError("the store's date cannot be read")
    seconds, fraction, offset = match.groups()
    try:
        return datetime.fromisoformat(f"{seconds}.{(fraction or '0')[:6]:0<6}{offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise StoreRefusedError("the store's date cannot be read") from error


def parse_error_code(status: int, headers: Mapping[str, str], data: bytes) -> str:
    """Give the error code of a failed answer: from its body, MinIO's header (HEAD has no body), or the bare status."""
    code = headers.get("x-minio-error-code") or ""
    if data:
        try:
            code = find_text(parse_answer(data), "Code") or code
        except StoreRefusedError:
            code = code or "NotXml"
    return code if _CODE.fullmatch(code) else f"Http{status}"


def is_temporary(status: int, code: str) -> bool:
    """Whether the same request may succeed later."""
    # 501 is for ever: the server does not know the request.
    is_failing = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    return is_failing or status in {408, 429} or code in {"SlowDown", "RequestTimeout", "OperationAborted"}


def refuse_answer(status: int, code: str, what: str) -> StoreRefusedError | StoreUnavailableError:
    """Make the error for a failed answer; only the code is told on, since messages may name accounts."""
    if is_temporary(status, code):
        return StoreUnavailableError(f"{what}: the store answered {status} {code}")
    hint = "; the clocks of server and store differ" if code == "RequestTimeTooSkewed" else ""
    return StoreRefusedError(f"{what}: the store answered {status} {code}{hint}")

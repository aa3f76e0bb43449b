"""The BagIt 1.0 side of a package (RFC 8493): manifests of payload and tag files, and ``bag-info.txt``.

Any BagIt tool can check a package's files against these manifests without knowing anything of custody. Reading is
stricter than the RFC, because a package is written by one program only: SHA-256, lowercase hex, two spaces, LF.
"""

import re
from collections.abc import Mapping

from chain_of_custody.errors import MalformedError

__all__ = [
    "BAGIT_TXT",
    "BAG_INFO_NAME",
    "DECLARATION_NAME",
    "MANIFEST_NAME",
    "TAG_MANIFEST_NAME",
    "format_bag_info",
    "format_manifest",
    "parse_manifest",
]

DECLARATION_NAME = "bagit.txt"
BAG_INFO_NAME = "bag-info.txt"
MANIFEST_NAME = "manifest-sha256.txt"
TAG_MANIFEST_NAME = "tagmanifest-sha256.txt"
BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_LINE = re.compile(rb"([0-9a-f]{64})  ([A-Za-z0-9._/-]{1,200})")


def format_manifest(digests: Mapping[str, str]) -> bytes:
    """Write a manifest; ``digests`` maps paths from the bag's folder to SHA-256 in lowercase hex."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


def parse_manifest(data: bytes) -> dict[str, str]:
    """Read a manifest as :func:`format_manifest` writes it; raises MalformedError for anything else."""
    lines = data.split(b"\n")
    if lines.pop() != b"":
        raise MalformedError("a manifest's last line does not end")
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise MalformedError(f"line {number} of a manifest is not '<sha-256>  <path>'")
        path = match[2].decode("ascii")
        if path in found:
            raise MalformedError(f"line {number} of a manifest names {path} again")
        found[path] = match[1].decode("ascii")
    if format_manifest(found) != data:
        raise MalformedError("a manifest's lines are not ordered by path")
    return found


def format_bag_info(*, payload_bytes: int, payload_files: int, date: str, identifier: str, software: str) -> bytes:
    """Write ``bag-info.txt`` (RFC 8493 section 2.2.2); ``date`` is ``YYYY-MM-DD``."""
    lines = (
        ("Bag-Software-Agent", software),
        ("Bagging-Date", date),
        ("External-Identifier", identifier),
        ("Payload-Oxum", f"{payload_bytes}.{payload_files}"),
    )
    return "".join(f"{label}: {value}\n" for label, value in lines).encode("utf-8")

"""Answers that a browser saves and never shows, whatever is in them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote


def download_headers(name: str, size: int) -> dict[str, str]:
    """The headers of a file that people take: always an attachment, its name in both forms (RFC 6266, RFC 8187).

    Args:
        name: As people know it, from outside; nothing of it reaches a header unencoded.
        size: In bytes.
    """
    ending = PurePosixPath(name).suffix
    plain = "file" + (ending.lower() if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", ending) else "")
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}",
        "Content-Length": str(size),
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    }

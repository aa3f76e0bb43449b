"""Styles, scripts and icons, each under an address that names its content, so that browsers may keep it for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import Response

from ingest_server.errors import NotFoundError

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def static_url(name: str) -> str:
    """The address of one file, such as ``css/base.css``; raises KeyError where there is none."""
    return f"/static/{_files()[name][0]}/{name}"


def get_static(digest: str, name: str) -> Response:
    """Serve one file; the digest in its address only tells browsers when it changed."""
    found = _files().get(name)
    if found is None:
        raise NotFoundError("not_found")
    current, body, media_type = found
    keeping = "public, max-age=31536000, immutable" if digest == current else "no-cache"
    return Response(body, media_type=media_type, headers={"Cache-Control": keeping})


@cache
def _files() -> dict[str, tuple[str, bytes, str]]:
    files = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            body = path.read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:12]
            files[path.relative_to(FOLDER).as_posix()] = (digest, body, _TYPES[path.suffix])
    return files

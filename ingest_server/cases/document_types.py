"""Which files are taken as text records: told by their ending and by how they begin, never by what a browser says."""

from __future__ import annotations

import codecs
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ingest_server.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ZIP = (b"PK\x03\x04",)
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_TEXT: tuple[bytes, ...] = ()
_OFFICE = "application/vnd.openxmlformats-officedocument"
# Ending to media type and the beginnings such a file may have; a text has none, and must read as one.
_TYPES: Mapping[str, tuple[str, tuple[bytes, ...]]] = {
    ".pdf": ("application/pdf", (b"%PDF-",)),
    ".ofd": ("application/ofd", _ZIP),
    ".txt": ("text/plain", _TEXT),
    ".md": ("text/plain", _TEXT),
    ".csv": ("text/plain", _TEXT),
    ".doc": ("application/msword", _OLE),
    ".xls": ("application/vnd.ms-excel", _OLE),
    ".ppt": ("application/vnd.ms-powerpoint", _OLE),
    ".wps": ("application/vnd.ms-works", _OLE),
    ".et": ("application/vnd.ms-excel", _OLE),
    ".docx": (f"{_OFFICE}.wordprocessingml.document", _ZIP),
    ".xlsx": (f"{_OFFICE}.spreadsheetml.sheet", _ZIP),
    ".pptx": (f"{_OFFICE}.presentationml.presentation", _ZIP),
    ".odt": ("application/vnd.oasis.opendocument.text", _ZIP),
    ".ods": ("application/vnd.oasis.opendocument.spreadsheet", _ZIP),
    ".rtf": ("application/rtf", (b"{\\rtf",)),
    ".jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".tif": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".tiff": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".bmp": ("image/bmp", (b"BM",)),
}
ENDINGS = tuple(sorted(_TYPES))
BEGINNING = 4096


def name_media_type(name: str, beginning: bytes) -> str:
    """The media type of a file by its ending, once its beginning agrees.

    Args:
        name: As the person's computer calls it.
        beginning: Its first ``BEGINNING`` bytes, or all of a shorter one.

    Raises:
        BadRequestError: Such files are not taken, or it begins like no file of its ending.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending not in _TYPES:
        raise BadRequestError("document_type", f"endings that are taken: {', '.join(ENDINGS)}", named=ending[:12])
    media_type, beginnings = _TYPES[ending]
    is_such = beginning.startswith(beginnings) if beginnings else _reads_as_text(beginning)
    if not is_such:
        raise BadRequestError("document_type", f"the file does not begin like one of {ending}", named=ending)
    return media_type


def _reads_as_text(beginning: bytes) -> bool:
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    if b"\x00" in beginning:
        return False
    for encoding in ("utf-8", "gb18030"):
        try:
            # A character may be cut in two where the beginning ends.
            codecs.getincrementaldecoder(encoding)().decode(beginning)
        except UnicodeDecodeError:
            continue
        return True
    return False

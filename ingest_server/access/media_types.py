"""What an original is served as: judged by its first bytes, and only ever one of these harmless types.

Nothing a recorder holds is believed to be what its name says, and nothing is ever served as a page or a script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = "application/octet-stream"
SNIFFED_BYTES = 600
"""How many first bytes the judgement needs."""

ENDINGS = {
    "audio/amr": "amr",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "image/jpeg": "jpg",
    "image/png": "png",
    "video/3gpp": "3gp",
    "video/mp2t": "ts",
    "video/mp4": "mp4",
    "video/mpeg": "mpg",
    "video/ogg": "ogg",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}
# Files beside the footage that a person may want to open; never served as anything but bytes to save.
_PLAIN_ENDINGS = frozenset({"csv", "gps", "json", "log", "md5", "nmea", "srt", "thm", "txt", "xml"})
_PACKET = 188


def sniff_type(head: bytes) -> str:
    """The media type of content that begins with these bytes; octets where nothing known fits."""
    return next((kind for kind, fits in _TESTS if fits(head)), UNKNOWN)


def is_playable(media_type: str) -> bool:
    """Whether a player can be tried on it."""
    return media_type.startswith(("video/", "audio/"))


def make_file_name(shown_id: str, path: str, media_type: str) -> str:
    """A name to save an original under: its evidence id and what is plain in its own name; never of a harmful kind.

    >>> make_file_name("0" * 26, "DCIM/a<b>.html", "application/octet-stream")
    '00000000000000000000000000_a_b_.bin'
    """
    stem, _, ending = path.rsplit("/", 1)[-1].rpartition(".")
    if not stem:
        stem, ending = ending, ""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[:80]
    plain = ending.lower() if ending.lower() in _PLAIN_ENDINGS else "bin"
    return f"{shown_id}_{kept}.{ENDINGS.get(media_type, plain)}"


def _is_iso(head: bytes, *brands: bytes) -> bool:
    return head[4:8] == b"ftyp" and (not brands or head[8:12].startswith(brands))


def _is_riff(head: bytes, form: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == form


def _is_transport_stream(head: bytes) -> bool:
    return len(head) > 2 * _PACKET and all(head[place] == 0x47 for place in (0, _PACKET, 2 * _PACKET))


def _is_ebml(head: bytes, kind: bytes) -> bool:
    return head[:4] == b"\x1aE\xdf\xa3" and kind in head[:64]


_TESTS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("video/quicktime", lambda head: _is_iso(head, b"qt")),
    ("video/3gpp", lambda head: _is_iso(head, b"3gp", b"3g2")),
    ("video/mp4", _is_iso),
    ("video/webm", lambda head: _is_ebml(head, b"webm")),
    ("video/x-matroska", lambda head: _is_ebml(head, b"matroska")),
    ("video/x-msvideo", lambda head: _is_riff(head, b"AVI ")),
    ("audio/wav", lambda head: _is_riff(head, b"WAVE")),
    ("video/mp2t", _is_transport_stream),
    ("video/mpeg", lambda head: head[:4] == b"\x00\x00\x01\xba"),
    ("video/ogg", lambda head: head[:4] == b"OggS"),
    ("audio/amr", lambda head: head[:5] == b"#!AMR"),
    ("audio/mpeg", lambda head: head[:3] == b"ID3"),
    ("image/jpeg", lambda head: head[:3] == b"\xff\xd8\xff"),
    ("image/png", lambda head: head[:8] == b"\x89PNG\r\n\x1a\n"),
)

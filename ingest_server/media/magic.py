"""What a file is by its first bytes, and whether its name says the same. Pure, and no decoder is involved.

Only what is recognised here is ever given to a demuxer, and only to the one demuxer of its family: a play list, a
description of a network stream or a list of other files is text, is not recognised, and is opened by nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Family:
    """A family of containers.

    Attributes:
        name: As facts name it.
        demuxer: FFmpeg's demuxers for it, the white list; empty for photographs.
        extensions: What files of it are called.
    """

    name: str
    demuxer: str
    extensions: frozenset[str]

    @property
    def is_photo(self) -> bool:
        """Whether OpenCV reads it as one picture."""
        return not self.demuxer


def _family(name: str, demuxer: str, extensions: str) -> Family:
    return Family(name, demuxer, frozenset(extensions.split()))


FAMILIES = {
    family.name: family
    for family in (
        _family("mp4", "mov,mp4,m4a,3gp,3g2,mj2", "mp4 mov m4v m4a 3gp 3g2 qt lrv insv"),
        _family("matroska", "matroska,webm", "mkv webm mka"),
        _family("avi", "avi", "avi"),
        _family("mpegts", "mpegts", "ts mts m2ts tod"),
        _family("mpeg", "mpeg", "mpg mpeg vob mod"),
        _family("asf", "asf", "asf wmv wma"),
        _family("flv", "flv", "flv"),
        _family("wav", "wav", "wav"),
        _family("mp3", "mp3", "mp3"),
        _family("aac", "aac", "aac"),
        _family("amr", "amr", "amr"),
        _family("ogg", "ogg", "ogg oga ogv opus"),
        _family("flac", "flac", "flac"),
        _family("jpeg", "", "jpg jpeg thm"),
        _family("png", "", "png"),
        _family("webp", "", "webp"),
        _family("bmp", "", "bmp"),
    )
}
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_STARTS = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"FLV\x01", "flv"),
    (b"#!AMR", "amr"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"BM", "bmp"),
    (b"ID3", "mp3"),
)
_RIFF = {b"AVI ": "avi", b"WAVE": "wav", b"WEBP": "webp"}


def sniff(head: bytes) -> Family | None:
    """The family of a file that begins with these bytes, None where it is none that is looked into."""
    name = _sniff_name(head)
    return None if name is None else FAMILIES[name]


def _sniff_name(head: bytes) -> str | None:
    if head[4:8] in _BOXES:
        return "mp4"
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    # Packets of 188 bytes, with four bytes of time before each on some recorders.
    if any(len(head) > first + 2 * step and head[first] == head[first + step] == head[first + 2 * step] == 0x47
           for first, step in ((0, 188), (4, 192))):  # fmt: skip
        return "mpegts"
    return _sniff_sync(head)


def _sniff_sync(head: bytes) -> str | None:
    """Streams that begin with a synchronisation pattern: AAC in ADTS, and the layers of MPEG audio."""
    if len(head) < 3 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "aac"
    is_layer = head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[1] & 0x18 != 0x08
    return "mp3" if is_layer and head[2] & 0xF0 != 0xF0 else None


def named_family(path: str) -> Family | None:
    """The family that a file's name claims, None where the name claims none."""
    _, dot, extension = path.rpartition(".")
    extension = extension.lower() if dot else ""
    return next((family for family in FAMILIES.values() if extension in family.extensions), None)

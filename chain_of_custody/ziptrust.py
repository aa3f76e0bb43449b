"""Reads the directory of a ZIP file as something an opponent wrote.

A ZIP names its members twice, in a directory at the end and in a header before each member, and readers differ in
which of the two they believe. Here both must say the same, the members must lie one behind the other without gap or
overlap, and nothing may stand before, between or after them; so every reader sees the same files, and no byte of the
archive is outside what the bag's manifests judge. Members are stored, never compressed: what is not compressed
cannot be a bomb, and the size of the archive bounds the size of its contents.

Layout: PKWARE APPNOTE 6.3.10, sections 4.3 (records), 4.4 (fields) and 4.5.3 (ZIP64). ``docs/package-format.md`` says
which part of it a package uses.
"""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from chain_of_custody.errors import MalformedError, VerificationError

__all__ = ["MEMBER_MODE", "Member", "ZipLimits", "ZipRefusedError", "check_member_name", "iter_member", "read_members"]

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_ABSENT32 = 0xFFFFFFFF
_ABSENT16 = 0xFFFF
_UTF8_NAMES = 0x0800
_UNIX = 3 << 8
_PLAIN_VERSION = 20
_ZIP64_VERSION = 45
MEMBER_MODE = stat.S_IFREG | 0o644
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")
_MAX_NAME = 200
_CHUNK = 1 << 20
# Names that Windows gives to devices open the device, not the file.
_DEVICE_NAMES = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))})


class ZipRefusedError(VerificationError):
    """The archive can be read, but says one thing twice differently or hides something; ``where`` names the member."""

    def __init__(self, where: str, problem: str) -> None:
        """Say which member (or ``archive``) is refused and why, in words for a person."""
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


@dataclass(frozen=True)
class ZipLimits:
    """How much a hostile archive may make us read before anything is believed."""

    members: int = 200_000
    directory_bytes: int = 64 << 20


@dataclass(frozen=True)
class Member:
    """One stored file: its bytes stand at ``offset`` for ``size`` bytes."""

    name: str
    offset: int
    size: int
    crc32: int


@dataclass(frozen=True)
class _End:
    entries: int
    directory_offset: int
    directory_size: int


@dataclass(frozen=True)
class _Entry:
    name: str
    needs: int
    has_zip64: bool
    flags: int
    method: int
    stamp: tuple[int, int]
    crc32: int
    packed_size: int
    size: int
    header_offset: int


def read_members(file: BinaryIO, limits: ZipLimits = ZipLimits()) -> tuple[Member, ...]:
    """Return the members of a seekable archive in the order in which they lie in it.

    Args:
        file: The archive; only its records are read here, not the members' bytes.
        limits: What is read at most.

    Raises:
        MalformedError: This is not a ZIP, or it is cut off.
        ZipRefusedError: It is a ZIP that no honest writer of packages makes.
    """
    end = _read_end(file, limits)
    file.seek(end.directory_offset)
    directory = _read_exactly(file, end.directory_size)
    position, expected_offset = 0, 0
    members: list[Member] = []
    seen: set[str] = set()
    for _ in range(end.entries):
        entry, position = _parse_entry(directory, position)
        # Two names that differ only in case are one file on many machines.
        if entry.name.lower() in seen:
            raise ZipRefusedError(entry.name, "the name stands in the archive twice")
        seen.add(entry.name.lower())
        if entry.header_offset != expected_offset:
            raise ZipRefusedError(entry.name, "members overlap, or bytes lie before or between them")
        data_offset = _check_local_header(file, entry)
        expected_offset = data_offset + entry.size
        # Sizes are 64-bit numbers of a stranger; none may lead a later seek or read beyond the file.
        if expected_offset > end.directory_offset:
            raise ZipRefusedError(entry.name, "it would reach into the archive's directory")
        members.append(Member(entry.name, data_offset, entry.size, entry.crc32))
    if position != len(directory):
        raise ZipRefusedError("archive", "its directory holds more than the members it counts")
    if expected_offset != end.directory_offset:
        raise ZipRefusedError("archive", "bytes lie between the last member and the directory")
    return tuple(members)


def iter_member(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the member's bytes in pieces; raises ZipRefusedError at the end if they do not match its CRC-32."""
    file.seek(member.offset)
    left, crc = member.size, 0
    while left:
        piece = file.read(min(left, _CHUNK))
        if not piece:
            raise MalformedError(f"{member.name}: the archive ends inside it")
        crc = zlib.crc32(piece, crc)
        left -= len(piece)
        yield piece
    if crc != member.crc32:
        raise ZipRefusedError(member.name, "its bytes differ from the CRC-32 in the archive")


def check_member_name(name: str) -> None:
    """Refuse a name that could lead outside the folder, or mean different files on different machines."""
    parts = name.split("/")
    if not name or len(name) > _MAX_NAME or not _NAME_CHARACTERS.issuperset(name):
        raise ZipRefusedError(ascii(name), "only plain ASCII names of at most 200 characters are used in a package")
    for part in parts:
        if part in {"", ".", ".."} or part.endswith(".") or part.split(".")[0].lower() in _DEVICE_NAMES:
            raise ZipRefusedError(name, "the name could lead outside the package's folder, or is no file's name")


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise MalformedError("the archive is cut off")
    return data


def _read_end(file: BinaryIO, limits: ZipLimits) -> _End:
    """Find the end record, which must be the archive's last bytes (APPNOTE 4.3.16, 4.3.14, 4.3.15)."""
    total = file.seek(0, 2)
    tail_size = min(total, _END.size + _MAX_COMMENT)
    file.seek(total - tail_size)
    tail = _read_exactly(file, tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise MalformedError("no ZIP archive, or one that is cut off")
    _, disk, first_disk, here, entries, size, offset, comment = _END.unpack_from(tail, at)
    if comment or at + _END.size != len(tail):
        raise ZipRefusedError("archive", "bytes follow the archive's end")
    end_at = total - _END.size
    large = _read_end64(file, end_at)
    if large is None:
        found, directory_end = _End(entries, offset, size), end_at
    else:
        found, directory_end = large
        for small, full, absent in (
            (entries, found.entries, _ABSENT16),
            (size, found.directory_size, _ABSENT32),
            (offset, found.directory_offset, _ABSENT32),
        ):
            if small not in {full, absent}:
                raise ZipRefusedError("archive", "its two end records differ")
    if disk or first_disk or here != entries:
        raise ZipRefusedError("archive", "it claims to be spread over several disks")
    if found.entries > limits.members or found.directory_size > limits.directory_bytes:
        raise ZipRefusedError("archive", f"it claims more than {limits.members} members")
    if found.directory_offset + found.directory_size != directory_end:
        raise ZipRefusedError("archive", "bytes stand before its first member or after its directory")
    return found


def _read_end64(file: BinaryIO, end_at: int) -> tuple[_End, int] | None:
    """Read the ZIP64 end record where a locator points to it; it must stand right before the locator."""
    locator_at = end_at - _LOCATOR64.size
    if locator_at < _END64.size:
        return None
    file.seek(locator_at)
    magic, disk, record_at, disks = _LOCATOR64.unpack(_read_exactly(file, _LOCATOR64.size))
    if magic != b"PK\x06\x07":
        return None
    if disk or disks != 1 or record_at != locator_at - _END64.size:
        raise ZipRefusedError("archive", "its ZIP64 end record is not where it must be")
    file.seek(record_at)
    fields = _END64.unpack(_read_exactly(file, _END64.size))
    magic, record_size, *versions, disk, first_disk, here, entries, size, offset = fields
    is_plain = versions == [45, 45] and not disk and not first_disk and here == entries
    if magic != b"PK\x06\x06" or record_size != _END64.size - 12 or not is_plain:
        raise ZipRefusedError("archive", "its ZIP64 end record is not one that a package has")
    return _End(entries, offset, size), record_at


def _parse_entry(directory: bytes, at: int) -> tuple[_Entry, int]:
    """Parse one directory entry (APPNOTE 4.3.12) and return it with the position behind it."""
    if at + _ENTRY.size > len(directory) or directory[at : at + 4] != b"PK\x01\x02":
        raise ZipRefusedError("archive", "its directory holds fewer members than it counts")
    _, made_by, needs, flags, method, time, date, crc, packed, size, *rest = _ENTRY.unpack_from(directory, at)
    name_len, extra_len, comment_len, disk, internal, mode, offset = rest
    start = at + _ENTRY.size
    after = start + name_len + extra_len + comment_len
    if after > len(directory):
        raise ZipRefusedError("archive", "its directory is cut off")
    name = _decode_name(directory[start : start + name_len])
    if comment_len or disk:
        raise ZipRefusedError(name, "it has a comment or claims to be on another disk")
    _check_kind(name, flags, method, mode)
    # No reader needs these, but a byte that may be changed unseen is one that somebody will ask about.
    if made_by != _UNIX | needs or internal:
        raise ZipRefusedError(name, "it was not written by the program that writes packages")
    extra = _Zip64Extra(name, directory[start + name_len : start + name_len + extra_len])
    size, packed, offset = (extra.resolve(value) for value in (size, packed, offset))
    extra.finish()
    return _Entry(name, needs, extra_len > 0, flags, method, (time, date), crc, packed, size, offset), after


def _decode_name(raw: bytes) -> str:
    name = raw.decode("ascii", errors="backslashreplace")
    check_member_name(name)
    return name


def _check_kind(name: str, flags: int, method: int, mode: int) -> None:
    """Only plain, stored, unencrypted files whose sizes stand in their headers."""
    if flags & 1:
        raise ZipRefusedError(name, "it is encrypted")
    if method:
        raise ZipRefusedError(name, "it is compressed; the members of a package are stored")
    if flags & ~_UTF8_NAMES:
        raise ZipRefusedError(name, f"it has flags that a package does not use ({flags:#06x})")
    if mode != MEMBER_MODE << 16:
        raise ZipRefusedError(name, "it is a link, a folder or a device, or not a plain file of mode 0644")


def _needed(*, has_zip64: bool) -> int:
    return _ZIP64_VERSION if has_zip64 else _PLAIN_VERSION


class _Zip64Extra:
    """The one extra field a package uses; any other could rename a member for some readers (APPNOTE 4.6.9)."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._values = b""
        if data:
            if len(data) < 4 or data[:2] != b"\x01\x00" or int.from_bytes(data[2:4], "little") != len(data) - 4:
                raise ZipRefusedError(name, "it has an extra field that a package does not use")
            self._values = data[4:]

    def resolve(self, value: int) -> int:
        """Return the 64-bit value where the 32-bit field says that it stands here."""
        if value != _ABSENT32:
            return value
        if len(self._values) < 8:
            raise ZipRefusedError(self._name, "its ZIP64 field is cut off")
        found, self._values = int.from_bytes(self._values[:8], "little"), self._values[8:]
        return found

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        if self._values:
            raise ZipRefusedError(self._name, "its ZIP64 field holds more than is used")


def _check_local_header(file: BinaryIO, entry: _Entry) -> int:
    """Compare the header before the member with the directory; return where the member's bytes begin."""
    file.seek(entry.header_offset)
    fields = _LOCAL.unpack(_read_exactly(file, _LOCAL.size))
    magic, needs, flags, method, time, date, crc, packed, size, name_len, extra_len = fields
    if magic != b"PK\x03\x04":
        raise ZipRefusedError(entry.name, "no member stands where the directory says")
    # Each says 4.5 exactly where it has a ZIP64 field; the directory also where only the header has one.
    here_zip64 = extra_len > 0
    expected = _needed(has_zip64=here_zip64), _needed(has_zip64=here_zip64 or entry.has_zip64)
    if (needs, entry.needs) != expected:
        raise ZipRefusedError(entry.name, "the version needed to read it does not follow from its fields")
    raw = _read_exactly(file, name_len + extra_len)
    extra = _Zip64Extra(entry.name, raw[name_len:])
    size, packed = extra.resolve(size), extra.resolve(packed)
    extra.finish()
    here = (raw[:name_len], flags, method, (time, date), crc, packed, size)
    there = (entry.name.encode(), entry.flags, entry.method, entry.stamp, entry.crc32, entry.packed_size, entry.size)
    if here != there or packed != size:
        raise ZipRefusedError(entry.name, "its own header differs from the archive's directory")
    data_offset: int = entry.header_offset + _LOCAL.size + name_len + extra_len
    return data_offset

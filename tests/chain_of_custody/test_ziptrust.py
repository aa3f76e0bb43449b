"""The directory of a hostile archive."""

import io
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.ziptrust import MEMBER_MODE, ZipLimits, ZipRefusedError, iter_member, read_members

FILES = {"bag/a.txt": b"first", "bag/b/c.bin": b"", "bag/d": bytes(range(256))}


def make_zip(files=FILES, *, compression=zipfile.ZIP_STORED, comment=b"", mode=0o100644, extra=b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            info.external_attr = mode << 16
            info.extra = extra
            archive.writestr(info, data)
        archive.comment = comment
    return out.getvalue()


def read_all(data: bytes, **limits) -> dict[str, bytes]:
    file = io.BytesIO(data)
    return {member.name: b"".join(iter_member(file, member)) for member in read_members(file, ZipLimits(**limits))}


def assert_refused(data: bytes, words: str) -> None:
    with pytest.raises(ZipRefusedError, match=words):
        read_all(data)


def test_plain_archive_is_read_whole():
    assert read_all(make_zip()) == FILES


def test_zip64_archive_is_read_whole():
    out = io.BytesIO()
    info = zipfile.ZipInfo("bag/x")
    info.external_attr = MEMBER_MODE << 16
    with zipfile.ZipFile(out, "w") as archive, archive.open(info, "w", force_zip64=True) as member:
        member.write(b"large")
    assert read_all(out.getvalue()) == {"bag/x": b"large"}


@pytest.mark.parametrize("limit", [0, 40, 60, 243, 256, 300])
def test_archive_that_is_large_in_part_only_is_read_whole(monkeypatch, limit):
    # Sizes and places beyond 2 GiB have ZIP64 fields, in the header, in the directory or in both.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    assert read_all(make_zip()) == FILES


def test_more_members_than_16_bits_count_are_read(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    assert read_all(make_zip()) == FILES


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_name_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for data in (b"1", b"2"):
            info = zipfile.ZipInfo("bag/a")
            info.external_attr = MEMBER_MODE << 16
            archive.writestr(info, data)
    assert_refused(out.getvalue(), "twice")


def test_name_differing_only_in_case_is_refused():
    assert_refused(make_zip({"bag/a": b"", "bag/A": b""}), "twice")


@pytest.mark.parametrize(
    "name",
    [
        "../up",
        "bag/../../up",
        "/etc/passwd",
        "bag//a",
        "bag/./a",
        "bag/",
        "bag\\a",
        "bag/C:a",
        "bag/录像",
        "bag/a b",
        "bag/nul.txt",
        "bag/a.",
        "bag/" + "a" * 200,
    ],
)
def test_name_that_may_lead_elsewhere_is_refused(name):
    with pytest.raises(ZipRefusedError):
        read_all(make_zip({name: b""}))


def test_symbolic_link_is_refused():
    assert_refused(make_zip(mode=0o120777), "link")


def test_folder_is_refused():
    assert_refused(make_zip(mode=0o040755), "folder")


def test_compressed_member_is_refused():
    assert_refused(make_zip({"bag/a": bytes(10_000)}, compression=zipfile.ZIP_DEFLATED), "compressed")


def test_encrypted_member_is_refused():
    data = bytearray(make_zip({"bag/a": b"x"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert_refused(bytes(data), "encrypted")


def test_extra_field_that_renames_is_refused():
    unicode_path = b"\x01" + bytes(4) + b"bag/other"
    assert_refused(make_zip(extra=struct.pack("<HH", 0x7075, len(unicode_path)) + unicode_path), "extra field")


def test_local_name_differing_from_directory_is_refused():
    data = make_zip({"bag/a": b"x"})
    assert_refused(data.replace(b"bag/a", b"bag/b", 1), "differs")


def test_local_size_differing_from_directory_is_refused():
    data = bytearray(make_zip({"bag/a": b"xyz"}))
    data[22] = 2
    assert_refused(bytes(data), "differs")


def test_flipped_content_is_refused_by_its_crc():
    assert_refused(make_zip().replace(b"first", b"fIrst"), "CRC-32")


def test_prepended_bytes_are_refused():
    assert_refused(b"MZ" + make_zip(), "before")


def test_trailing_bytes_are_refused():
    assert_refused(make_zip() + b"x", "follow")


def test_comment_is_refused():
    assert_refused(make_zip(comment=b"hello"), "follow")


def test_bytes_between_members_are_refused():
    data = make_zip({"bag/a": b"x"})
    at = data.index(b"PK\x01\x02")
    size = len(data) - 22 - at
    moved = data[:at] + b"hidden" + data[at : at + size]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, size, at + 6, 0)
    assert_refused(moved + end, "between")


def test_overlapping_members_are_refused():
    data = bytearray(make_zip({"bag/a": b"x", "bag/b": b"x"}))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    assert_refused(bytes(data), "overlap|differs")


def make_huge(size: int) -> bytes:
    """Two members, the first of which claims ``size`` bytes in header and directory alike."""
    version, mode = 45, MEMBER_MODE << 16
    first, second = b"bag/custody/checkpoint", b"bag/b"
    sizes = struct.pack("<HHQQ", 1, 16, size, size)
    header = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", version, 0, 0, 0, 0, 0, 2**32 - 1, 2**32 - 1, len(first), len(sizes)
    )
    header += first + sizes
    place = struct.pack("<HHQ", 1, 8, len(header) + size)
    directory = b""
    for name, extra, small, offset in ((first, sizes, 2**32 - 1, 0), (second, place, 0, 2**32 - 1)):
        fixed = (version, 0, 0, 0, 0, 0, small, small, len(name), len(extra), 0, 0, 0, mode, offset)
        directory += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 3 << 8 | version, *fixed) + name + extra
    return header + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(header), 0)


@pytest.mark.parametrize("size", [1, 2**40, 2**62, 2**63 - 60, 2**63 + 5, 2**64 - 200])
def test_member_that_claims_more_than_the_archive_holds_is_refused(size):
    assert_refused(make_huge(size), "reach into")


@pytest.mark.parametrize("at", [4, 6])
def test_version_byte_that_follows_from_nothing_is_refused(at):
    data = make_zip({"bag/a": b"x"})
    entry = data.index(b"PK\x01\x02")
    for place in {4: (entry + 4,), 6: (4, entry + 6)}[at]:
        changed = bytearray(data)
        changed[place] = 45
        with pytest.raises(ZipRefusedError, match=r"version|program that writes"):
            read_all(bytes(changed))


def test_too_many_members_are_refused_before_they_are_read():
    with pytest.raises(ZipRefusedError, match="members"):
        read_all(make_zip(), members=2)


def test_cut_archive_is_unreadable():
    with pytest.raises(MalformedError):
        read_all(make_zip()[:-30])


@given(st.binary(max_size=400))
def test_random_bytes_raise_only_our_errors(data):
    with suppress(MalformedError, VerificationError):
        assert read_all(data) == {}


@given(st.lists(st.tuples(st.integers(0, len(make_zip()) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_mutated_archive_is_read_equal_or_refused(changes):
    data = bytearray(make_zip())
    for at, value in changes:
        data[at] = value
    try:
        found = read_all(bytes(data))
    except (MalformedError, VerificationError):
        return
    # Times may differ; names and bytes may not, unless both places agree.
    assert set(found.values()) <= {*FILES.values()}

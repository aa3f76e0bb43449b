"""What originals are served as: harmless whatever they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.access.media_types import ENDINGS, UNKNOWN, make_file_name, sniff_type

ID = "0" * 26


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypisom" + bytes(20), "video/mp4"),
        (b"\0\0\0\x18ftypqt  " + bytes(20), "video/quicktime"),
        (b"\0\0\0\x18ftyp3gp4" + bytes(20), "video/3gpp"),
        (b"\x1aE\xdf\xa3" + bytes(8) + b"\x42\x82\x84webm", "video/webm"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        ((b"G" + bytes(187)) * 3, "video/mp2t"),
        (b"\xff\xd8\xff\xe1Exif", "image/jpeg"),
        (b"<html><script>alert(1)</script>", UNKNOWN),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'>", UNKNOWN),
        (b"%PDF-1.7", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_a_type_is_judged_by_the_first_bytes(head: bytes, kind: str) -> None:
    assert sniff_type(head) == kind


@given(st.binary(max_size=700))
def test_no_content_becomes_a_page_or_a_script(head: bytes) -> None:
    assert sniff_type(head) in {*ENDINGS, UNKNOWN}


@given(st.text(max_size=300), st.sampled_from([*ENDINGS, UNKNOWN]))
def test_no_name_reaches_a_header_or_a_folder(path: str, kind: str) -> None:
    name = make_file_name(ID, path, kind)
    assert re.fullmatch(r"[0-9A-Z]{26}_[A-Za-z0-9_-]{0,80}\.[a-z0-9]{2,4}", name)
    assert not name.endswith((".html", ".htm", ".svg", ".js", ".exe"))


def test_a_log_keeps_its_ending() -> None:
    assert make_file_name(ID, "LOG/20261123.log", UNKNOWN) == f"{ID}_20261123.log"

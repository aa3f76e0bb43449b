"""Files are known by their first bytes, and text is never a medium."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.media.magic import FAMILIES, named_family, sniff

HEADS = {
    "mp4": b"\x00\x00\x00\x20ftypisom",
    "matroska": b"\x1a\x45\xdf\xa3\x01",
    "avi": b"RIFF\x00\x00\x00\x00AVI LIST",
    "wav": b"RIFF\x00\x00\x00\x00WAVEfmt ",
    "mpegts": (b"\x47" + bytes(187)) * 3,
    "jpeg": b"\xff\xd8\xff\xe1",
    "png": b"\x89PNG\r\n\x1a\n",
    "mp3": b"ID3\x04",
    "amr": b"#!AMR\n",
    "aac": b"\xff\xf1\x50\x80",
}


@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_family_is_known_by_its_first_bytes(name: str) -> None:
    family = sniff(HEADS[name])
    assert family is not None
    assert family.name == name


@pytest.mark.parametrize(
    "text",
    [b"ffconcat version 1.0\nfile 'other.mp4'\n", b"#EXTM3U\n#EXTINF:2,\nhttp://host/x.ts\n", b"v=0\no=- 0 0 IN IP4\n",
     b"<?xml version='1.0'?><MPD>", b"[playlist]\n", b"", b"\x00" * 4096, b"#!/bin/sh\n"],
)  # fmt: skip
def test_what_names_other_files_or_hosts_is_no_medium(text: bytes) -> None:
    assert sniff(text) is None


def test_no_family_reads_text_or_devices() -> None:
    demuxers = {name for family in FAMILIES.values() for name in family.demuxer.split(",")}
    assert not demuxers & {
        "concat",
        "hls",
        "sdp",
        "dash",
        "rtsp",
        "image2",
        "lavfi",
        "webvtt",
        "tee",
        "v4l2",
        "x11grab",
    }


@given(st.binary(max_size=600))
def test_any_bytes_are_sniffed(head: bytes) -> None:
    family = sniff(head)
    assert family is None or family.name in FAMILIES


@given(st.text(max_size=40))
def test_any_name_may_claim_a_family(path: str) -> None:
    family = named_family(path)
    assert family is None or "." in path


def test_a_name_claims_by_its_extension_alone() -> None:
    assert named_family("DCIM/A.MP4") is FAMILIES["mp4"]
    assert named_family("mp4") is None

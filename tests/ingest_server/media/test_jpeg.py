"""A JPEG is believed by its markers, and never decoded to find out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.media.jpeg import read_jpeg_size

REAL = cv2.imencode(".jpg", np.zeros((30, 40, 3), np.uint8))[1].tobytes()


def test_a_real_one_has_its_size() -> None:
    assert read_jpeg_size(REAL) == (40, 30)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff\xd9", REAL[:-2], REAL[2:], b"GIF89a" + REAL, b"<html>" + REAL, REAL + b"<script>"]
)
def test_what_is_more_or_less_than_one_is_none(data: bytes) -> None:
    assert read_jpeg_size(data) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    read_jpeg_size(b"\xff\xd8" + data + b"\xff\xd9")


@given(st.integers(2, len(REAL) - 3), st.integers(0, 255))
def test_any_damage_is_read(place: int, value: int) -> None:
    read_jpeg_size(REAL[:place] + bytes([value]) + REAL[place + 1 :])

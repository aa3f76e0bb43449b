"""Facts, claims and pictures of real files, made by the real sandbox."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest_server.media.sandbox import Outcome
from tests.support.films import draw_black, draw_street, write_film
from tests.support.sandboxes import list_codes, look_at

CLIPS = Path(os.environ.get("EVIDOCK_TEST_CLIPS", "/nonexistent"))
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="EVIDOCK_TEST_CLIPS names no folder of real clips")


def picture_of(outcome: Outcome, kind: str) -> np.ndarray:
    data = next(piece.data for piece in outcome.pieces if piece.kind == kind)
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


def test_a_film_has_facts_claims_and_two_pictures(tmp_path: Path) -> None:
    outcome = look_at(write_film(tmp_path / "a.mp4", 3))
    facts = outcome.report["facts"]
    assert (facts["verdict"], facts["container"], facts["video_codec"]) == ("video", "mp4", "h264")
    assert (facts["width"], facts["height"], facts["frame_rate"]) == (320, 180, "10/1")
    assert (facts["audio_codec"], facts["sample_rate"], facts["duration_ms"]) == ("aac", 8000, 3000)
    assert {"name": "container_created", "value": "2026-03-11T08:30:00.000000Z", "source": "container"} in (
        outcome.report["claims"]
    )
    assert [(piece.kind, piece.width) for piece in outcome.pieces] == [("poster", 320), ("thumbnail", 240)]
    assert list_codes(outcome) == []


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_turned_recording_is_shown_upright(tmp_path: Path, rotation: int) -> None:
    def draw(_seconds: float) -> np.ndarray:
        picture = np.full((180, 320, 3), 40, np.uint8)
        picture[:60, :] = (255, 255, 255)
        return picture

    poster = picture_of(look_at(write_film(tmp_path / "a.mp4", 2, draw, rotation=rotation)), "poster")
    # The white band lies at the top of what was encoded; turned counter-clockwise by 90 it lies at the left.
    bands = {90: poster[:, :40], 180: poster[-40:, :], -90: poster[:, -40:]}
    assert bands[rotation].mean() > 230
    assert poster.shape[:2] == ((180, 320) if rotation == 180 else (320, 180))


def test_a_poster_is_not_the_black_beginning(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", 10, lambda at: draw_black(at) if at < 4 else draw_street(at))
    assert picture_of(look_at(film), "poster").mean() > 40


def test_a_thumbnail_of_noise_stays_small(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    film = write_film(tmp_path / "a.mp4", 1, lambda _: generator.integers(0, 255, (180, 320, 3), np.uint8))
    thumbnail = next(piece for piece in look_at(film).pieces if piece.kind == "thumbnail")
    assert len(thumbnail.data) <= 12_000


@pytest.mark.parametrize("container", ["matroska", "avi", "mpegts"])
def test_other_containers_are_read_too(tmp_path: Path, container: str) -> None:
    extension = {"matroska": "mkv", "avi": "avi", "mpegts": "ts"}[container]
    outcome = look_at(write_film(tmp_path / f"a.{extension}", 2, container=container))
    assert (outcome.report["facts"]["verdict"], outcome.report["facts"]["container"]) == ("video", container)
    assert len(outcome.pieces) == 2


def test_sound_alone_has_facts_and_no_picture(tmp_path: Path) -> None:
    outcome = look_at(write_film(tmp_path / "a.m4a", 2, None))
    assert (outcome.report["facts"]["verdict"], outcome.pieces) == ("audio", ())


def test_a_photograph_has_pictures(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    cv2.imwrite(str(photo), np.tile(draw_street(0), (8, 8, 1)))
    outcome = look_at(photo)
    assert outcome.report["facts"] == {"verdict": "picture", "container": "jpeg", "width": 2560, "height": 1440}
    assert [(piece.kind, piece.width, piece.at_ms) for piece in outcome.pieces] == [
        ("poster", 960, None),
        ("thumbnail", 240, None),
    ]


@pytest.mark.parametrize(
    ("name", "content", "verdict", "codes"),
    [
        ("notes.txt", b"what was said", "not_media", []),
        ("empty.log", b"", "not_media", []),
        ("empty.mp4", b"", "unreadable", ["media_empty"]),
        ("a.mp4", b"ffconcat version 1.0\nfile 'b.mp4'\n", "unreadable", ["name_differs"]),
        ("a.mp4", b"#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/x.ts\n", "unreadable", ["name_differs"]),
        ("a.mp4", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "unreadable", ["name_differs"]),
        ("a.mp4", bytes(50_000), "unreadable", ["name_differs"]),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(100), "unreadable", ["media_unreadable"]),
        ("a.avi", b"RIFF\x00\x00\x00\x00AVI " + bytes(100), "unreadable", ["media_unreadable"]),
    ],
)  # fmt: skip
def test_what_is_no_medium_is_said_and_opens_nothing(
    tmp_path: Path, name: str, content: bytes, verdict: str, codes: list[str]
) -> None:
    (tmp_path / "x").write_bytes(content)
    outcome = look_at(tmp_path / "x", name=name)
    assert (outcome.report["facts"]["verdict"], list_codes(outcome), outcome.pieces) == (verdict, codes, ())


def test_a_name_that_says_another_medium_is_a_finding(tmp_path: Path) -> None:
    outcome = look_at(write_film(tmp_path / "a.mp4", 1), name="DCIM/0001.AVI")
    assert list_codes(outcome) == ["name_differs"]
    assert outcome.report["facts"]["verdict"] == "video"


def test_a_recorder_whose_battery_died_left_no_index(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", 5)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    outcome = look_at(film)
    assert list_codes(outcome) == ["media_cut_off", "media_unreadable"]


def test_a_picture_with_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    photo = tmp_path / "bomb.png"
    cv2.imwrite(str(photo), np.zeros((9000, 9000), np.uint8))
    assert photo.stat().st_size < 200_000
    outcome = look_at(photo)
    assert (outcome.ending, outcome.report["facts"]["verdict"]) == ("done", "unreadable")


def test_a_film_that_claims_a_giant_picture_is_not_decoded(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", 1)
    data = film.read_bytes()
    # Width and height of the sample entry and of the track header; the bitstream's own stay as they are.
    for kind, offset in ((b"avc1", 28), (b"tkhd", 80)):
        at = data.index(kind) + offset
        size = b"\xff\xff\xff\xff" if kind == b"avc1" else b"\x7f\xff\x00\x00" * 2
        data = data[:at] + size + data[at + len(size) :]
    film.write_bytes(data)
    assert look_at(film).ending == "done"


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_film_ends_with_a_verdict(tmp_path: Path, seed: int) -> None:
    film = write_film(tmp_path / "a.mp4", 2)
    data, generator = bytearray(film.read_bytes()), np.random.default_rng(seed)
    for place in generator.integers(0, len(data), 30 if seed % 2 else 400):
        data[place] = int(generator.integers(0, 256))
    if seed % 3 == 0:
        del data[int(generator.integers(len(data) // 3, len(data))) :]
    film.write_bytes(bytes(data))
    for task in ("pictures", "examination"):
        assert look_at(film, task).ending in {"done", "crashed"}


@needs_clips
@pytest.mark.parametrize(
    ("name", "size", "codec"),
    [
        ("handheld-1080p.mp4", (960, 540), "h264"),
        ("vehicle-hevc-vfr.mp4", (718, 960), "hevc"),
        ("walking-gps-480p.mp4", (848, 480), "h264"),
    ],
)
def test_real_clips_have_pictures_and_no_signs(name: str, size: tuple[int, int], codec: str) -> None:
    outcome = look_at(CLIPS / name)
    assert (outcome.report["facts"]["verdict"], outcome.report["facts"]["video_codec"]) == ("video", codec)
    assert [(piece.width, piece.height) for piece in outcome.pieces if piece.kind == "poster"] == [size]
    assert list_codes(outcome) == []
    assert list_codes(look_at(CLIPS / name, "examination")) == []

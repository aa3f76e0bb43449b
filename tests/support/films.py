"""Films made for tests: real containers with a picture and a sound that a test decides."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT, RATE, SAMPLES = 320, 180, 10, 8000


def draw_street(seconds: float) -> NDArray[np.uint8]:
    """A picture with edges that sways as a worn recorder does."""
    generator = np.random.default_rng(7)
    wide = generator.integers(0, 255, (HEIGHT // 10 + 8, WIDTH // 10 + 8, 3), np.uint8)
    picture = cv2.resize(wide, None, fx=10, fy=10, interpolation=cv2.INTER_LINEAR)
    x, y = int(36 + 30 * np.sin(seconds * 5)), int(36 + 30 * np.cos(seconds * 4))
    return np.ascontiguousarray(picture[y : y + HEIGHT, x : x + WIDTH]).astype(np.uint8)


def draw_black(seconds: float) -> NDArray[np.uint8]:
    """Black, with the clock that the recorder burns in at the bottom."""
    picture = np.full((HEIGHT, WIDTH, 3), 8, np.uint8)
    cv2.putText(picture, f"{seconds:06.2f} 014207", (6, HEIGHT - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
    return picture


def draw_hand(seconds: float) -> NDArray[np.uint8]:
    """A hand on the lens: reddish and without an edge, a little lighter and darker."""
    return np.full((HEIGHT, WIDTH, 3), (40, 50, 110 + int(6 * np.sin(seconds))), np.uint8)


def draw_frozen(_seconds: float) -> NDArray[np.uint8]:
    """The same street picture for ever."""
    return draw_street(0.0)


def make_tone(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """A tone."""
    return np.asarray(0.2 * np.sin(2 * np.pi * 300 * times))


def make_silence(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Digital silence."""
    return np.zeros_like(times)


def write_film(
    path: Path,
    seconds: float,
    draw: Callable[[float], NDArray[np.uint8]] | None = draw_street,
    sound: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = make_tone,
    *,
    rotation: int = 0,
    keyframes: int = 10,
    container: str = "mp4",
) -> Path:
    """Write a film; ``draw`` and ``sound`` are None for a film without that track."""
    with av.open(str(path), "w", format=container) as file:
        file.metadata["creation_time"] = "2026-03-11T08:30:00Z"
        video = audio = None
        if draw is not None:
            video = file.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": str(keyframes)})
            video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            if rotation:
                video.set_display_rotation(rotation)
        if sound is not None:
            audio = file.add_stream("aac", rate=SAMPLES, layout="mono")
        step = SAMPLES // RATE
        for number in range(round(seconds * RATE)):
            if draw is not None and video is not None:
                frame = av.VideoFrame.from_ndarray(draw(number / RATE), format="bgr24")
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                file.mux(video.encode(frame))
            if sound is not None and audio is not None:
                wave = sound((number * step + np.arange(step)) / SAMPLES).astype(np.float32).reshape(1, -1)
                piece = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = SAMPLES, number * step, Fraction(1, SAMPLES)
                file.mux(audio.encode(piece))
        for stream in (video, audio):
            if stream is not None:
                file.mux(stream.encode(None))
    return path

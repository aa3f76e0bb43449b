"""Footage made on the spot: a moving picture with a burnt-in clock, and sound.

The clips are real H.264/AAC files of the shape small recorders write (``media.md`` measured ones like them), so the
whole path handles real containers; nothing in them was recorded by a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT, FRAMES_PER_SECOND = 960, 540, 25
SAMPLES_PER_SECOND = 48_000
SAMPLES_PER_FRAME = SAMPLES_PER_SECOND // FRAMES_PER_SECOND


@dataclass(frozen=True, slots=True)
class Clip:
    """What one clip shows.

    Attributes:
        serial: The recorder's serial as burnt into the picture.
        officer: The officer number as burnt into the picture.
        started: The recorder's own clock at the first frame, without a zone, as recorders have it.
        duration_s: Length in seconds.
        seed: Makes the picture of one clip differ from the next.
    """

    serial: str
    officer: str
    started: datetime
    duration_s: int
    seed: int


def write_clip(path: Path, clip: Clip, on_frame: Callable[[], None] | None = None) -> None:
    """Encode one clip to an MP4 file at ``path``.

    Args:
        path: Where the file is written; not durable, it is only the demonstration's recorder.
        clip: What it shows.
        on_frame: Called after each frame, for a progress bar.
    """
    generator = np.random.default_rng(clip.seed)
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "veryfast", "crf": "24"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        # PyAV defaults to sliced threads; frame threads are faster and smaller (measured in media.md, finding 7).
        video.codec_context.thread_type = "FRAME"
        audio = container.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono")
        for number in range(clip.duration_s * FRAMES_PER_SECOND):
            picture = av.VideoFrame.from_ndarray(_draw_frame(clip, number, generator), format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(video.encode(picture))
            container.mux(audio.encode(_make_sound(clip, number)))
            if on_frame:
                on_frame()
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _draw_frame(clip: Clip, number: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a street that sways as a walking person's chest does, with figures crossing it."""
    seconds = number / FRAMES_PER_SECOND
    sway = int(14 * np.sin(seconds * 5.0)), int(7 * np.sin(seconds * 10.0))
    frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    horizon = HEIGHT // 2 + sway[1]
    frame[:horizon] = (186, 164, 142)
    frame[horizon:] = (82, 88, 92)
    for house in range(8):
        left = house * 150 - 120 + sway[0] + (clip.seed * 37) % 90
        top = horizon - 90 - (house * 53 + clip.seed * 29) % 110
        cv2.rectangle(frame, (left, top), (left + 128, horizon), (96 + house * 9, 104, 128 - house * 6), -1)
    for person in range(3):
        x = int((seconds * (70 + 40 * person) + person * 330 + clip.seed * 61) % (WIDTH + 120)) - 60 + sway[0]
        y = horizon + 30 + person * 45
        cv2.ellipse(frame, (x, y), (22, 70), 0, 0, 360, (40 + 70 * person, 60, 150 - 40 * person), -1)
        cv2.circle(frame, (x, y - 88), 18, (150, 176, 214), -1)
    noise = generator.integers(0, 14, (HEIGHT // 2, WIDTH // 2, 1), np.uint8)
    grain = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    frame = cv2.add(frame, cv2.merge([grain, grain, grain])).astype(np.uint8)
    _burn_clock(frame, clip, clip.started + timedelta(seconds=seconds), number)
    return frame


def _burn_clock(frame: NDArray[np.uint8], clip: Clip, now: datetime, number: int) -> None:
    """Write the recorder's clock and numbers into the picture, as the recorders' firmware does."""
    text = f"{now:%Y-%m-%d %H:%M:%S}  {clip.serial}  {clip.officer}  #{number:06d}"
    for colour, thickness in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.putText(frame, text, (20, HEIGHT - 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, colour, thickness, cv2.LINE_AA)


def _make_sound(clip: Clip, number: int) -> av.AudioFrame:
    """Give one frame's length of a slowly wavering tone."""
    first = number * SAMPLES_PER_FRAME
    times = (first + np.arange(SAMPLES_PER_FRAME)) / SAMPLES_PER_SECOND
    tone = 0.15 * np.sin(2 * np.pi * (220 + 20 * clip.seed) * times) * (0.6 + 0.4 * np.sin(2 * np.pi * 1.5 * times))
    sound = av.AudioFrame.from_ndarray(tone.astype(np.float32).reshape(1, -1), format="fltp", layout="mono")
    sound.sample_rate, sound.pts, sound.time_base = SAMPLES_PER_SECOND, first, Fraction(1, SAMPLES_PER_SECOND)
    return sound

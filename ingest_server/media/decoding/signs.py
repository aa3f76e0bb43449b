"""Signs of quality on values: pictures and levels of sound in, stretches of time out. Nothing here reads a file."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from ingest_server.media.decoding.tools import Picture
from ingest_server.media.thresholds import Thresholds

LUMA_WIDTH = 160
_EDGE_SHARE = 0.15
_KEPT = 8


@dataclass(slots=True)
class Shown:
    """Pictures kept of a stretch: its first, its last, and some between, however long it is."""

    between: list[tuple[int, bytes]] = field(default_factory=list)
    last: tuple[int, bytes] | None = None
    stride: int = 1
    seen: int = 0

    def add(self, at_ms: int, picture: bytes) -> None:
        """Keep a picture, thinning out those between."""
        if self.seen % self.stride == 0:
            self.between.append((at_ms, picture))
            if len(self.between) > _KEPT:
                self.between = self.between[::2]
                self.stride *= 2
        self.seen += 1
        self.last = (at_ms, picture)

    def choose(self) -> list[tuple[int, bytes]]:
        """First, middle and last; fewer where there are fewer."""
        if self.last is None:
            return []
        first, last = self.between[0], self.last
        middle = min(self.between, key=lambda item: abs(2 * item[0] - first[0] - last[0]))
        return sorted({first, middle, last})


@dataclass(slots=True)
class Stretch:
    """A stretch of the recording in which a sign holds."""

    from_ms: int
    to_ms: int
    shown: Shown = field(default_factory=Shown)


class Watcher:
    """Gathers the stretches in which a condition holds for long enough."""

    def __init__(self, least_ms: int) -> None:
        """Stretches shorter than ``least_ms`` are let go."""
        self._least_ms = least_ms
        self._open: Stretch | None = None
        self.found: list[Stretch] = []

    def note(self, from_ms: int, to_ms: int, *, holds: bool, picture: bytes | None = None) -> None:
        """Say whether the condition holds for a piece of time, and what was to be seen at its end."""
        if not holds:
            self.close()
            return
        if self._open is None:
            self._open = Stretch(from_ms, to_ms)
        self._open.to_ms = max(to_ms, self._open.to_ms)
        if picture is not None:
            self._open.shown.add(to_ms, picture)

    def close(self) -> None:
        """The condition ends here."""
        if self._open is not None and self._open.to_ms - self._open.from_ms >= self._least_ms:
            self.found.append(self._open)
        self._open = None


class PictureSigns:
    """Black, covered and frozen pictures, from small luma pictures in order of time."""

    def __init__(self, thresholds: Thresholds) -> None:
        """Judge by these thresholds."""
        self._thresholds = thresholds
        self._before: tuple[int, Picture] | None = None
        self.black = Watcher(thresholds.least_s * 1000)
        self.covered = Watcher(thresholds.least_s * 1000)
        self.frozen = Watcher(thresholds.frozen_s * 1000)

    def add(self, at_ms: int, luma: Picture, small: bytes) -> None:
        """Look at one picture; ``small`` is what people are shown of it."""
        middle = crop_middle(luma)
        is_flat, mean = self._look(middle)
        is_black = is_flat and mean <= self._thresholds.black_mean
        self.black.note(at_ms, at_ms, holds=is_black, picture=small)
        self.covered.note(at_ms, at_ms, holds=is_flat and not is_black, picture=small)
        since_ms, before = self._before or (at_ms, None)
        # A black or covered picture stands still as well, and is told of once.
        is_still = before is not None and not is_flat and self._compare(before, middle)
        self.frozen.note(since_ms, at_ms, holds=is_still, picture=small)
        self._before = (at_ms, middle)

    def close(self) -> None:
        """The recording ends."""
        for watcher in (self.black, self.covered, self.frozen):
            watcher.close()

    def _look(self, middle: Picture) -> tuple[bool, float]:
        edges = float(cv2.Laplacian(middle, cv2.CV_64F).var())
        is_flat = float(middle.std()) <= self._thresholds.flat_spread and edges <= self._thresholds.flat_edges
        return is_flat, float(middle.mean())

    def _compare(self, before: Picture, middle: Picture) -> bool:
        if before.shape != middle.shape:
            return False
        difference = float(np.abs(before.astype(np.int16) - middle.astype(np.int16)).mean())
        return difference * 100 <= self._thresholds.frozen_difference


class SoundSigns:
    """Silence, from pieces of mono sound between -1 and 1 in order of time."""

    def __init__(self, thresholds: Thresholds) -> None:
        """Judge by these thresholds."""
        self._limit = thresholds.silent_rms / 1_000_000
        self.silent = Watcher(thresholds.silent_s * 1000)

    def add(self, from_ms: int, to_ms: int, sound: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        """Listen to one piece."""
        rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if sound.size else 0.0
        self.silent.note(from_ms, to_ms, holds=rms <= self._limit)

    def close(self) -> None:
        """The recording ends."""
        self.silent.close()


def crop_middle(luma: Picture) -> Picture:
    """The middle rows of a picture: recorders burn their clock into the rows at its edges."""
    edge = round(luma.shape[0] * _EDGE_SHARE)
    return luma[edge : luma.shape[0] - edge] if luma.shape[0] > 2 * edge else luma

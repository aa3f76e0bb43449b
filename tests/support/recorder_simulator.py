"""Simulated recorders for tests: the product's own simulator, with small files and a fixed end of the shift."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from agent.recorders.simulator import Shift, SimulatedRecorder, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENDED = datetime(2026, 11, 23, 18, 0)  # noqa: DTZ001 - a recorder's clock has no zone


def make_rack(
    folder: Path,
    faults: Sequence[str | None],
    *,
    families: Sequence[str] = ("zfy", "android-bwc", "kinds"),
    recordings: int = 4,
    file_size: int = 4096,
    ended: datetime = ENDED,
    seed: int = 1,
) -> list[SimulatedRecorder]:
    """One simulated recorder for each entry of ``faults``, below ``folder``."""
    return simulate(folder, Shift(ended, recordings, file_size, seed=seed), families, faults)

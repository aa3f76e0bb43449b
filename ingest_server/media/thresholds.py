"""From when on a sign of quality is a finding. Whole numbers; each finding's event names those it was found with.

An agency's own values are policy (``quality.…``); those here are the ones the checks were measured with.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The values of the checks, on the middle of the picture at 160 pixels width, luma 0 to 255.

    Burnt-in clocks stand at the top or bottom edge, which is why only the middle is looked at. The figures for luma and
    edges follow Lee, Lee and Lim (Sensors 2015, 15(5):10315: a covered lens shows by its edges, not by its darkness)
    and were measured on real clips: a sharp picture has a Laplacian variance of 11 to 1183, a covered one 0.5, a merely
    dark one 8.6; between two pictures of a worn recorder half a second apart the mean difference was never below 6.

    Attributes:
        least_s: Shortest stretch in seconds that is a finding.
        black_mean: Mean luma up to which a picture without contrast is black.
        flat_spread: Standard deviation of luma up to which a picture has no contrast.
        flat_edges: Laplacian variance up to which a picture has no edges.
        frozen_difference: Mean absolute difference to the picture before, in hundredths of a luma step, up to which
            nothing moved.
        frozen_s: Shortest stretch of that; a recorder on a table stands still for as long.
        silent_rms: Root mean square of the sound in millionths of full scale up to which it is silent (-60 dB).
        silent_s: Shortest stretch of that; many recorders keep the half minute before recording began without sound.
    """

    least_s: int = 5
    black_mean: int = 20
    flat_spread: int = 10
    flat_edges: int = 4
    frozen_difference: int = 40
    frozen_s: int = 10
    silent_rms: int = 1000
    silent_s: int = 40

    def to_json(self) -> dict[str, int]:
        """As events hold them."""
        return asdict(self)

"""The daemon takes what arrived, and never the empty folder that a pulled recorder leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from agent.daemon import Daemon
from agent.errors import VolumeGoneError
from agent.watching import VolumeArrived

if TYPE_CHECKING:
    from pathlib import Path

    from agent.dock import Dock


def test_a_mount_pulled_before_it_is_taken_is_gone_and_not_an_empty_recorder(tmp_path: Path) -> None:
    # It must be refused before the dock is touched at all, so there is none.
    daemon = Daemon(cast("Dock", None), [], quiet_s=1)
    with pytest.raises(VolumeGoneError, match="dock it again"):
        daemon._acquire(VolumeArrived(tmp_path, is_mount=True))

"""Running the real sandbox on files of a test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ingest_server.media.confinement import Limits
from ingest_server.media.sandbox import Outcome, run_sandboxed
from ingest_server.media.thresholds import Thresholds

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(cpu_s=60, wall_s=120)


def look_at(path: Path, task: str = "pictures", *, name: str = "", limits: Limits = LIMITS, **more: Any) -> Outcome:
    """Run a task on a file; ``name`` is what the recorder called it."""
    size = path.stat().st_size
    request = {
        "task": task,
        "size": size,
        "path": name or path.name,
        "budget_s": 60,
        "thresholds": Thresholds().to_json(),
        **more,
    }
    with path.open("rb") as file:
        return run_sandboxed(request, lambda offset, length: os.pread(file.fileno(), length, offset), limits)


def list_codes(outcome: Outcome) -> list[str]:
    """The codes of what was found."""
    assert outcome.ending == "done", outcome
    return [found["code"] for found in outcome.report["findings"]]

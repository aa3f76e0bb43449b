"""Names of the steps from completion to receipt and of background work, for runs that kill a program at each of them.

``reached`` does nothing unless EVIDOCK_STEP_LOG or EVIDOCK_KILL_AT is set, which only such runs do.
"""

import os
import signal
from collections import Counter
from pathlib import Path

STEPS = (
    "completion.asked",
    "completion.completed",
    "completion.version_kept",
    "completion.lock_checked",
    "completion.read_back",
    "completion.lock_extended",
    "completion.recorded",
    "completion.answered",
)
WORK_STEPS = ("work.fed", "work.claimed", "work.decoded", "work.stored", "work.recorded", "work.ended")
_counts: Counter[str] = Counter()


def reached(step: str) -> None:
    """Note that a step was reached; kill this process here if a run asked for it."""
    log, plan = os.environ.get("EVIDOCK_STEP_LOG"), os.environ.get("EVIDOCK_KILL_AT")
    if not log and not plan:
        return
    assert step in STEPS + WORK_STEPS, step
    _counts[step] += 1
    if log:
        with Path(log).open("a", encoding="ascii") as file:
            file.write(f"{step}\n")
    if plan:
        name, _, occurrence = plan.partition(":")
        if name == step and _counts[step] == int(occurrence or 1):
            os.kill(os.getpid(), signal.SIGKILL)

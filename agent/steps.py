"""Names of the agent's file transitions and the steps between them, for runs that kill it at each of them.

``reached`` does nothing unless EVIDOCK_STEP_LOG or EVIDOCK_KILL_AT is set, which only such runs do.
"""

import os
import signal
from collections import Counter
from pathlib import Path

STEPS = (
    "docking.inventoried",
    "file.seen",
    "file.inventoried",
    "part.sent",
    "file.acquired",
    "file.uploaded",
    "receipt.received",
    "receipt.stored",
    "file.sealed",
    "file.failed",
    "file.kept",
    "docking.closed",
    "clearing.intended",
    "file.removed",
    "file.cleared",
    "clearing.posted",
)
# These are reached only where sealed files are cleared from the recorder.
CLEARING_STEPS = STEPS[-4:]
_counts: Counter[str] = Counter()


def reached(step: str) -> None:
    """Note that a step was reached; kill this process here if a run asked for it."""
    log, plan = os.environ.get("EVIDOCK_STEP_LOG"), os.environ.get("EVIDOCK_KILL_AT")
    if not log and not plan:
        return
    assert step in STEPS, step
    _counts[step] += 1
    if log:
        with Path(log).open("a", encoding="ascii") as file:
            file.write(f"{step}\n")
    if plan:
        name, _, occurrence = plan.partition(":")
        if name == step and _counts[step] == int(occurrence or 1):
            os.kill(os.getpid(), signal.SIGKILL)

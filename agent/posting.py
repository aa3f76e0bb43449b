"""What is told to the server beside the files: inventories, reports of dockings, and clearings; each at least once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agent.client import read_answer
from agent.errors import RefusedError

if TYPE_CHECKING:
    from agent.dock import Dock
    from agent.journal import FileRow


def post_docking(dock: Dock, docking_id: str) -> None:
    """Make sure that the server has a docking's inventory.

    Raises:
        UnreachableError: No answer within the patience.
        RefusedError: The server does not take it.
    """
    if dock.journal.is_posted(docking_id):
        return
    body = {"inventory": dock.journal.read_inventory(docking_id)}
    _, answer = dock.patience.run(partial(dock.client.call, "POST", "/dock/v1/dockings", body))
    dock.journal.mark_posted(docking_id, read_answer(answer, "recorder_id", str))


def post_reports(dock: Dock) -> None:
    """Tell the server how dockings ended that it has no report of yet.

    Raises:
        UnreachableError: No answer within the patience; the rest is told by the next run.
    """
    for docking_id, report in dock.journal.list_reports():
        try:
            post_docking(dock, docking_id)
            path = f"/dock/v1/dockings/{docking_id}/close"
            dock.patience.run(partial(dock.client.call, "POST", path, {"statement": report}))
        except RefusedError as error:
            dock.reporter.say(f"the report of docking {docking_id} was refused: {error}")
        # A refused report stays refused: asking again with every docking would help nobody.
        dock.journal.mark_closed(docking_id)


def post_clearing(dock: Dock, row: FileRow) -> None:
    """Tell the server that a file is gone from its recorder.

    Raises:
        UnreachableError: No answer within the patience.
        RefusedError: The server does not take it.
    """
    statement = dock.journal.read_clearing(row)
    dock.patience.run(partial(dock.client.call, "POST", "/dock/v1/clearings", {"statement": statement}))
    dock.journal.mark_clearing_posted(row)


def post_clearings(dock: Dock) -> None:
    """Tell the server of every clearing that an earlier run could not tell.

    Raises:
        UnreachableError: No answer within the patience.
    """
    for row in dock.journal.list_clearings():
        try:
            post_clearing(dock, row)
        except RefusedError as error:
            dock.reporter.say(f"the clearing of {row.evidence_id} was refused: {error}")

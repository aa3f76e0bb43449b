"""What an earlier run left on its way: inventories not posted, uploads not completed, spooled files not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.errors import AgentError, RefusedError, SourceError, UnreachableError
from agent.journal import FileRow, FileState
from agent.sealing import needs_new_upload, seal_upload
from agent.spool import SpoolFile, sweep_spool

if TYPE_CHECKING:
    from agent.dock import Dock


def post_docking(dock: Dock, docking_id: str) -> None:
    """Make sure that the server has a docking's inventory.

    Raises:
        UnreachableError: No answer within the patience.
        RefusedError: The server does not take it.
    """
    docking = dock.journal.read_docking(docking_id)
    if docking["is_posted"]:
        return
    body = {"inventory": docking["inventory"]}
    _, answer = dock.patience.run(lambda: dock.client.call("POST", "/dock/v1/dockings", body))
    dock.journal.mark_posted(docking_id, answer["recorder_id"])


def finish_pending(dock: Dock) -> int:
    """Seal what needs no recorder: completed uploads and spooled files; returns how many were sealed.

    The first unreachable server ends it; the next run goes on.
    """
    rows = dock.journal.list_files(FileState.ACQUIRED, FileState.UPLOADED)
    sweep_spool(dock.home, {row.spool_name for row in dock.journal.list_files(*FileState) if row.spool_name})
    sealed = 0
    for row in rows:
        try:
            sealed += _finish_one(dock, row)
        except UnreachableError:
            break
        except (RefusedError, SourceError, AgentError) as error:
            dock.reporter.say(f"{row.path!r} of an earlier docking is not sealed yet: {error}")
    return sealed


def _finish_one(dock: Dock, row: FileRow) -> int:
    if row.state is FileState.UPLOADED:
        try:
            seal_upload(dock, row)
        except RefusedError as error:
            if not needs_new_upload(error):
                raise
            dock.journal.drop_upload(row)
            dock.journal.move(row, FileState.ACQUIRED if row.spool_name else FileState.INVENTORIED)
        else:
            return 1
    if row.state is FileState.ACQUIRED and row.spool_name is not None:
        return _send_spooled(dock, row, row.spool_name)
    return 0


def _send_spooled(dock: Dock, row: FileRow, name: str) -> int:
    from agent.taking import FileTaker
    from agent.uploading import Uploader

    uploader = Uploader(dock)
    try:
        taker = FileTaker(dock, uploader)
        taken = taker.take(row, lambda: SpoolFile(dock.home, name), is_known=False)
        taker.finish(taken)
    finally:
        uploader.close()
    return 1

"""What earlier runs left on its way: spooled files not sent, uploads not completed, reports not told."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from agent.errors import AgentError, BytesNeededError, StoppedError, UnreachableError
from agent.journal import FileState
from agent.names import display_path
from agent.posting import post_clearings, post_reports
from agent.recorders.reading import is_marked
from agent.spool import sweep_spool
from agent.taking import FileTaker, Taken
from chain_of_custody.errors import CustodyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.dock import Dock
    from agent.journal import FileRow

TRIES = 3
_UNSEALED = (FileState.ACQUIRED, FileState.UPLOADED)


def _claim_any(_: FileRow) -> AbstractContextManager[bool]:
    return nullcontext(enter_result=True)


def sweep_leftovers(dock: Dock) -> None:
    """Remove spooled bytes that no row of the journal names; to be called before anything is spooled."""
    sweep_spool(dock.home, dock.journal.list_spooled())


def finish_pending(dock: Dock, claim: Callable[[FileRow], AbstractContextManager[bool]] = _claim_any) -> int:
    """Seal what needs no recorder, and tell the server what it was not told; returns how many files were sealed.

    The first unreachable server ends it; the next run goes on.

    Args:
        dock: The dock at work.
        claim: Held while one file is finished; false for files that are left to whoever takes them at this moment.
    """
    sealed = 0
    try:
        # Oldest first, and before them what an officer marked.
        for listed in sorted(dock.journal.list_files(*_UNSEALED), key=lambda row: not is_marked(row.path)):
            with claim(listed) as is_ours:
                # Somebody may have taken the file since it was listed.
                row = dock.journal.read_file(listed.file_id)
                if is_ours and row.state in _UNSEALED:
                    sealed += _finish_one(dock, row)
        post_reports(dock)
        post_clearings(dock)
    except (UnreachableError, StoppedError) as error:
        dock.reporter.say(f"what is left at this dock is sent later: {error}")
    if sealed:
        dock.reporter.say(f"{sealed} files of earlier dockings are sealed now · 此前的 {sealed} 个文件已固证")
    return sealed


def _finish_one(dock: Dock, row: FileRow) -> int:
    taker = FileTaker(dock)
    for _ in range(TRIES):
        try:
            taker.finish(Taken(row))
        except BytesNeededError as error:
            if row.spool_name is None:
                dock.reporter.say(f"{display_path(row.path)}: dock its recorder again: {error}")
                return 0
        except (UnreachableError, StoppedError):
            raise
        except (AgentError, CustodyError, OSError) as error:
            dock.reporter.say(f"{display_path(row.path)} of an earlier docking is not sealed yet: {error}")
            return 0
        else:
            return 1
    return 0

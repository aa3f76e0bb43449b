"""Exporting a case file as a package that a stranger verifies.

1. list the heads of everything in it, and append ``export.prepared``, which the ledger refuses if one moved on;
2. write the package beside its target, every original compared with the ledger while it is copied;
3. append ``recording.exported`` and ``casefile.exported``: the event before the bytes are anybody's;
4. give the finished file its name, which must still be free.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from chain_of_custody.durable import link_without_overwriting
from chain_of_custody.gathering import gather_entries, gather_proofs, list_heads, list_subjects
from chain_of_custody.identities import new_id, show_id
from chain_of_custody.packaging import Original, write_package
from ingest_server.cases.queries import find_casefile, list_attachments
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError
from ingest_server.recordings.queries import get_recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from chain_of_custody.canonical import JsonValue
    from chain_of_custody.ledger import Entry
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation

TRIES = 20
_UNFINISHED = ".evidock-export-"


@dataclass(frozen=True, slots=True)
class Export:
    """A written package: its export id, file, SHA-256, size in bytes, and how many recordings it holds."""

    export_id: str
    path: Path
    sha256: str
    size: int
    recordings: int


def export_casefile(
    installation: Installation,
    actor: Actor,
    number: str,
    out: Path,
    reason: str,
    progress: Callable[[int, int], None] | None = None,
    on_prepared: Callable[[str], None] | None = None,
    require: Callable[[Sequence[str]], None] | None = None,
) -> Export:
    """Export every recording of a case file; ``out`` is durable on return and was not there before.

    Args:
        installation: Where the case file is.
        actor: Who exports.
        number: The case file's number.
        out: The package's file.
        reason: Why; part of the events.
        progress: Told the bytes of originals written and how many there are.
        on_prepared: Told the export's identity as soon as the ledger has it.
        require: Told which recordings it will hold, before anything is recorded; raises where they may not be taken.

    Raises:
        BadRequestError: ``out`` cannot be written.
        ConflictedError: ``out`` exists, or the case file kept changing.
        NotFoundError: No such case file, or nothing attached to it.
    """
    reason = check_text(reason, "the reason")
    casefile = find_casefile(installation.catalogue, number)
    if casefile is None:
        raise NotFoundError("not_found", f"no case file {number}")
    if out.exists() or out.is_symlink():
        raise ConflictedError("already_exists", f"{out} exists; a package is never overwritten")
    if not out.parent.is_dir():
        raise NotFoundError("not_found", f"there is no folder {out.parent}")
    _remove_unfinished(out.parent)
    unfinished = out.parent / f"{_UNFINISHED}{os.getpid()}-{new_id()}"
    try:
        # Opened before anything is recorded: a folder that cannot be written to is no act of custody.
        with _open_unfinished(unfinished, out) as file:
            prepared, rows = _prepare(installation, actor, casefile, reason, require)  # 1
            if on_prepared:
                on_prepared(prepared.leaf.subject)
            summary = _write(installation, file, number, prepared, rows, progress)  # 2
            file.flush()
            os.fsync(file.fileno())
        _record_exported(installation, actor, casefile, prepared, rows, summary.sha256, reason)  # 3
        try:
            link_without_overwriting(unfinished, out)  # 4
        except FileExistsError as error:
            raise ConflictedError("already_exists", f"{out} exists; a package is never overwritten") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return Export(prepared.leaf.subject, out, summary.sha256, summary.size, len(rows))


def _open_unfinished(unfinished: Path, out: Path) -> BinaryIO:
    try:
        return unfinished.open("x+b")
    except OSError as error:
        raise BadRequestError("wrong_usage", f"{out} cannot be written: {error.strerror}") from error


def _prepare(
    installation: Installation,
    actor: Actor,
    casefile: dict[str, Any],
    reason: str,
    require: Callable[[Sequence[str]], None] | None,
) -> tuple[Entry, list[dict[str, Any]]]:
    """Append ``export.prepared``; somebody else's act meanwhile only means listing again."""
    for _ in range(TRIES):
        rows = _list_rows(installation, casefile["casefile_id"])
        if not rows:
            raise NotFoundError("not_found", f"nothing is attached to case file {casefile['number']}")
        ids = [row["evidence_id"] for row in rows]
        heads = list_heads(installation.ledger, list_subjects(installation.ledger, ids, [casefile["casefile_id"]]))
        # Behind the heads: whatever changes after this moves one of them, and the ledger refuses the event.
        if require:
            require(ids)
        prepared: JsonValue = {
            "casefile": casefile["casefile_id"],
            "number": casefile["number"],
            "title": casefile["title"],
            "recordings": len(rows),
            "heads": heads,
        }
        expected = {str(h["subject"]): int(str(h["seq"])) for h in heads if isinstance(h, dict)}
        event = Event(
            "export.prepared", "export", new_id(), {"prepared": prepared, "reason": reason}, expects_heads=expected
        )
        try:
            return installation.custody.record(actor, event)[0], rows
        except ConflictedError:
            continue
    raise ConflictedError("conflict", "the case file keeps changing")


def _list_rows(installation: Installation, casefile_id: str) -> list[dict[str, Any]]:
    ids = dict.fromkeys(row["evidence_id"] for row in list_attachments(installation.catalogue, casefile_id))
    rows = [get_recording(installation.catalogue, evidence_id) for evidence_id in ids]
    return [row for row in rows if row is not None]


def _write(
    installation: Installation,
    file: Any,
    number: str,
    prepared: Entry,
    rows: Sequence[dict[str, Any]],
    progress: Callable[[int, int], None] | None,
) -> Any:
    total = sum(row["size"] for row in rows)
    written = 0

    def note(count: int) -> None:
        nonlocal written
        written += count
        if progress:
            progress(written, total)

    entries = gather_entries(installation.ledger, prepared)
    top = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{number}-{show_id(prepared.leaf.subject)[:8]}").strip("-.")
    return write_package(
        file,
        top=top,
        originals=[_make_original(installation, row) for row in rows],
        entries=entries,
        ledger_proofs=gather_proofs(installation.ledger, entries),
        prepared_index=prepared.index,
        vkey=installation.ledger.vkey,
        progress=note,
    )


def _make_original(installation: Installation, row: dict[str, Any]) -> Original:
    def read() -> Iterator[bytes]:
        return installation.store.read(row["store_key"], row["version_id"])

    return Original(row["evidence_id"], row["path"].rsplit("/", 1)[-1], row["size"], row["sha256"], read)


def _record_exported(
    installation: Installation,
    actor: Actor,
    casefile: dict[str, Any],
    prepared: Entry,
    rows: Sequence[dict[str, Any]],
    sha256: str,
    reason: str,
) -> None:
    export: dict[str, JsonValue] = {"export_id": prepared.leaf.subject, "package_sha256": sha256}
    parts: dict[str, JsonValue] = {"export": export, "reason": reason}
    events = [Event("recording.exported", "recording", row["evidence_id"], parts) for row in rows]
    events.append(Event("casefile.exported", "casefile", casefile["casefile_id"], parts))
    installation.custody.record(actor, *events)


def _remove_unfinished(folder: Path) -> None:
    """Remove what an export that was killed left behind; one that still runs is left alone."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        pid = path.name.removeprefix(_UNFINISHED).partition("-")[0]
        if pid.isdigit() and not _is_running(int(pid)):
            path.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""The custody timeline of one recording: every event in its place, with who, why, and how far it is proved."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chain_of_custody.errors import LedgerError
from chain_of_custody.note import parse_note
from ingest_server.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chain_of_custody.canonical import JsonValue
    from chain_of_custody.ledger import Entry
    from ingest_server.installation import Installation

# Signed by docks, long, and told by other parts in words; they travel in exports and receipts.
_NOT_OPENED = frozenset({"manifest", "findings"})
_TELLING = ("recording.received", "recording.presented_again", "recording.probed", "recording.examined")
MAX_FINDINGS = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a subject.

    Attributes:
        index: Where it stands in the ledger.
        seq: Its number within the subject, from 1.
        time: When.
        type: What happened.
        actor: Who, as they were called then; empty where the record was erased.
        actor_kind: ``account``, ``dock``, ``operator``, ``program``.
        reason: Why, in their words.
        parts: The rest of the record.
        state: ``proved``, ``unwitnessed`` or ``waiting``.
        is_withheld: Whether the content is erased or not for this viewer; the line keeps its place.
    """

    index: int
    seq: int
    time: str
    type: str
    actor: str
    actor_kind: str
    reason: str
    parts: Mapping[str, Any]
    state: str
    is_withheld: bool


def read_timeline(
    installation: Installation,
    evidence_id: str,
    *,
    shows_content: bool,
    before: int | None = None,
    limit: int | None = None,
) -> list[Line]:
    """The events of a recording, last first.

    Args:
        installation: Where.
        evidence_id: The recording.
        shows_content: Whether the viewer has opened the recording; notes are content.
        before: Only those whose number is below this one.
        limit: At most so many; all of them are read from the ledger itself.
    """
    if limit is None:
        found = installation.ledger.subject_entries(evidence_id)
        entries = [entry for entry in found if entry.leaf.subject_kind == "recording"][::-1]
    else:
        rows = installation.catalogue.fetch(
            "select \"index\" from events where subject = ? and subject_kind = 'recording' and seq < ?"
            " order by seq desc limit ?",
            evidence_id,
            2**53 if before is None else before,
            limit,
        )
        entries = [installation.ledger.entry(row["index"]) for row in rows]
    return _make_lines(installation, entries, shows_content=shows_content)


def read_told(installation: Installation, evidence_id: str) -> list[Line]:
    """The events by which docks and the worker told what the recording is, first to last."""
    marks = ", ".join("?" * len(_TELLING))
    rows = installation.catalogue.fetch(
        f'select "index" from events where subject = ? and type in ({marks}) order by seq desc limit 40',  # noqa: S608 - marks only
        evidence_id,
        *_TELLING,
    )
    entries = [installation.ledger.entry(row["index"]) for row in reversed(rows)]
    return _make_lines(installation, entries, shows_content=True)


def _make_lines(installation: Installation, entries: Sequence[Entry], *, shows_content: bool) -> list[Line]:
    checkpoint, note = installation.ledger.checkpoint()
    # The log's own signature is one of them; any other is an outside witness's.
    is_witnessed = len(parse_note(note)[1]) > 1
    return [
        _make_line(
            entry,
            _state_of(entry.index, checkpoint.size, is_witnessed=is_witnessed),
            shows_content=shows_content,
        )
        for entry in entries
    ]


def gather_findings(told: Sequence[Line], frames: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """What checks noticed, first to last, each with the frames that show it.

    Args:
        told: The events that may hold findings, first to last.
        frames: Rows of the frames that the viewer may see.
    """
    found = [
        {**finding, "time": line.time}
        for line in told
        for finding in line.parts.get("findings") or ()
        if isinstance(finding, dict)
    ]
    found = found[:MAX_FINDINGS]
    return [{**finding, "frames": [frame for frame in frames if _shows(frame, finding)]} for finding in found]


def _shows(frame: Mapping[str, Any], finding: Mapping[str, Any]) -> bool:
    at_ms, first, last = frame["at_ms"], finding.get("from_ms"), finding.get("to_ms")
    is_within = first is None or at_ms is None or first <= at_ms <= (at_ms if last is None else last)
    return bool(frame["finding"] == finding.get("code")) and is_within


def show_proof(
    installation: Installation, evidence_id: str, index: int, *, shows_content: bool
) -> dict[str, JsonValue]:
    """What a browser needs to check one line by itself: leaf, path, checkpoint, key, and the openings shown.

    Raises:
        NotFoundError: The ledger has no such event of this recording.
    """
    ledger = installation.ledger
    try:
        entry = ledger.entry(index)
    except LedgerError as error:
        raise NotFoundError("not_found") from error
    if entry.leaf.subject != evidence_id or entry.leaf.subject_kind != "recording":
        raise NotFoundError("not_found")
    proof = ledger.prove(index)
    opened = entry.record.parts if entry.record and not _is_withheld(entry, shows_content=shows_content) else {}
    openings: dict[str, JsonValue] = {
        label: opening.to_json() for label, opening in opened.items() if label not in _NOT_OPENED
    }
    return {
        "index": index,
        "leaf": base64.b64encode(entry.leaf.data).decode(),
        "path": [base64.b64encode(item).decode() for item in proof.path],
        "checkpoint": proof.checkpoint_note.decode(),
        "vkey": ledger.vkey,
        "openings": openings,
    }


def _state_of(index: int, size: int, *, is_witnessed: bool) -> str:
    """How far a line is proved: under no checkpoint yet, under one that only this server signed, or cosigned."""
    if index >= size:
        return "waiting"
    return "proved" if is_witnessed else "unwitnessed"


def _is_withheld(entry: Entry, *, shows_content: bool) -> bool:
    return entry.record is None or (entry.leaf.type == "recording.noted" and not shows_content)


def _make_line(entry: Entry, state: str, *, shows_content: bool) -> Line:
    parts = {label: opening.value for label, opening in entry.record.parts.items()} if entry.record else {}
    actor, is_withheld = parts.pop("actor", None), _is_withheld(entry, shows_content=shows_content)
    who = actor if isinstance(actor, dict) else {}
    reason = parts.pop("reason", "")
    return Line(
        entry.index,
        entry.leaf.seq,
        entry.leaf.time,
        entry.leaf.type,
        str(who.get("name", "")),
        str(who.get("kind", "")),
        reason if isinstance(reason, str) and not is_withheld else "",
        {} if is_withheld else parts,
        state,
        is_withheld,
    )

"""Log lines out of the house: a ticket with its event first, then bytes in bounded memory.

1. count what the filter shows up to the checkpoint of now;
2. record ``ledger.exported``: the filter, how many lines, why;
3. keep a ticket for the account; only with it is the file streamed, as often as wanted within the hour.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chain_of_custody.identities import ledger_subject, new_id, show_id
from chain_of_custody.instants import format_instant
from chain_of_custody.log_export import write_line
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, GoneError, NotFoundError
from ingest_server.ledger.event_words import show_type
from ingest_server.ledger.queries import LogFilter, count_lines, list_stretches, read_lines
from ingest_server.ledger.showing_records import list_openings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from chain_of_custody.canonical import JsonValue
    from chain_of_custody.ledger import Entry
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation
    from ingest_server.ledger.asking import Asked
    from ingest_server.web.languages import Language

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
TICKET_LIFE = timedelta(hours=1)
READY, RUNNING, DONE, CANCELLED, BROKEN = "ready", "running", "done", "cancelled", "broken"
# Manifests and inventories may be megabytes; a line stays readable without them.
LONGEST_PART = 64 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = (
    "index",
    "time_utc",
    "time_local",
    "type",
    "event",
    "outcome",
    "actor_kind",
    "actor",
    "subject_kind",
    "subject",
    "subject_name",
    "reason",
    "details",
    "act_id",
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One export: what it holds, whose it is, and how far its file went.

    Attributes:
        index: The entry that records it.
        lines: How many lines the file has.
        done: How many have left.
        state: ``ready``, ``running``, ``done``, ``cancelled`` or ``broken``.
    """

    export_id: str
    account_id: str
    index: int
    form: str
    lines: int
    done: int
    state: str
    expires_at: str
    wanted: LogFilter


class ExportStoppedError(Exception):
    """The person cancelled; the file must not look whole."""


def prepare_export(
    installation: Installation, actor: Actor, viewer: Viewer, asked: Asked, wanted: LogFilter, form: str, reason: str
) -> str:
    """Record an export of the lines of a filter and give its ticket; nothing has left yet.

    Raises:
        BadRequestError: No such format, no reason, or no line fits.
    """
    if form not in FORMATS:
        raise BadRequestError("bad_request", "an export is csv or json")
    reason = check_text(reason, "the reason")
    # What is recorded and what leaves are the same lines, whatever is appended meanwhile.
    wanted = replace(wanted, end=min(wanted.end, installation.ledger.checkpoint()[0].size))
    lines = count_lines(installation.catalogue, wanted)  # 1
    if not lines:
        raise BadRequestError("bad_request", "no line fits the filter")
    said: JsonValue = {
        "format": form,
        "lines": lines,
        "end": wanted.end,
        "filter": {name: value for name, value in asked.to_json().items() if value},
    }
    subject = ledger_subject(installation.config.origin)
    event = Event("ledger.exported", "ledger", subject, {"export": said, "reason": reason})
    entry = installation.custody.record(actor, event)[0]  # 2
    return _keep_ticket(installation, viewer, entry.index, form, lines, wanted)  # 3


def _keep_ticket(
    installation: Installation, viewer: Viewer, index: int, form: str, lines: int, wanted: LogFilter
) -> str:
    export_id, now = new_id(), installation.clock()
    private = installation.private
    with private.transaction():
        private.execute("delete from log_exports where expires_at < ?", format_instant(now))
        private.execute(
            'insert into log_exports (export_id, account_id, "index", form, lines, done, state, expires_at, wanted)'
            " values (?, ?, ?, ?, ?, 0, ?, ?, ?)",
            export_id,
            viewer.account_id,
            index,
            form,
            lines,
            READY,
            format_instant(now + TICKET_LIFE),
            json.dumps(asdict(wanted)),
        )
    return export_id


def find_ticket(installation: Installation, viewer: Viewer, export_id: str) -> Ticket:
    """A ticket of this account. Raises NotFoundError, also for somebody else's."""
    row = installation.private.fetch_one(
        "select * from log_exports where export_id = ? and account_id = ?", export_id, viewer.account_id
    )
    if row is None:
        raise NotFoundError("not_found")
    wanted: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(row["wanted"]).items()
    }
    return Ticket(
        row["export_id"],
        row["account_id"],
        row["index"],
        row["form"],
        row["lines"],
        row["done"],
        row["state"],
        row["expires_at"],
        LogFilter(**wanted),
    )


def cancel_export(installation: Installation, ticket: Ticket) -> None:
    """Stop an export that has not ended; its file breaks off, so nobody takes it for whole."""
    installation.private.execute(
        "update log_exports set state = ? where export_id = ? and state in (?, ?)",
        CANCELLED,
        ticket.export_id,
        READY,
        RUNNING,
    )


def stream_export(installation: Installation, ticket: Ticket, language: Language, zone: ZoneInfo) -> Iterator[bytes]:
    """The file's bytes, a stretch of lines at a time.

    Raises:
        GoneError: The ticket is over, or was cancelled.
    """
    if ticket.state == CANCELLED or ticket.expires_at < format_instant(installation.clock()):
        raise GoneError("not_found", "this export is over; make another")
    _note_progress(installation, ticket, 0, RUNNING, is_start=True)
    pieces = (
        _write_csv(installation, ticket, language, zone) if ticket.form == "csv" else _write_json(installation, ticket)
    )
    return _keep_account(installation, ticket, pieces)


def _keep_account(installation: Installation, ticket: Ticket, pieces: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """Pass the bytes on; note about once a second how far they went, and whether the person has cancelled."""
    noted, done = installation.clock(), 0
    state = BROKEN
    try:
        for lines, piece in pieces:
            done += lines
            if installation.clock() - noted > timedelta(seconds=1):
                noted = installation.clock()
                _note_progress(installation, ticket, done, RUNNING)
            yield piece
        state = DONE
    finally:
        _note_progress(installation, ticket, done, state)


def _note_progress(
    installation: Installation, ticket: Ticket, done: int, state: str, *, is_start: bool = False
) -> None:
    """Note how far it went. Raises ExportStoppedError where it was cancelled."""
    is_going = installation.private.execute(
        "update log_exports set done = ?, state = ? where export_id = ? and state <> ?",
        done,
        state,
        ticket.export_id,
        CANCELLED,
    )
    if not is_going and state != BROKEN:
        raise GoneError("not_found", "cancelled") if is_start else ExportStoppedError


def _write_csv(
    installation: Installation, ticket: Ticket, language: Language, zone: ZoneInfo
) -> Iterator[tuple[int, bytes]]:
    # Spreadsheets read UTF-8 only behind a byte order mark.
    yield 0, b"\xef\xbb\xbf" + _write_rows([COLUMNS])
    for indexes in list_stretches(installation.catalogue, ticket.wanted):
        lines = read_lines(installation.catalogue, indexes)
        yield len(lines), _write_rows([_make_row(line, language, zone) for line in lines])


def _make_row(line: dict[str, Any], language: Language, zone: ZoneInfo) -> list[str]:
    return [
        str(line["index"]),
        line["time"],
        language.show_time(line["time"], zone),
        line["type"],
        show_type(line["type"], language.tag),
        line["outcome"],
        (line["actor_key"] or "").partition(":")[0],
        line["actor"] or "",
        line["subject_kind"],
        show_id(line["subject"]),
        line["subject_name"] or "",
        line["reason"] or "",
        " · ".join(line["summary"]),
        line["act_id"],
    ]


def _write_rows(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([[defuse(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def defuse(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: what could begin one gets an apostrophe before it."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _write_json(installation: Installation, ticket: Ticket) -> Iterator[tuple[int, bytes]]:
    """As ``chain_of_custody.log_export`` describes; every path leads to the root of one checkpoint."""
    ledger = installation.ledger
    checkpoint, note = ledger.checkpoint()
    head = {
        "v": 1,
        "origin": checkpoint.origin,
        "vkey": ledger.vkey,
        "checkpoint": note.decode(),
        "size": checkpoint.size,
        "recorded_as": ticket.index,
    }
    yield 0, f'{{"log_export": {_encode(head)},\n"entries": [\n'.encode()
    total = 0
    for indexes in list_stretches(installation.catalogue, ticket.wanted):
        texts = [
            _encode(
                write_line(
                    entry,
                    ledger.prove(entry.index, checkpoint.size).path,
                    list_openings(entry, longest=LONGEST_PART),
                )
            )
            for entry in _read_entries(ledger.entries, indexes)
        ]
        separator = ",\n" if total else ""
        total += len(texts)
        yield len(texts), (separator + ",\n".join(texts)).encode()
    yield 0, f'\n],\n"count": {total}}}\n'.encode()


def _read_entries(read: Callable[[int, int], list[Entry]], indexes: Sequence[int]) -> Iterator[Entry]:
    """The entries of these indexes; neighbours are read together."""
    start = 0
    for place in range(1, len(indexes) + 1):
        if place == len(indexes) or indexes[place] != indexes[place - 1] + 1:
            yield from read(indexes[start], indexes[place - 1] + 1)
            start = place


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

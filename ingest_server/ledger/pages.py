"""The custody log: its lines, reviewing it, one line's record and proof, following it up."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse, RedirectResponse, Response

from chain_of_custody.identities import show_id
from chain_of_custody.leaves import leaf_digest
from chain_of_custody.merkle import hash_leaf
from ingest_server.errors import BadRequestError, NotFoundError, UnavailableError
from ingest_server.ledger.asking import find_place, make_filter, read_asked
from ingest_server.ledger.commands import MAX_NOTE, note_entry, review_log
from ingest_server.ledger.event_words import (
    ACTOR_WORDS,
    EVENT_WORDS,
    GROUPS,
    SUBJECT_WORDS,
    list_types,
    show_refusal,
    show_type,
)
from ingest_server.ledger.field_words import show_field
from ingest_server.ledger.queries import (
    count_act,
    count_new,
    count_open_refusals,
    find_line,
    find_page,
    find_review,
    list_act,
    list_actor_names,
    list_notes,
)
from ingest_server.ledger.showing_records import find_change, list_openings, show_parts
from ingest_server.permissions import Permission
from ingest_server.web.visits import Change, Visit, changing, looking

if TYPE_CHECKING:
    from chain_of_custody.ledger import Entry

Looking = Annotated[Visit, Depends(looking(Permission.LEDGER_READ))]
Reviewing = Annotated[Change, Depends(changing(Permission.LEDGER_REVIEW))]
# No ledger of one agency comes near it, and SQLite takes it as an index.
MAX_INDEX = 1 << 52


def get_log(visit: Looking) -> Response:
    """One page of the log under a filter, newest first."""
    installation, query = visit.installation, visit.request.query_params
    asked = read_asked(query)
    wanted = make_filter(installation, asked, visit.zone)
    before, after = _read_place(query.get("before")), _read_place(query.get("after"))
    if query.get("goto", "").strip():
        before, after = find_place(installation, query["goto"], visit.zone), None
    catalogue = installation.catalogue
    review = find_review(catalogue)
    return visit.render(
        "ledger/log.html",
        asked=asked,
        page=find_page(catalogue, wanted, before=before, after=after),
        review=review,
        new=count_new(catalogue, review),
        refusals=count_open_refusals(catalogue, review),
        size=installation.ledger.checkpoint()[0].size,
        last=find_line(catalogue, installation.ledger.checkpoint()[0].size - 1),
        actor_names=list_actor_names(catalogue),
        groups=_list_choices(visit.language.tag),
        is_at_top=before is None and after is None,
        goto=query.get("goto", ""),
        **give_words(visit),
    )


def post_review(change: Reviewing) -> Response:
    """Say up to where the log was reviewed."""
    up_to, previous = _read_number(change, "up_to"), _read_number(change, "previous", lowest=-1)
    review_log(change.installation, change.actor, up_to, _read_note(change), previous=previous)
    return RedirectResponse("/log", status_code=303)


def get_record(visit: Looking, index: str) -> Response:
    """One line with its record in the clear, its act, its proof and what was said of it."""
    entry = _find_entry(visit, index)
    catalogue, ledger = visit.installation.catalogue, visit.installation.ledger
    line = find_line(catalogue, entry.index)
    if line is None:
        raise NotFoundError("not_found")
    proof = ledger.prove(entry.index)
    return visit.render(
        "ledger/record.html",
        line=line,
        entry=entry,
        parts=show_parts(entry),
        change=find_change(entry.record) if entry.record else [],
        act=list_act(catalogue, entry.leaf.act_id),
        act_size=count_act(catalogue, entry.leaf.act_id),
        notes=list_notes(catalogue, entry.index),
        digest=leaf_digest(entry.leaf.data),
        leaf_hash=hash_leaf(entry.leaf.data).hex(),
        steps=len(proof.path),
        size=ledger.checkpoint()[0].size,
        review=find_review(catalogue),
        longest_note=MAX_NOTE,
        subject_page=_find_subject_page(visit, line),
        **give_words(visit),
    )


def post_note(change: Reviewing, index: str) -> Response:
    """Follow a line up with a note."""
    entry = _find_entry(change, index)
    note_entry(change.installation, change.actor, entry.index, _read_note(change))
    return RedirectResponse(f"/log/{entry.index}#follow-up", status_code=303)


def get_proof(visit: Looking, index: str) -> Response:
    """What a browser checks by itself: leaf, path, signed checkpoint, key, and the parts that may be shown."""
    entry = _find_entry(visit, index)
    proof = visit.installation.ledger.prove(entry.index)
    value = {
        "index": entry.index,
        "leaf": base64.b64encode(entry.leaf.data).decode(),
        "path": [base64.b64encode(item).decode() for item in proof.path],
        "checkpoint": proof.checkpoint_note.decode(),
        "vkey": visit.installation.ledger.vkey,
        "openings": {label: opening.to_json() for label, opening in list_openings(entry).items()},
    }
    return JSONResponse(value, headers={"Cache-Control": "no-store"})


def get_proof_file(visit: Looking, index: str) -> Response:
    """The inclusion proof as a C2SP tlog-proof file."""
    entry = _find_entry(visit, index)
    proof = visit.installation.ledger.prove(entry.index)
    return _give_file(proof.to_bytes(), "text/plain; charset=utf-8", f"entry-{entry.index}.tlog-proof")


def get_leaf_file(visit: Looking, index: str) -> Response:
    """The leaf's bytes, exactly as the tree holds them."""
    entry = _find_entry(visit, index)
    return _give_file(entry.leaf.data, "application/json", f"entry-{entry.index}.leaf.json")


def get_record_file(visit: Looking, index: str) -> Response:
    """The record: every part that may be shown, with the salt that opens its commitment."""
    entry = _find_entry(visit, index)
    if entry.record is None:
        raise NotFoundError("not_found", "the record was erased")
    openings = {label: opening.to_json() for label, opening in list_openings(entry).items()}
    answer = JSONResponse({"index": entry.index, "openings": openings})
    return _give_file(bytes(answer.body), "application/json", f"entry-{entry.index}.record.json")


def give_words(visit: Visit) -> dict[str, Any]:
    """What templates of the log need to write lines in the visit's language."""
    tag = visit.language.tag
    return {
        "type_words": partial(show_type, tag=tag),
        "kind_words": lambda kind: SUBJECT_WORDS[kind].show(tag) if kind in SUBJECT_WORDS else kind,
        "actor_words": lambda kind: ACTOR_WORDS[kind].show(tag) if kind in ACTOR_WORDS else kind,
        "group_words": lambda group: GROUPS[group].show(tag) if group in GROUPS else group,
        "code_words": partial(show_refusal, tag=tag),
        "field_words": partial(show_field, tag=tag),
        "subject_key": lambda line: line["subject_name"] or show_id(line["subject"]),
    }


def _find_subject_page(visit: Visit, line: dict[str, Any]) -> str:
    """The page of what a line is about, where it has one that the viewer may see; a link never leads to a refusal."""
    kind, subject = line["subject_kind"], line["subject"]
    places = {
        "recording": (Permission.RECORDING_READ, f"/recordings/{show_id(subject)}"),
        "casefile": (Permission.CASEFILE_READ, f"/casefiles/{show_id(subject)}"),
        "dock": (Permission.DOCK_READ, f"/docks/{show_id(subject)}"),
        "recorder": (Permission.DOCK_READ, f"/recorders/{show_id(subject)}"),
        "account": (Permission.ACCOUNT_MANAGE, f"/registers/accounts/{show_id(subject)}"),
        "officer": (Permission.ACCOUNT_MANAGE, "/registers?show=officers"),
        "unit": (Permission.ACCOUNT_MANAGE, "/registers?show=units"),
    }
    permission, place = places.get(kind, (None, ""))
    return place if permission is not None and visit.viewer.may(permission) else ""


def _list_choices(tag: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    return [
        (group, words.show(tag), [(kind, EVENT_WORDS[kind].show(tag)) for kind in list_types(group)])
        for group, words in GROUPS.items()
    ]


def _find_entry(visit: Visit, index: str) -> Entry:
    if not (index.isascii() and index.isdecimal() and len(index) <= 15):
        raise NotFoundError("not_found")
    ledger = visit.installation.ledger
    if int(index) >= ledger.checkpoint()[0].size:
        raise NotFoundError("not_found", f"the ledger has no entry {int(index)}")
    found = ledger.entries(int(index), int(index) + 1)
    if not found:
        raise UnavailableError("ledger_stopped")
    return found[0]


def _read_place(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise BadRequestError("bad_request", "a place in the log is a number")
    return min(int(text), MAX_INDEX)


def _read_number(change: Change, name: str, lowest: int = 0) -> int:
    text = change.text(name, limit=20)
    try:
        number = int(text) if text.isascii() else lowest - 1
    except ValueError as error:
        raise BadRequestError("bad_request", f"{name} is no number") from error
    if not lowest <= number < MAX_INDEX:
        raise BadRequestError("bad_request", f"{name} is no entry's number")
    return number


def _read_note(change: Change) -> str:
    """A note is one paragraph: what a browser breaks into lines is put together again."""
    return " ".join(change.text("note", limit=2 * MAX_NOTE).split())


def _give_file(body: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)

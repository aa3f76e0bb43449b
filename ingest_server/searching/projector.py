"""Keeps the search's tables: after an event was applied, what is searched about its recordings is written anew."""

# ruff: noqa: S608 - statements are joined from our own texts; every value is bound

from __future__ import annotations

from typing import TYPE_CHECKING

from chain_of_custody.identities import show_id
from ingest_server.catalogue.parts import read_list, read_part
from ingest_server.searching.grams import cut_text, fold_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from chain_of_custody.ledger import Entry

# What free text is compared with, beside path and evidence id. Notes are content, shown only under a grant: finding
# words of them would tell what they say.
_SOURCES = (
    "select value from claims where evidence_id = ?1 order by name, source, value",
    "select name from officers where number = ?2",
    "select label from labels where evidence_id = ?1 order by label",
    (
        "select c.number || char(10) || c.title from attachments a join casefiles c using (casefile_id)"
        " where a.evidence_id = ?1 order by c.number"
    ),
)
_PLACE = (
    "insert or ignore into recording_facets select 'unit', t.ancestor, r.received_index from recordings r {join}"
    " join unit_tree t on t.code = {code} where {condition} = ?"
)
_BY_CLAIM = _PLACE.format(join="", code="r.unit", condition="{condition}")
_BY_OFFICER = _PLACE.format(join="join officers o on o.number = r.officer", code="o.unit", condition="{condition}")


def note_searched(database: sqlite3.Connection, entry: Entry) -> None:
    """Bring the search's tables up to one entry that the domains have applied already."""
    note = _NOTE.get(entry.leaf.type)
    if note is not None and entry.record is not None:
        note(database, entry)
    if entry.leaf.subject_kind == "recording":
        _note_findings(database, entry)


def refresh_text(database: sqlite3.Connection, evidence_id: str) -> None:
    """Write anew what free text finds about one recording."""
    row = database.execute(
        "select received_index, path, officer from recordings where evidence_id = ?", (evidence_id,)
    ).fetchone()
    if row is None:
        return
    index, path, officer = row
    found = [path, show_id(evidence_id)]
    for source in _SOURCES:
        values = (evidence_id, officer) if "?2" in source else (evidence_id,)
        found += [value for (value,) in map(tuple, database.execute(source, values)) if value]
    text = fold_text("\n".join(dict.fromkeys(found)))
    old = database.execute("select text from recording_texts where received_index = ?", (index,)).fetchone()
    if old is not None:
        if old[0] == text:
            return
        # The index keeps no text, so it must be told what it holds.
        database.execute(
            "insert into recording_grams (recording_grams, rowid, grams) values ('delete', ?, ?)",
            (index, cut_text(old[0])),
        )
    database.execute("insert or replace into recording_texts values (?, ?)", (index, text))
    database.execute("insert into recording_grams (rowid, grams) values (?, ?)", (index, cut_text(text)))


def _note_recording(database: sqlite3.Connection, entry: Entry) -> None:
    refresh_text(database, entry.leaf.subject)
    database.execute(
        "insert or ignore into recording_facets select 'labelled', 'none', received_index from recordings"
        " where evidence_id = ?",
        (entry.leaf.subject,),
    )
    for place in (_BY_CLAIM, _BY_OFFICER):
        database.execute(place.format(condition="r.evidence_id"), (entry.leaf.subject,))


def _note_link(database: sqlite3.Connection, entry: Entry) -> None:
    subject, stage = entry.leaf.subject, read_part(entry, "attachment").get("stage")
    database.execute(
        "update recordings set attached = (select count(*) from attachments a where a.evidence_id = ?1)"
        " where evidence_id = ?1",
        (subject,),
    )
    # It may be attached at this stage to another case file too.
    _refresh_facet(database, subject, "stage", stage, "attachments a where a.evidence_id = ?1 and a.stage = ?3")
    refresh_text(database, subject)


def _note_findings(database: sqlite3.Connection, entry: Entry) -> None:
    """List a recording under the severities of its findings; a finding is never taken back."""
    found = {str(item.get("severity", "")) for item in read_list(entry, "findings") if isinstance(item, dict)}
    for severity in sorted({*found, "any"} if found else ()):
        database.execute(
            "insert or ignore into recording_facets select 'finding', ?, received_index from recordings"
            " where evidence_id = ?",
            (severity, entry.leaf.subject),
        )


def _note_label(database: sqlite3.Connection, entry: Entry) -> None:
    label = read_part(entry, "label").get("text")
    subject = entry.leaf.subject
    some = "labels l where l.evidence_id = ?1"
    _refresh_facet(database, subject, "labelled", "some", some)
    _refresh_facet(database, subject, "labelled", "none", f"(select 1 where not exists (select 1 from {some}))")
    there = "labels l where l.evidence_id = ?1 and l.label = ?3"
    _refresh_facet(database, entry.leaf.subject, "label", label, there)
    refresh_text(database, entry.leaf.subject)


def _note_words(database: sqlite3.Connection, entry: Entry) -> None:
    refresh_text(database, entry.leaf.subject)


def _refresh_facet(database: sqlite3.Connection, evidence_id: str, facet: str, value: str | None, there: str) -> None:
    """List a recording under a value where ``there`` finds a row, and take it off the list where not."""
    place = "select r.received_index from recordings r where r.evidence_id = ?1 and"
    database.execute(
        f"insert or ignore into recording_facets select ?2, ?3, place from"
        f" (select ({place} exists (select 1 from {there})) as place) where place is not null",
        (evidence_id, facet, value),
    )
    database.execute(
        "delete from recording_facets where facet = ?2 and value = ?3"
        f" and received_index = ({place} not exists (select 1 from {there}))",
        (evidence_id, facet, value),
    )


def _note_officer(database: sqlite3.Connection, entry: Entry) -> None:
    """Recordings may be older than the register: they get the officer's name and units now."""
    number = read_part(entry, "officer").get("number")
    database.execute(_BY_OFFICER.format(condition="r.officer"), (number,))
    for row in database.execute("select evidence_id from recordings where officer = ?", (number,)).fetchall():
        refresh_text(database, row[0])


def _note_unit(database: sqlite3.Connection, entry: Entry) -> None:
    database.execute(_BY_CLAIM.format(condition="r.unit"), (read_part(entry, "unit").get("code"),))


_NOTE: Mapping[str, Callable[[sqlite3.Connection, Entry], None]] = {
    "officer.added": _note_officer,
    "recording.attached": _note_link,
    "recording.detached": _note_link,
    "recording.labelled": _note_label,
    "recording.probed": _note_words,
    "recording.received": _note_recording,
    "recording.unlabelled": _note_label,
    "unit.added": _note_unit,
}

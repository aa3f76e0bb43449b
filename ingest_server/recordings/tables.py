"""The catalogue's tables of notes and labels; everything in them follows from the ledger."""

TABLES = ("notes", "labels")
SCHEMA = """
create table if not exists notes (
    evidence_id text not null, "index" integer not null, at_ms integer not null, text text not null,
    corrects integer, author text not null, noted_at text not null, primary key (evidence_id, "index")
) without rowid;
create table if not exists labels (
    evidence_id text not null, label text not null, is_listed integer not null, labelled_at text not null,
    primary key (evidence_id, label)
) without rowid;
create index if not exists labels_label on labels (label, evidence_id);
"""

"""The catalogue's tables of the custody log; everything in them follows from the ledger.

``events`` holds one line an entry. Every index ends with the ledger index, so that a page of any filter is read from
where it stands, at any depth.
"""

TABLES = ("events", "log_actors", "log_types", "log_subjects", "log_notes", "log_reviews")
SCHEMA = """
create table if not exists events (
    "index" integer primary key, type text not null, subject_kind text not null, subject text not null,
    seq integer not null, time text not null, act_id text not null, actor_key text, actor text, reason text,
    outcome text not null, summary text not null
);
create index if not exists events_subject on events (subject, seq);
create index if not exists events_subject_index on events (subject, "index");
create index if not exists events_type on events (type, "index");
create index if not exists events_actor on events (actor_key, type, "index");
create index if not exists events_outcome on events (outcome, "index", type, actor_key, subject)
    where outcome <> 'normal';
create index if not exists events_act on events (act_id);
create table if not exists log_actors (actor_key text not null, name text not null, primary key (actor_key, name))
    without rowid;
create table if not exists log_types (type text primary key, events integer not null) without rowid;
create table if not exists log_subjects (subject text primary key, kind text not null, name text not null)
    without rowid;
create index if not exists log_subjects_name on log_subjects (name);
create table if not exists log_notes (
    "index" integer primary key, entry integer not null, text text not null, actor text, time text not null
);
create index if not exists log_notes_entry on log_notes (entry);
create table if not exists log_reviews (
    "index" integer primary key, up_to integer not null, note text not null, actor text, time text not null
);
"""

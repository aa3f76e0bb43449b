"""The catalogue's table of text records; everything in it follows from the ledger."""

TABLES = ("documents",)
SCHEMA = """
create table if not exists documents (
    document_id text primary key, casefile_id text not null, stage text not null, kind text not null,
    name text not null, media_type text not null, size integer not null, sha256 text not null,
    store_key text not null, version_id text not null, lock_mode text not null, retain_until text,
    added_at text not null, added_by text, removed_at text, removed_by text, removed_reason text
);
create index if not exists documents_casefile on documents (casefile_id, stage, added_at);
"""

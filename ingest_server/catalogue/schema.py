"""The catalogue's tables; everything in them follows from the ledger."""

import sqlite3
import zlib

from ingest_server.accounts import tables as accounts
from ingest_server.cases import tables as cases
from ingest_server.ledger import tables as ledger
from ingest_server.media import tables as media
from ingest_server.recorders import tables as recorders
from ingest_server.recordings import tables as recordings
from ingest_server.searching import tables as searching

_CORE_TABLES = (
    "recordings",
    "claims",
    "recorders",
    "docks",
    "dockings",
    "findings",
    "casefiles",
    "attachments",
    "exports",
    "policy_values",
    "cursor",
)
_CORE = """
create table if not exists recordings (
    evidence_id text not null unique, recorder_id text not null, dock_id text not null, docking_id text not null,
    path_b64 text not null, path text not null, size integer not null, sha256 text not null, sm3 text,
    store_key text not null, version_id text not null, lock_mode text not null, retain_until text,
    received_at text not null, received_index integer primary key, started_local text, officer text, serial text,
    unit text, presented integer not null default 1, cleared_at text,
    is_restricted integer not null default 0, attached integer not null default 0
);
create index if not exists recordings_file on recordings (recorder_id, path_b64, size);
create index if not exists recordings_sha256 on recordings (sha256);
create index if not exists recordings_received_at on recordings (received_at);
create index if not exists recordings_started on recordings (started_local);
create index if not exists recordings_size on recordings (size);
create index if not exists recordings_officer on recordings (officer);
create index if not exists recordings_recorder on recordings (recorder_id);
create index if not exists recordings_serial on recordings (serial);
create index if not exists recordings_unit on recordings (unit);
create index if not exists recordings_restricted on recordings (is_restricted) where is_restricted = 1;
create index if not exists recordings_unattached on recordings (attached) where attached = 0;
create table if not exists claims (
    evidence_id text not null, name text not null, value text not null, source text not null,
    primary key (evidence_id, name, source, value)
) without rowid;
create table if not exists recorders (
    recorder_id text primary key, basis text not null, hardware_serial text, serial text, first_docked_at text not null,
    last_docked_at text not null, last_dock_id text not null, dockings integer not null
);
create table if not exists docks (
    dock_id text primary key, name text not null, key_hex text not null, key_id text not null unique,
    status text not null, enrolled_at text not null, revoked_at text, last_docked_at text
);
create table if not exists dockings (
    docking_id text primary key, recorder_id text not null, dock_id text not null, docked_at text not null,
    inventory_sha256 text not null, files integer not null, bytes integer not null, found integer, sealed integer,
    already_sealed integer, failed integer, waiting integer, closed_at text
);
create index if not exists dockings_dock on dockings (dock_id, docked_at);
create index if not exists dockings_recorder on dockings (recorder_id, docked_at);
create index if not exists dockings_open on dockings (docked_at) where closed_at is null;
create table if not exists findings (
    "index" integer not null, place integer not null, subject text not null, code text not null,
    severity text not null, message text not null, primary key ("index", place)
) without rowid;
create index if not exists findings_subject on findings (subject);
create table if not exists casefiles (
    casefile_id text primary key, number text not null unique, title text not null, opened_at text not null
);
create table if not exists attachments (
    casefile_id text not null, evidence_id text not null, stage text not null, attached_at text not null,
    primary key (casefile_id, evidence_id, stage)
) without rowid;
create index if not exists attachments_evidence on attachments (evidence_id, stage);
create table if not exists exports (
    export_id text primary key, casefile_id text, prepared_at text not null, "index" integer not null,
    recordings integer not null
);
create table if not exists policy_values (key text primary key, value text not null, changed_at text not null);
create table if not exists cursor (id integer primary key check (id = 1), next_index integer not null);
insert or ignore into cursor (id, next_index) values (1, 0);
"""
# Each domain that keeps tables of its own names them in its ``tables.py``.
_DOMAINS = (ledger, accounts, cases, media, recorders, recordings, searching)
TABLES = (*_CORE_TABLES, *(name for domain in _DOMAINS for name in domain.TABLES))
SCHEMA = "".join((_CORE, *(domain.SCHEMA for domain in _DOMAINS)))
# Any change of the tables is another version, which is built anew from the ledger.
VERSION = zlib.crc32(SCHEMA.encode()) & 0x7FFFFFFF


def split_statements(script: str) -> list[str]:
    """The single statements of a script, so that they can run inside one transaction."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements

"""``private.db``: what may never be in an event. Rows here are working state and secrets' hashes, not history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlite_utils

from ingest_server.private.guarded import GuardedDatabase

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_NAME = "private.db"
_SCHEMA = """
create table if not exists tokens (
    id text primary key, name text not null, role text not null, digest text not null unique,
    created_at text not null, expires_at text not null, revoked_at text
);
create table if not exists enrolments (
    code_id text primary key, key text not null, name text not null, expires_at text not null, server_nonce text
);
create table if not exists nonces (
    key_id text not null, nonce text not null, seen_at text not null, primary key (key_id, nonce)
);
create index if not exists nonces_seen on nonces (seen_at);
create table if not exists dock_contacts (dock_id text primary key, seen_at text not null);
create table if not exists dock_heartbeats (dock_id text primary key, value text not null);
create table if not exists statements (
    key_id text not null, counter integer not null, digest text not null, primary key (key_id, counter)
);
create table if not exists handles (identity text primary key, handle text not null unique);
create table if not exists intakes (
    intake_id text primary key, dock_id text not null, docking_id text not null, recorder_id text not null,
    path_b64 text not null, size integer not null, part_size integer not null, store_key text not null,
    upload_id text not null, opened_at text not null, signed_bytes integer not null default 0,
    state text not null, manifest_sha256 text, version_id text, entry_index integer, is_repeat integer
);
create index if not exists intakes_state on intakes (state, opened_at);
create table if not exists passwords (account_id text primary key, hash text not null, set_at text not null);
create table if not exists links (
    digest text primary key, account_id text not null, made_at text not null, expires_at text not null, used_at text
);
create table if not exists sessions (
    session_id text primary key, digest text not null unique, account_id text not null, csrf text not null,
    place text not null, opened_at text not null, seen_at text not null, expires_at text not null, ended_at text
);
create index if not exists sessions_account on sessions (account_id, opened_at);
create table if not exists attempts (key text not null, at text not null);
create index if not exists attempts_key on attempts (key, at);
create table if not exists grants (
    grant_id text primary key, kind text not null, account_id text not null, session_id text not null,
    evidence_id text not null, version_id text not null, purpose text not null, opened_at text not null,
    used_at text not null, expires_at text not null, ended_at text
);
create index if not exists grants_session on grants (session_id, evidence_id);
create table if not exists previews (
    preview_id text primary key, account_id text not null, session_id text not null, evidence_ids text not null,
    opened_at text not null
);
create index if not exists previews_session on previews (session_id, opened_at);
create table if not exists saved_filters (
    account_id text not null, name text not null, address text not null, saved_at text not null,
    primary key (account_id, name)
) without rowid;
create table if not exists export_jobs (
    job_id text primary key, casefile_id text not null, number text not null, reason text not null,
    account_id text not null, account_name text not null, state text not null, done_bytes integer not null default 0,
    total_bytes integer not null default 0, is_cancelled integer not null default 0, code text not null default '',
    detail text not null default '', asked_at text not null, ended_at text, process integer not null, export_id text,
    sha256 text, size integer, recordings integer, verdict text, removed_at text
);
create index if not exists export_jobs_casefile on export_jobs (casefile_id, asked_at);
create table if not exists log_exports (
    export_id text primary key, account_id text not null, "index" integer not null, form text not null,
    lines integer not null, done integer not null, state text not null, expires_at text not null, wanted text not null
);
create table if not exists settings (name text primary key, value text not null);
"""


class PrivateDatabase(GuardedDatabase):
    """The file; its owner's alone."""

    def __init__(self, data: Path) -> None:
        """Open the file in a data folder; make its tables where it is new.

        Raises:
            UnavailableError: It is damaged.
        """
        path = data / PRIVATE_NAME
        path.touch(mode=0o600)
        super().__init__(path, _SCHEMA)
        self.tables = sqlite_utils.Database(self._connection)

    def read_setting(self, name: str) -> str | None:
        """A remembered value."""
        row = self.fetch_one("select value from settings where name = ?", name)
        return None if row is None else str(row["value"])

    def write_setting(self, name: str, value: str) -> None:
        """Remember a value."""
        self.execute("insert or replace into settings (name, value) values (?, ?)", name, value)

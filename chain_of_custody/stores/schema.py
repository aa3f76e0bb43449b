"""Tables of ``ledger.db`` and ``lock.db``, made by small one-way migrations."""

import sqlite_utils
from sqlite_utils.migrations import Migrations

__all__ = ["LEDGER_MIGRATIONS", "LOCK_MIGRATIONS", "migrate"]

LEDGER_MIGRATIONS = Migrations("ledger")
LOCK_MIGRATIONS = Migrations("lock")

_LEDGER_TABLES = """
create table if not exists leaves ("index" integer primary key, leaf blob not null, subject text not null);
create index if not exists leaves_subject on leaves (subject, "index");
create table if not exists records ("index" integer primary key, record text not null);
create table if not exists heads (
    subject text primary key, seq integer not null, version integer not null, "index" integer not null,
    leaf_sha256 text not null
) without rowid;
create table if not exists claims (
    claim text primary key, subject text not null, "index" integer not null
) without rowid;
create table if not exists tiles (
    level integer not null, number integer not null, hashes blob not null, primary key (level, number)
) without rowid;
create table if not exists pending (
    id text primary key, place integer not null, act text not null, result text, asked_at text not null
) without rowid
"""


@LEDGER_MIGRATIONS(name="2026-11-24 tables")
def _make_ledger_tables(database: sqlite_utils.Database) -> None:
    # Not executescript, which would end the migration's transaction.
    for statement in _LEDGER_TABLES.split(";"):
        database.conn.execute(statement)


@LOCK_MIGRATIONS(name="2026-11-24 checkpoint")
def _make_lock_table(database: sqlite_utils.Database) -> None:
    database.conn.execute(
        "create table if not exists checkpoint (id integer primary key check (id = 1), origin text not null,"
        " size integer not null, root text not null, note blob not null)"
    )


def migrate(database: sqlite_utils.Database, migrations: Migrations) -> None:
    """Bring a database's tables up to date; another process may be doing the same at this moment."""
    if not migrations.pending(database):
        return
    database.conn.execute("begin immediate")
    try:
        migrations.apply(database)
    except BaseException:
        database.conn.execute("rollback")
        raise
    database.conn.execute("commit")

"""The catalogue's tables of units, officers and accounts; everything in them follows from the ledger."""

TABLES = ("units", "unit_tree", "officers", "accounts")
SCHEMA = """
create table if not exists units (
    unit_id text primary key, code text not null unique, name text not null, parent text, added_at text not null
);
create table if not exists unit_tree (ancestor text not null, code text not null, primary key (ancestor, code))
    without rowid;
create table if not exists officers (
    officer_id text primary key, number text not null unique, name text not null, unit text, certificate text,
    valid_until text, added_at text not null
);
create index if not exists officers_unit on officers (unit);
create table if not exists accounts (
    account_id text primary key, name text not null unique, role text not null, officer text, unit text,
    status text not null, added_at text not null
);
"""

"""The catalogue's table of holders; everything in it follows from the ledger."""

TABLES = ("holdings",)
SCHEMA = """
create table if not exists holdings (
    holding_id text primary key, recorder_id text not null, officer text not null, officer_name text,
    issued_at text not null, issued_by text, battery text, space text, clock text, note text, returned_at text,
    returned_by text, returned_battery text, returned_space text, returned_clock text, returned_note text
);
create index if not exists holdings_recorder on holdings (recorder_id, issued_at);
create index if not exists holdings_issued on holdings (issued_at);
"""

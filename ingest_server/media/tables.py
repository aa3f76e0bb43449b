"""The catalogue's tables of media facts and derivatives; everything in them follows from the ledger."""

TABLES = ("media_facts", "derivatives")
SCHEMA = """
create table if not exists media_facts (
    evidence_id text primary key, verdict text not null, container text, duration_ms integer, video_codec text,
    width integer, height integer, rotation integer, frame_rate text, audio_codec text, sample_rate integer,
    channels integer, probed_index integer not null, examined_index integer, examined_ms integer
);
create table if not exists derivatives (
    evidence_id text not null, kind text not null, place integer not null, at_ms integer, finding text,
    width integer not null, height integer not null, sha256 text not null, size integer not null,
    store_key text not null, version_id text not null, made_at text not null, made_index integer not null,
    primary key (evidence_id, kind, place)
) without rowid;
"""

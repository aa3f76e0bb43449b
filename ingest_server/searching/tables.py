"""The tables that make a million recordings searchable; everything in them follows from the other tables.

``recording_units`` names for each recording every unit it belongs to, by its own claim or by its officer's entry in
the register, and all units above. ``recording_texts`` holds what free text is compared with, ``recording_grams`` the
index of its pieces, which keeps no copy of the text.
"""

TABLES = ("recording_units", "recording_texts")
SCHEMA = """
create table if not exists recording_units (
    code text not null, received_index integer not null, primary key (code, received_index)
) without rowid;
create table if not exists recording_texts (received_index integer primary key, text text not null);
/* pieces 1: another way of cutting texts is another number, so that catalogues are built anew */
create virtual table if not exists recording_grams using fts5 (
    grams, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
"""

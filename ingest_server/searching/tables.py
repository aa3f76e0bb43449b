"""The tables that make a million recordings searchable; everything in them follows from the other tables.

``recording_facets`` lists the recordings, in the order of reception, that share a value: ``unit`` for every unit that a
recording belongs to by its own claim or by its officer's entry in the register, and all units above; ``stage`` for
the stages at which it is attached, ``label`` for the labels it carries, ``labelled`` for whether it carries any,
``finding`` for the severities of its findings and ``any``. ``recording_texts`` holds what free text is
compared with, ``recording_grams`` the index of its pieces, which keeps no copy of the text.
"""

TABLES = ("recording_facets", "recording_texts")
SCHEMA = """
create table if not exists recording_facets (
    facet text not null, value text not null, received_index integer not null,
    primary key (facet, value, received_index)
) without rowid;
create table if not exists recording_texts (received_index integer primary key, text text not null);
/* facets 2: another kind of facet is another number */
/* pieces 1: another way of cutting texts is another number, so that catalogues are built anew */
create virtual table if not exists recording_grams using fts5 (
    grams, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
"""

"""fsck: sound ledgers are clean; every flipped byte, lost row and false word is named where it is."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_of_custody.checkpoint import Checkpoint, sign_checkpoint
from chain_of_custody.errors import MalformedError, UndecidableError
from chain_of_custody.fsck import MAX_FINDINGS, check_ledger
from chain_of_custody.identities import new_id, recording_claim
from chain_of_custody.leaves import build_leaf, leaf_digest
from chain_of_custody.note import LogSigner, Verifier, format_vkey
from chain_of_custody.tile_export import export_tiles
from chain_of_custody.tiles import encode_bundle
from tests.support.ledgers import EVENT_KEY, LOG_KEY, ORIGIN, create_ledger, make_draft
from tests.support.naive_log import make_id, make_key, naive_root

VKEY = format_vkey(Verifier(ORIGIN, LOG_KEY.public))
OTHER_VKEY = format_vkey(Verifier(ORIGIN, make_key("other").public))


@pytest.fixture
def folder(tmp_path):
    """A data folder with two full tiles and a bit, and one subject with three leaves."""
    ledger = create_ledger(tmp_path / "data")
    subject = make_id("subject")
    ledger.append([make_draft(subject, claims=("recording:1",))])
    ledger.append([make_draft(subject, "recording.viewed")])
    ledger.append([make_draft() for _ in range(520)])
    ledger.append([make_draft(subject, "recording.cleared")])
    export_tiles(ledger, tmp_path / "tiles")
    ledger.close()
    return tmp_path / "data"


@pytest.fixture
def tiles(folder):
    return folder.parent / "tiles"


def codes(place, vkey=VKEY):
    return [(finding.code, finding.where) for finding in check_ledger(place, vkey) if finding.severity == "error"]


def change(folder, statement, *values, name="ledger.db"):
    with closing(sqlite3.connect(folder / name)) as database, database:
        assert database.execute(statement, values).rowcount > 0


def flip(folder, table, column, where):
    """Flip one bit in the middle of a value."""
    with closing(sqlite3.connect(folder / "ledger.db")) as database, database:
        (value,) = database.execute(f"select {column} from {table} where {where}").fetchone()
        data = bytearray(value if isinstance(value, bytes) else value.encode())
        data[len(data) // 2] ^= 1
        changed = bytes(data) if isinstance(value, bytes) else data.decode()
        database.execute(f"update {table} set {column} = ? where {where}", [changed])


def test_sound_data_folder_is_clean(folder):
    assert check_ledger(folder, VKEY) == []


def test_sound_data_folder_is_clean_without_a_key(folder):
    assert check_ledger(folder) == []


def test_sound_folder_of_tiles_is_clean(tiles):
    assert codes(tiles) == []


def test_what_a_folder_of_tiles_cannot_prove_is_said(tiles):
    assert [finding.code for finding in check_ledger(tiles, VKEY)] == ["event_keys_unknown"]


def test_ledger_is_read_through_a_function(tiles):
    assert codes(lambda path: (tiles / path).read_bytes()) == []


def test_ledger_in_use_is_clean(tmp_path):
    with closing(create_ledger(tmp_path)) as ledger:
        ledger.append([make_draft()])
        assert check_ledger(tmp_path, VKEY) == []


def test_folder_without_a_ledger_cannot_be_judged(tmp_path):
    with pytest.raises(UndecidableError):
        check_ledger(tmp_path, VKEY)


def test_key_that_is_none_is_refused(folder):
    with pytest.raises(MalformedError):
        check_ledger(folder, "nonsense")


def test_another_logs_key_is_not_believed(folder, tiles):
    assert ("checkpoint_false", "checkpoint") in codes(folder, OTHER_VKEY)
    assert codes(tiles, OTHER_VKEY) == [("checkpoint_false", "checkpoint")]


def test_flipped_byte_in_a_leaf_is_laid_to_the_leaf(folder):
    flip(folder, "leaves", "leaf", '"index" = 300')
    assert ("leaf_damaged", "leaf 300") in codes(folder)
    assert not [where for code, where in codes(folder) if code.startswith("tile")]


def test_flipped_byte_in_a_record_is_named(folder):
    change(folder, "update records set record = replace(record, '0001.MP4', '0002.MP4') where \"index\" = 7")
    assert codes(folder) == [("record_false", "record 7")]


def test_record_that_is_no_record_is_named(folder):
    change(folder, "update records set record = '{' where \"index\" = 7")
    assert codes(folder) == [("record_malformed", "record 7")]


def test_part_missing_from_a_record_is_named(folder):
    change(folder, "update records set record = json_remove(record, '$.actor') where \"index\" = 7")
    assert codes(folder) == [("record_false", "record 7")]


@pytest.mark.parametrize(
    ("level", "number", "path"), [(0, 0, "000"), (0, 1, "001"), (0, 2, "002.p/12"), (1, 0, "000.p/2")]
)
def test_flipped_byte_in_a_tile_is_laid_to_the_tile(folder, level, number, path):
    flip(folder, "tiles", "hashes", f"level = {level} and number = {number}")
    assert {where.split(".p")[0] for _, where in codes(folder)} == {f"tile/{level}/{path}".split(".p")[0]}


def test_missing_tile_is_named(folder):
    change(folder, "delete from tiles where level = 0 and number = 1")
    assert codes(folder) == [("tile_missing", "tile/0/001")]


@pytest.mark.parametrize("column", ["seq = seq + 1", "version = version + 1", '"index" = 1', "leaf_sha256 = 'x'"])
def test_false_head_is_named(folder, column):
    change(folder, f"update heads set {column} where subject = ?", make_id("subject"))
    assert codes(folder) == [("head_false", f"head of {make_id('subject')}")]


def test_missing_head_is_named(folder):
    change(folder, "delete from heads where subject = ?", make_id("subject"))
    assert codes(folder) == [("head_missing", f"head of {make_id('subject')}")]


def test_head_of_a_subject_nobody_spoke_of_is_named(folder):
    change(folder, "update heads set subject = 'x' where subject = ?", make_id("subject"))
    assert ("head_false", "head of x") in codes(folder)


def test_claim_that_names_anothers_leaf_is_named(folder):
    change(folder, 'update claims set "index" = 2000')
    assert codes(folder) == [("claim_false", "claim recording:1")]


def test_false_subject_column_is_named(folder):
    change(folder, 'update leaves set subject = ? where "index" = 9', make_id("other"))
    assert codes(folder) == [("row_false", "leaf 9")]


def test_missing_leaf_is_named_once_where_it_is(folder):
    change(folder, 'delete from leaves where "index" = 9')
    assert ("leaf_missing", "leaf 9") in codes(folder)
    assert "root_differs" not in dict(codes(folder))


def test_leaf_taken_out_of_a_history_breaks_its_chain(folder):
    change(folder, 'delete from leaves where "index" = 2')
    assert ("chain_broken", "leaf 523") in codes(folder)


def test_rolled_back_ledger_is_named(folder):
    change(folder, 'delete from leaves where "index" > 500')
    assert ("rolled_back", "ledger.db") in codes(folder)


def test_missing_lock_file_is_named(folder):
    (folder / "lock.db").unlink()
    assert codes(folder) == [("checkpoint_missing", "lock.db")]


def test_flipped_byte_in_the_checkpoints_signature_is_found_without_a_key(folder):
    with closing(sqlite3.connect(folder / "lock.db")) as database, database:
        (note,) = database.execute("select note from checkpoint").fetchone()
        changed = note[:-20] + (b"A" if note[-20:-19] != b"A" else b"B") + note[-19:]
        database.execute("update checkpoint set note = ?", [changed])
    assert codes(folder, None) == [("checkpoint_false", "checkpoint")]


def test_checkpoint_that_is_none_is_named(folder):
    change(folder, "update checkpoint set note = x'00'", name="lock.db")
    assert codes(folder) == [("checkpoint_malformed", "checkpoint")]


def test_row_beside_the_note_must_agree_with_it(folder):
    change(folder, "update checkpoint set size = size - 1", name="lock.db")
    assert codes(folder) == [("checkpoint_row_false", "lock.db")]


def test_fork_under_the_same_key_has_another_root(folder):
    note = sign_checkpoint(Checkpoint(ORIGIN, 524, bytes(32)), LogSigner(ORIGIN, LOG_KEY))
    change(folder, "update checkpoint set note = ?, root = ?", note, "A" * 43 + "=", name="lock.db")
    assert codes(folder) == [("root_differs", "checkpoint")]


def test_entries_not_yet_under_a_checkpoint_are_a_note(tmp_path):
    with closing(create_ledger(tmp_path)) as ledger:
        first = ledger.checkpoint()
        ledger.append([make_draft()])
    with closing(sqlite3.connect(tmp_path / "lock.db")) as database, database:
        database.execute(
            "update checkpoint set size = ?, root = ?, note = ?",
            [1, first[0].text().split("\n")[2], first[1]],
        )
    assert [(finding.code, finding.severity) for finding in check_ledger(tmp_path, VKEY)] == [("unpublished", "note")]


def test_erased_record_is_a_note(folder):
    change(folder, 'delete from records where "index" = 5')
    assert [(finding.code, finding.severity) for finding in check_ledger(folder, VKEY)] == [("records_erased", "note")]


def test_record_of_no_leaf_is_named(folder):
    change(folder, 'update records set "index" = 9999 where "index" = 5')
    assert codes(folder) == [("row_false", "ledger.db")]


def test_damage_to_the_files_structure_is_named(folder):
    path = folder / "ledger.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
        (page,) = database.execute("select rootpage from sqlite_schema where name = 'heads'").fetchone()
        (page_size,) = database.execute("pragma page_size").fetchone()
    data = bytearray(path.read_bytes())
    start = (page - 1) * page_size
    data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert "database_damaged" in dict(codes(folder))


def test_file_that_is_no_database_is_named(folder):
    (folder / "ledger.db").write_bytes(b"nonsense" * 100)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink(missing_ok=True)
    assert codes(folder) == [("database_unreadable", "ledger.db")]


def test_ledger_gone_from_beside_its_lock_is_named(folder):
    for path in folder.glob("ledger.db*"):
        path.unlink()
    assert codes(folder) == [("database_unreadable", "ledger.db")]


def test_record_that_is_no_utf8_is_named_alone(folder):
    change(folder, "update records set record = cast(replace(record, '0001', x'f1') as text) where \"index\" = 7")
    assert codes(folder) == [("record_malformed", "record 7")]


def make_recording(name: str) -> dict:
    return {
        "received": {"size": 1, "digests": {"sha2-256": "0" * 64}},
        "recording": {"recorder_id": make_id("recorder"), "path_b64": name},
    }


def test_unique_key_of_a_recording_that_is_another_is_named(tmp_path):
    parts = make_recording("YQ==")
    claim = recording_claim(make_id("recorder"), "YQ==", 1, "0" * 64)
    with closing(create_ledger(tmp_path)) as ledger:
        index = ledger.append([make_draft(make_id("subject"), claims=(claim,), parts=parts)])[0].index
        assert check_ledger(tmp_path, VKEY) == []
    change(tmp_path, "update claims set claim = ?", claim[:-1] + "x")
    assert codes(tmp_path) == [("claim_missing", f"leaf {index}")]


def test_damage_to_the_lock_files_structure_is_named(folder):
    path = folder / "lock.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
        (page,) = database.execute("select rootpage from sqlite_schema where name like 'idx_%'").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : (page - 1) * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert ("database_damaged", "lock.db") in codes(folder)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A data folder of few leaves whose files are whole on disk; a copy of both stands beside it."""
    folder = tmp_path_factory.mktemp("small")
    with closing(create_ledger(folder)) as ledger:
        for name in "abc":
            claim = recording_claim(make_id("recorder"), name, 1, "0" * 64)
            ledger.append([make_draft(make_id(name), claims=(claim,), parts=make_recording(name))])
        ledger.append([make_draft(make_id("a"), "recording.viewed")])
    shutil.copytree(folder, folder.with_name("whole"))
    return folder


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["ledger.db", "lock.db"]), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_flipped_bit_anywhere_is_found_or_of_no_meaning(small, name, place, bit):
    shutil.rmtree(small)
    shutil.copytree(small.with_name("whole"), small)
    meant = read_rows(small)
    changed = bytearray((small / name).read_bytes())
    changed[int(place * len(changed))] ^= 1 << bit
    (small / name).write_bytes(changed)
    if codes(small) == []:
        assert read_rows(small) == meant


def read_rows(folder):
    """All that a ledger says: the rows of both files, but for those of migrations and the one row's number."""
    tables = {"ledger.db": ("leaves", "records", "heads", "claims", "tiles"), "lock.db": ("checkpoint",)}
    found = []
    for name, its_tables in tables.items():
        with closing(sqlite3.connect(f"file:{folder / name}?mode=ro", uri=True)) as database:
            for table in its_tables:
                columns = "origin, size, root, note" if table == "checkpoint" else "*"
                found.append(database.execute(f"select {columns} from {table} order by 1").fetchall())
    return found


def test_findings_are_limited(folder):
    change(folder, "update records set record = '{'")
    change(folder, "update leaves set subject = 'x'")
    assert len(check_ledger(folder, VKEY)) == MAX_FINDINGS


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/12"])
def test_missing_file_of_a_folder_of_tiles_is_named(tiles, path):
    (tiles / path).unlink()
    assert codes(tiles)


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/12"])
def test_flipped_byte_in_a_folder_of_tiles_is_named(tiles, path):
    data = bytearray((tiles / path).read_bytes())
    data[len(data) // 2] ^= 1
    (tiles / path).write_bytes(data)
    assert codes(tiles)


class Made:
    """Published files of a log whose leaves a test makes by hand."""

    def __init__(self):
        self.leaves = []

    def add(self, **fields):
        values = {
            "origin": ORIGIN,
            "type": "recording.received",
            "event_id": new_id(),
            "subject": new_id(),
            "subject_kind": "recording",
            "seq": 1,
            "prev": None,
            "act_id": new_id(),
            "time": "2026-01-01T00:00:00.000000Z",
            "actor": make_id("actor"),
            "device": None,
            "anchor": None,
            "commitments": {},
            "key": EVENT_KEY,
        }
        leaf = build_leaf(**{**values, **fields})
        self.leaves.append(leaf.data)
        return leaf

    def check(self):
        root = naive_root(self.leaves)
        note = sign_checkpoint(Checkpoint(ORIGIN, len(self.leaves), root), LogSigner(ORIGIN, LOG_KEY))
        width = len(self.leaves)
        files = {
            "checkpoint": note,
            f"tile/entries/000.p/{width}": encode_bundle(self.leaves),
            f"tile/0/000.p/{width}": b"".join(naive_root([leaf]) for leaf in self.leaves),
        }

        def read(path):
            try:
                return files[path]
            except KeyError:
                raise FileNotFoundError(path) from None

        return codes(read)


@pytest.fixture
def made():
    log = Made()
    log.add(subject=make_id("subject"))
    return log


def test_log_made_by_hand_is_clean(made):
    first = made.add()
    made.add(seq=2, prev=leaf_digest(first.data), subject=first.subject)
    assert made.check() == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"origin": "other.example/a/2026"}, "leaf_of_another_log"),
        ({"time": "2025-12-31T00:00:00.000000Z"}, "time_backwards"),
        ({"seq": 2, "prev": "0" * 64}, "chain_broken"),
        ({"subject": make_id("subject")}, "chain_broken"),
        ({"subject": make_id("subject"), "seq": 3, "prev": "0" * 64}, "chain_broken"),
        ({"anchor": {"size": 9, "root": "A" * 43 + "="}}, "anchor_false"),
        ({"anchor": {"size": 1, "root": "A" * 43 + "="}}, "anchor_false"),
    ],
)
def test_signed_leaf_that_lies_is_named(made, fields, code):
    made.add(**fields)
    assert (code, "leaf 1") in made.check()


def test_subject_that_changes_its_kind_is_named(made):
    first = made.add()
    made.add(subject=first.subject, seq=2, prev=leaf_digest(first.data), subject_kind="casefile")
    assert made.check() == [("subject_kind_changed", "leaf 2")]


def test_event_in_the_log_twice_is_named(made):
    made.add(event_id=make_id("event"))
    made.add(event_id=make_id("event"))
    assert made.check() == [("event_repeated", "leaf 2")]


def test_split_act_is_named(made):
    made.add(act_id=make_id("act"))
    made.add()
    made.add(act_id=make_id("act"))
    assert made.check() == [("act_split", "leaf 3")]


def test_entry_that_is_no_leaf_is_named(made):
    made.leaves.append(b"{}")
    assert made.check() == [("leaf_malformed", "leaf 1")]

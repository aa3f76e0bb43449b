"""An export of log lines: whatever is changed in it is found."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import CustodyError, MalformedError, VerificationError
from chain_of_custody.log_export import check_log_export, write_line
from chain_of_custody.note import parse_vkey
from tests.support.ledgers import create_ledger, make_draft


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    ledger = create_ledger(tmp_path_factory.mktemp("log") / "data")
    for _ in range(5):
        ledger.append([make_draft()])
    checkpoint, note = ledger.checkpoint()
    head = {"v": 1, "origin": checkpoint.origin, "vkey": ledger.vkey, "checkpoint": note.decode(), "size": 6}
    lines = [
        json.dumps(write_line(entry, ledger.prove(entry.index).path, entry.record.parts))
        for entry in ledger.entries(0, 6)
    ]
    text = (
        f'{{"log_export": {json.dumps(head)},\n"entries": [\n' + ",\n".join(lines) + f'\n],\n"count": {len(lines)}}}\n'
    )
    yield text, [parse_vkey(ledger.vkey)]
    ledger.close()


def check(text, verifiers):
    return list(check_log_export(io.StringIO(text), verifiers))


def change_entry(text, number, change):
    """The export with one entry changed."""
    value = text.split("\n")
    entry = json.loads(value[2 + number].rstrip(","))
    change(entry)
    value[2 + number] = json.dumps(entry) + ("," if value[2 + number].endswith(",") else "")
    return "\n".join(value)


def test_every_line_is_proved(exported):
    text, verifiers = exported
    lines = check(text, verifiers)
    assert [line.index for line in lines] == list(range(6))
    assert lines[1].parts["recording"] == {"path": "DCIM/0001.MP4"}
    assert json.loads(text)["count"] == 6


def test_another_key_is_not_believed(exported):
    text, _ = exported
    with pytest.raises(VerificationError):
        check(text, [])


def test_a_changed_part_is_found(exported):
    text, verifiers = exported
    with pytest.raises(VerificationError):
        check(text.replace("DCIM/0001.MP4", "DCIM/0002.MP4", 1), verifiers)


def test_a_part_that_was_never_committed_to_is_found(exported):
    text, verifiers = exported

    def add(entry):
        entry["openings"]["reason"] = entry["openings"]["recording"]

    with pytest.raises(VerificationError):
        check(change_entry(text, 1, add), verifiers)


def test_a_moved_entry_is_found(exported):
    text, verifiers = exported
    with pytest.raises(VerificationError):
        check(change_entry(text, 5, lambda entry: entry.update(index=9)), verifiers)


def test_swapped_leaves_are_found(exported):
    text, verifiers = exported
    leaf = json.loads(text)["entries"][2]["leaf"]
    with pytest.raises(VerificationError):
        check(change_entry(text, 1, lambda entry: entry.update(leaf=leaf)), verifiers)


def test_a_withheld_part_is_named(exported):
    text, verifiers = exported

    def withhold(entry):
        del entry["openings"]["actor"]

    assert check(change_entry(text, 1, withhold), verifiers)[1].withheld == ("actor",)


@pytest.mark.parametrize("keep", range(1, 9))
def test_a_file_that_is_cut_short_is_malformed(exported, keep):
    text, verifiers = exported
    with pytest.raises(MalformedError):
        check("\n".join(text.split("\n")[:keep]), verifiers)


def test_a_line_left_out_makes_another_count(exported):
    text, verifiers = exported
    lines = text.split("\n")
    del lines[4]
    with pytest.raises(MalformedError):
        check("\n".join(lines), verifiers)


@given(st.text(max_size=300))
def test_any_text_is_refused_in_one_family(exported, text):
    with pytest.raises(CustodyError):
        check(text, exported[1])


@given(st.data())
def test_any_changed_character_is_refused_or_says_the_same(exported, data):
    text, verifiers = exported
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters()) + text[place + 1 :]
    try:
        lines = check(changed, verifiers)
    except CustodyError:
        return
    # Only the copy of the key and other words for reading may differ: nothing proved says anything else.
    assert [(line.index, line.leaf.data) for line in lines] == [(n.index, n.leaf.data) for n in check(text, verifiers)]

"""The static layout of C2SP tlog-tiles."""

from contextlib import closing

import pytest

from chain_of_custody.tile_export import export_tiles
from chain_of_custody.tiles import decode_bundle
from tests.support.ledgers import create_ledger, make_draft


@pytest.fixture
def ledger(tmp_path):
    with closing(create_ledger(tmp_path / "data")) as made:
        yield made


def list_files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_layout_is_that_of_the_specification(tmp_path, ledger):
    ledger.append([make_draft() for _ in range(299)])
    export_tiles(ledger, tmp_path / "tiles")
    assert list_files(tmp_path / "tiles") == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]


def test_full_tree_of_256_has_no_partial_level_0_tile(tmp_path, ledger):
    ledger.append([make_draft() for _ in range(255)])
    export_tiles(ledger, tmp_path / "tiles")
    assert list_files(tmp_path / "tiles") == ["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000"]


def test_bundles_hold_the_leaves(tmp_path, ledger):
    ledger.append([make_draft()])
    export_tiles(ledger, tmp_path / "tiles")
    data = (tmp_path / "tiles/tile/entries/000.p/2").read_bytes()
    assert decode_bundle(data, 2) == ledger.leaf_data(0, 2)


def test_checkpoint_is_the_signed_note(tmp_path, ledger):
    checkpoint = export_tiles(ledger, tmp_path / "tiles")
    assert (checkpoint, (tmp_path / "tiles/checkpoint").read_bytes()) == ledger.checkpoint()


def test_later_export_leaves_full_tiles_alone(tmp_path, ledger):
    ledger.append([make_draft() for _ in range(255)])
    export_tiles(ledger, tmp_path / "tiles")
    before = (tmp_path / "tiles/tile/0/000").stat()
    ledger.append([make_draft()])
    export_tiles(ledger, tmp_path / "tiles")
    assert (tmp_path / "tiles/tile/0/000").stat().st_ino == before.st_ino
    assert "tile/0/001.p/1" in list_files(tmp_path / "tiles")


def test_no_record_is_published(tmp_path, ledger):
    ledger.append([make_draft(parts={"recording": {"path": "secret-name"}})])
    export_tiles(ledger, tmp_path / "tiles")
    assert not [path for path in (tmp_path / "tiles").rglob("*") if path.is_file() and b"secret" in path.read_bytes()]

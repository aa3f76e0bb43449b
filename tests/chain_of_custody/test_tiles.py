"""Tiles and bundles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError
from chain_of_custody.merkle import (
    CompactRange,
    consistency_path,
    hash_leaf,
    inclusion_path,
    verify_consistency,
    verify_inclusion,
)
from chain_of_custody.tiles import (
    TileReader,
    decode_bundle,
    encode_bundle,
    entries_path,
    parse_tile_path,
    tile_path,
    tile_width,
)
from tests.support.hostile import hostile_bytes, quick, refuses_or_reads

ENTRIES = st.lists(st.binary(max_size=300), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("tile/0/x001/x234/067", (0, 1234067, 256)),
        ("tile/0/000", (0, 0, 256)),
        ("tile/1/000.p/17", (1, 0, 17)),
        ("tile/63/999", (63, 999, 256)),
        ("tile/0/x001/000.p/255", (0, 1000, 255)),
        ("tile/entries/x001/x234/067", (None, 1234067, 256)),
        ("tile/entries/273.p/112", (None, 273, 112)),
    ],
)
def test_paths_are_those_of_the_specification(path, parsed):
    level, number, width = parsed
    made = entries_path(number, width) if level is None else tile_path(level, number, width)
    assert (made, parse_tile_path(path)) == (path, parsed)


def count_tiles(level: int, size: int) -> tuple[int, int]:
    """How many full tiles a level has, and the width of the partial one behind them."""
    full = 0
    while tile_width(level, full, size) == 256:
        full += 1
    return full, tile_width(level, full, size)


def test_widths_are_those_of_the_worked_example():
    assert [count_tiles(level, 70_000) for level in range(4)] == [(273, 112), (1, 17), (0, 1), (0, 0)]
    assert [count_tiles(level, 256) for level in range(3)] == [(1, 0), (0, 1), (0, 0)]
    assert count_tiles(0, 0) == (0, 0)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/1234",
        "tile/0/001/234",
        "tile/0/x000/001",
        "tile/0/x001/x234",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../../etc/passwd",
        "tile/0/٠٠٠",
        "tile/entries/000\n",
        "tile/0/" + "x999/" * 20 + "999",
    ],
)
def test_another_form_of_path_is_refused(path):
    with pytest.raises(MalformedError):
        parse_tile_path(path)


@quick
@given(
    st.text(max_size=30) | st.from_regex(r"\Atile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,3}[0-9]{3}(\.p/[0-9]{1,3})?\Z")
)
def test_hostile_path_is_read_in_its_one_form_or_refused(path):
    parsed = refuses_or_reads(parse_tile_path, path)
    if parsed is not None:
        level, number, width = parsed
        assert path == (entries_path(number, width) if level is None else tile_path(level, number, width))


@quick
@given(ENTRIES)
def test_a_bundle_reads_back(entries):
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


@quick
@given(hostile_bytes(encode_bundle([b"one", b"", b"three"])), st.integers(1, 256))
def test_hostile_bundle_is_read_or_refused_as_malformed(data, width):
    entries = refuses_or_reads(lambda given: decode_bundle(given, width), data)
    assert entries is None or encode_bundle(entries) == data


def test_a_bundle_of_another_width_is_refused():
    data = encode_bundle([b"one", b"two"])
    for width in (1, 3, 256):
        with pytest.raises(MalformedError):
            decode_bundle(data, width)
    for cut in range(len(data)):
        with pytest.raises(MalformedError):
            decode_bundle(data[:cut], 2)


@pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(65536)]], ids=["none", "257", "too long"])
def test_what_no_bundle_can_hold_is_not_encoded(entries):
    with pytest.raises(ValueError, match="bundle"):
        encode_bundle(entries)


SIZE = 70_000
HASHES = [hash_leaf(b"%d" % number) for number in range(SIZE)]


def make_levels() -> list[list[bytes]]:
    """Each tile level's hashes: roots of the full tiles of the level below."""
    levels = [HASHES]
    while len(levels[-1]) >= 256:
        below = levels[-1]
        roots = []
        for start in range(0, len(below) - 255, 256):
            tree = CompactRange()
            for node in below[start : start + 256]:
                tree.append(node)
            roots.append(tree.root())
        levels.append(roots)
    return levels


@pytest.fixture(scope="module")
def levels() -> list[list[bytes]]:
    return make_levels()


def reader(levels: list[list[bytes]], size: int, asked: list | None = None) -> TileReader:
    def read(level, number, width):
        if asked is not None:
            asked.append((level, number, width))
        return b"".join(levels[level][number * 256 : number * 256 + width])

    return TileReader(size, read)


def test_proofs_out_of_tiles_hold(levels):
    roots = {}
    tree = CompactRange()
    for index, leaf in enumerate(HASHES):
        tree.append(leaf)
        if index + 1 in {1, 255, 256, 257, 511, 65535, 65536, 65537, 69_999, 70_000}:
            roots[index + 1] = tree.root()
    for size, root in roots.items():
        nodes = reader(levels, size)
        for index in {0, size - 1, size // 2, size // 3}:
            verify_inclusion(index, size, HASHES[index], inclusion_path(index, size, nodes.read_node), root)
        for old, old_root in roots.items():
            if old <= size:
                verify_consistency(old, size, old_root, root, consistency_path(old, size, nodes.read_node))


def test_a_proof_needs_few_tiles_and_each_once(levels):
    asked: list = []
    inclusion_path(12345, SIZE, reader(levels, SIZE, asked).read_node)
    assert len(asked) == len(set(asked)) <= 6
    assert all(0 < width == tile_width(level, number, SIZE) for level, number, width in asked)


def test_a_tile_of_another_length_is_refused(levels):
    for change in (lambda tile: tile[:-1], lambda tile: tile + bytes(32), lambda tile: b""):
        nodes = TileReader(300, lambda level, number, width, change=change: change(bytes(32 * width)))
        with pytest.raises(MalformedError):
            nodes.read_node(0, 299)


def test_a_node_beyond_the_tree_is_refused(levels):
    with pytest.raises(MalformedError):
        reader(levels, 300).read_node(0, 300)
    with pytest.raises(MalformedError):
        reader(levels, 300).read_node(6, 4)

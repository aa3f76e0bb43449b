"""The tree, judged by the definitions of RFC 6962 written down naively."""

import random
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chain_of_custody.errors import VerificationError
from chain_of_custody.merkle import (
    EMPTY_ROOT,
    CompactRange,
    check_consistency_end,
    consistency_path,
    hash_leaf,
    inclusion_path,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.support.hostile import quick
from tests.support.naive_log import naive_consistency, naive_path, naive_root

# The entries and roots of the test vectors that Certificate Transparency implementations share (RFC 6962).
CT_ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LARGEST = 300
ENTRIES = [b"entry %d" % number for number in range(LARGEST)]


def make_reader(entries):
    """Complete nodes by their definition, remembered."""
    nodes = {}

    def read(level, index):
        if (level, index) not in nodes:
            assert (index + 1) << level <= len(entries), "an incomplete node was asked for"
            nodes[level, index] = naive_root(entries[index << level : (index + 1) << level])
        return nodes[level, index]

    return read


READ = make_reader(ENTRIES)
HASHES = [hash_leaf(entry) for entry in ENTRIES]


def grow_roots(count):
    tree, roots = CompactRange(), [EMPTY_ROOT]
    for leaf in HASHES[:count]:
        tree.append(leaf)
        roots.append(tree.root())
    return roots


ROOTS = grow_roots(LARGEST)


def test_roots_are_those_of_certificate_transparency():
    tree = CompactRange()
    roots = [tree.root().hex()]
    for entry in CT_ENTRIES:
        tree.append(hash_leaf(entry))
        roots.append(tree.root().hex())
    assert roots == CT_ROOTS == [naive_root(CT_ENTRIES[:size]).hex() for size in range(9)]


def test_every_root_is_that_of_the_definition():
    for size in range(LARGEST + 1):
        assert ROOTS[size] == naive_root(ENTRIES[:size]) == tree_root(size, READ)


def test_an_edge_that_was_loaded_goes_on_like_one_that_grew():
    for size in range(LARGEST):
        tree = CompactRange.load(size, READ)
        copy = tree.copy()
        tree.append(HASHES[size])
        assert (tree.size, tree.root(), copy.root()) == (size + 1, ROOTS[size + 1], ROOTS[size])


def test_an_edge_with_too_few_nodes_is_no_edge():
    with pytest.raises(ValueError, match="one node for each"):
        CompactRange(3, [bytes(32)])


def test_every_inclusion_proof_of_small_trees_is_that_of_the_definition_and_holds():
    for size in range(1, 66):
        for index in range(size):
            path = inclusion_path(index, size, READ)
            assert list(path) == naive_path(index, ENTRIES[:size])
            verify_inclusion(index, size, HASHES[index], path, ROOTS[size])


def test_every_consistency_proof_of_small_trees_is_that_of_the_definition_and_holds():
    for new in range(66):
        for old in range(new + 1):
            path = consistency_path(old, new, READ)
            assert list(path) == (naive_consistency(old, ENTRIES[:new]) if old else [])
            verify_consistency(old, new, ROOTS[old], ROOTS[new], path)


def test_proofs_of_every_size_up_to_300_hold_at_the_edges_and_inside():
    chooser = random.Random(6962)
    for size in range(1, LARGEST + 1):
        for index in {0, size - 1, size // 2, chooser.randrange(size), chooser.randrange(size)}:
            path = inclusion_path(index, size, READ)
            verify_inclusion(index, size, HASHES[index], path, ROOTS[size])
        for old in {0, 1, size - 1, size, chooser.randrange(size)}:
            path = consistency_path(old, size, READ)
            verify_consistency(old, size, ROOTS[old], ROOTS[size], path)


def spoil(path, chooser):
    """Every simple way in which a proof can be false."""
    yield (*path, bytes(32))
    yield (bytes(32), *path)
    if path:
        place = chooser.randrange(len(path))
        flipped = bytes([path[place][0] ^ 1]) + path[place][1:]
        yield (*path[:place], flipped, *path[place + 1 :])
        yield path[:place] + path[place + 1 :]
        yield (*path[:place], path[place][:31], *path[place + 1 :])
        if len(set(path)) > 1:
            yield path[::-1]


def test_a_spoilt_inclusion_proof_is_refused():
    chooser = random.Random(9162)
    for size in range(1, 80):
        index = chooser.randrange(size)
        path = inclusion_path(index, size, READ)
        for bad in spoil(path, chooser):
            with pytest.raises(VerificationError) as caught:
                verify_inclusion(index, size, HASHES[index], bad, ROOTS[size])
            assert caught.value.code == "not_included"


def test_an_inclusion_proof_of_another_place_leaf_size_or_root_is_refused():
    for size in range(2, 40):
        index = size // 2
        path = inclusion_path(index, size, READ)
        for other in (
            (index - 1, size, HASHES[index], ROOTS[size]),
            (index, size, HASHES[index - 1], ROOTS[size]),
            (index, size, HASHES[index], ROOTS[size - 1]),
            (size, size, HASHES[index], ROOTS[size]),
            (-1, size, HASHES[index], ROOTS[size]),
            (index, size, HASHES[index][:31], ROOTS[size]),
        ):
            with pytest.raises(VerificationError):
                verify_inclusion(other[0], other[1], other[2], path, other[3])


def test_a_proof_that_stops_below_the_root_is_refused():
    # Whoever signs a root under a wrong size must not get a leaf of the smaller tree accepted.
    for size in range(2, 20):
        path = inclusion_path(0, size, READ)
        for stop in range(len(path)):
            with pytest.raises(VerificationError):
                verify_inclusion(0, size * 2, HASHES[0], path[:stop], HASHES[0] if stop == 0 else ROOTS[1 << stop])


def test_hashes_cut_at_another_place_are_refused():
    joined = HASHES[0] + HASHES[1]
    for cut in (31, 33):
        with pytest.raises(VerificationError, match="32 bytes"):
            verify_inclusion(0, 2, joined[:cut], (joined[cut:],), ROOTS[2])


def test_a_spoilt_consistency_proof_is_refused():
    chooser = random.Random(2)
    for new in range(2, 80):
        for old in {0, 1, chooser.randrange(1, new), new - 1, new}:
            path = consistency_path(old, new, READ)
            for bad in spoil(path, chooser):
                with pytest.raises(VerificationError) as caught:
                    verify_consistency(old, new, ROOTS[old], ROOTS[new], bad)
                assert caught.value.code == "forked"


def test_the_end_of_a_consistency_proof_is_checked_without_the_old_root():
    chooser = random.Random(3)
    for new in range(2, 80):
        for old in {0, 1, chooser.randrange(1, new), new - 1, new}:
            path = consistency_path(old, new, READ)
            check_consistency_end(old, new, ROOTS[new], path)
            for bad in spoil(path, chooser):
                # Of an old tree of a power of two the old root is the first hash, so only the length can be wrong.
                if len(bad) != len(path) or old & (old - 1):
                    with pytest.raises(VerificationError):
                        check_consistency_end(old, new, ROOTS[new], bad)


def test_a_fork_is_refused_whatever_proof_comes_with_it():
    forked = [*ENTRIES[:20], b"another entry", *ENTRIES[21:40]]
    roots, read = [naive_root(forked[:size]) for size in range(41)], make_reader(forked)
    for old in range(21, 40):
        with pytest.raises(VerificationError):
            verify_consistency(old, 40, ROOTS[old], roots[40], consistency_path(old, 40, read))
        with pytest.raises(VerificationError):
            verify_consistency(old, 40, ROOTS[old], roots[40], consistency_path(old, 40, READ))


def test_sizes_of_zero_are_judged_as_witnesses_judge_them():
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, ())
    verify_consistency(0, 7, EMPTY_ROOT, ROOTS[7], ())
    for old, new, old_root, new_root in (
        (0, 7, bytes(32), ROOTS[7]),
        (0, 0, EMPTY_ROOT, bytes(32)),
        (0, 0, bytes(32), bytes(32)),
        (7, 7, ROOTS[6], ROOTS[7]),
        (7, 6, ROOTS[7], ROOTS[6]),
        (-1, 6, EMPTY_ROOT, ROOTS[6]),
    ):
        with pytest.raises(VerificationError):
            verify_consistency(old, new, old_root, new_root, ())


@quick
@given(
    st.integers(-1, 2**60),
    st.integers(-1, 2**60),
    st.lists(st.binary(min_size=31, max_size=33), max_size=70),
    st.binary(min_size=32, max_size=32),
)
def test_hostile_proofs_are_refused_and_nothing_else(first, second, path, root):
    # A tree of one leaf has that leaf's hash for a root, and then no proof is needed.
    assume(root != bytes(32))
    with pytest.raises(VerificationError):
        verify_inclusion(first, second, bytes(32), path, root)
    if first > 0 and first != second:
        with pytest.raises(VerificationError):
            verify_consistency(first, second, bytes(32), root, path)
    with suppress(VerificationError):
        check_consistency_end(first, second, root, path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_a_leaf_that_is_not_there_has_no_proof(index, size):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_path(index, size, READ)


def test_a_smaller_tree_does_not_continue_a_larger_one():
    with pytest.raises(ValueError, match="larger"):
        consistency_path(3, 2, READ)


def test_a_larger_tree_keeps_the_same_rules():
    entries = [b"%d" % number for number in range(3000)]
    tree, roots, read = CompactRange(), [EMPTY_ROOT], make_reader(entries)
    for entry in entries:
        tree.append(hash_leaf(entry))
        roots.append(tree.root())
    chooser = random.Random(3000)
    for _ in range(1000):
        size = chooser.randrange(1, 3001)
        index, old = chooser.randrange(size), chooser.randrange(size + 1)
        verify_inclusion(index, size, hash_leaf(entries[index]), inclusion_path(index, size, read), roots[size])
        verify_consistency(old, size, roots[old], roots[size], consistency_path(old, size, read))

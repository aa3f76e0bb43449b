"""What every ledger store must do, held against the memory store and SQLite."""

import pytest

from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.drafts import Head
from chain_of_custody.errors import LedgerError
from chain_of_custody.stores.contract import LeafRow, PendingAct, PublishedCheckpoint, StoredLeaf
from chain_of_custody.stores.memory import MemoryCheckpointLock, MemoryLedgerStore
from chain_of_custody.stores.sqlite import SqliteCheckpointLock, SqliteLedgerStore

A, B = "a" * 32, "b" * 32
HEAD = Head(1, 1, 0, "1" * 64)


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryLedgerStore() if request.param == "memory" else SqliteLedgerStore(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["memory", "sqlite"])
def lock(request, tmp_path):
    made = MemoryCheckpointLock() if request.param == "memory" else SqliteCheckpointLock(tmp_path)
    yield made
    made.close()


def make_row(index, subject=A, claims=()):
    return LeafRow(index, b"leaf %d" % index, subject, f'{{"record":{index}}}', claims)


def write(store, *rows, heads=(), tiles=(), results=()):
    store.begin()
    store.write_rows(rows, heads)
    store.write_tiles(tiles)
    store.write_results(results)
    store.commit()


def make_checkpoint(size, note=b"note"):
    return PublishedCheckpoint(Checkpoint("log", size, bytes(32)), note)


def test_empty_store_has_nothing(store):
    assert store.count_leaves() == 0
    assert store.read_leaves(0, 10) == []
    assert store.read_heads([A]) == {}
    assert store.read_tile(0, 0, 1) == b""


def test_written_rows_are_read_back_in_order(store):
    write(store, make_row(0), make_row(1, B), make_row(2))
    assert store.count_leaves() == 3
    assert [row.index for row in store.read_leaves(1, 3)] == [1, 2]
    assert store.read_leaves(1, 2) == [StoredLeaf(1, b"leaf 1", B, '{"record":1}')]


def test_history_is_one_subjects_rows_below_the_end(store):
    write(store, make_row(0), make_row(1, B), make_row(2), make_row(3))
    assert [row.index for row in store.read_history(A, 3)] == [0, 2]


def test_heads_are_replaced(store):
    write(store, make_row(0), heads=[(A, HEAD)])
    later = Head(2, 1, 1, "2" * 64)
    write(store, make_row(1), heads=[(A, later)])
    assert store.read_heads([A, B]) == {A: later}


def test_last_indexes_come_from_the_leaves(store):
    write(store, make_row(0), make_row(1, B), make_row(2))
    assert store.read_last_indexes([A, B, "c" * 32]) == {A: 2, B: 1}


def test_claims_name_their_holder(store):
    write(store, make_row(0, claims=("key:1",)))
    assert store.read_claims(["key:1", "key:2"]) == {"key:1": (A, 0)}


def test_a_claim_cannot_be_taken_twice(store):
    write(store, make_row(0, claims=("key:1",)))
    store.begin()
    with pytest.raises(LedgerError):
        store.write_rows([make_row(1, B, claims=("key:1",))], [])


def test_an_index_cannot_be_written_twice(store):
    write(store, make_row(0))
    store.begin()
    with pytest.raises(LedgerError):
        store.write_rows([make_row(0, B)], [])


def test_tiles_grow_and_are_cut_to_the_width_asked_for(store):
    write(store, tiles=[(0, 0, b"x" * 32)])
    write(store, tiles=[(0, 0, b"x" * 32 + b"y" * 32)])
    assert store.read_tile(0, 0, 1) == b"x" * 32
    assert store.read_tile(0, 0, 2) == b"x" * 32 + b"y" * 32


def test_nothing_is_seen_before_the_commit(store):
    store.begin()
    store.write_rows([make_row(0)], [(A, HEAD)])
    assert (store.count_leaves(), store.read_heads([A])) == (0, {})
    store.commit()
    assert store.count_leaves() == 1


def test_rollback_leaves_nothing_and_lets_the_next_begin(store):
    store.begin()
    store.write_rows([make_row(0, claims=("key:1",))], [(A, HEAD)])
    store.rollback()
    store.rollback()
    write(store, make_row(0, B))
    assert store.read_leaves(0, 1)[0].subject == B
    assert store.read_claims(["key:1"]) == {}


def test_pending_acts_are_read_in_the_order_they_came(store):
    store.add_pending([PendingAct("2", "act", "t1"), PendingAct("1", "act", "t1")])
    store.add_pending([PendingAct("0", "act", "t2")])
    assert [act.act_id for act in store.read_pending(2)] == ["2", "1"]
    assert [act.act_id for act in store.read_pending(9)] == ["2", "1", "0"]


def test_an_act_with_a_result_is_pending_no_more(store):
    store.add_pending([PendingAct("1", "act", "t"), PendingAct("2", "act", "t")])
    write(store, results=[("1", "done")])
    assert [act.act_id for act in store.read_pending(9)] == ["2"]
    assert store.read_results(["1", "2", "3"]) == {"1": "done"}


def test_a_result_is_rolled_back_with_its_entries(store):
    store.add_pending([PendingAct("1", "act", "t")])
    store.begin()
    store.write_results([("1", "done")])
    store.rollback()
    assert store.read_results(["1"]) == {}
    assert len(store.read_pending(9)) == 1


def test_removed_acts_are_gone(store):
    store.add_pending([PendingAct("1", "act", "t"), PendingAct("2", "act", "t")])
    store.remove_pending(["1"])
    assert [act.act_id for act in store.read_pending(9)] == ["2"]


def test_old_results_are_removed_and_unanswered_acts_stay(store):
    store.add_pending([PendingAct("1", "act", "t1"), PendingAct("2", "act", "t1"), PendingAct("3", "act", "t3")])
    write(store, results=[("1", "done"), ("3", "done")])
    store.begin()
    store.remove_results("t2")
    store.commit()
    assert store.read_results(["1", "3"]) == {"3": "done"}
    assert [act.act_id for act in store.read_pending(9)] == ["2"]


def test_first_checkpoint_is_swapped_in_once(lock):
    assert lock.read() is None
    assert lock.swap(None, make_checkpoint(1))
    assert not lock.swap(None, make_checkpoint(2, b"other"))
    assert lock.read() == make_checkpoint(1)


def test_checkpoint_is_replaced_only_where_it_is_the_last(lock):
    first, second = make_checkpoint(1, b"one"), make_checkpoint(2, b"two")
    assert lock.swap(None, first)
    assert lock.swap(first, second)
    assert not lock.swap(first, make_checkpoint(3, b"three"))
    assert lock.read() == second


def test_another_checkpoint_of_the_same_size_is_not_replaced(lock):
    assert lock.swap(None, make_checkpoint(1, b"one"))
    assert not lock.swap(make_checkpoint(1, b"fork"), make_checkpoint(2, b"two"))

"""The sequencer on the memory store: time, recovery, rollback, fork, and what is noticed before signing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chain_of_custody.errors import ConflictError, LedgerBusyError, LedgerStoppedError
from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from chain_of_custody.leaves import parse_leaf
from chain_of_custody.sequencer import ClockBehindError
from chain_of_custody.stores.memory import MemoryCheckpointLock, MemoryLedgerStore
from tests.support.ledgers import HandClock, make_act, make_draft, make_sequencer
from tests.support.naive_log import make_key, naive_root


class World:
    """A store, its lock and a clock."""

    def __init__(self):
        self.store = MemoryLedgerStore()
        self.lock = MemoryCheckpointLock()
        self.clock = HandClock()
        self.sequencer = self.restart()

    def restart(self, **changes):
        self.sequencer = make_sequencer(self.store, self.lock, self.clock, **changes)
        return self.sequencer

    def append(self, *drafts):
        return self.sequencer.integrate([make_act(*drafts)])[0]

    def stage(self, *drafts):
        """Commit entries as a run that died before publishing them left them."""
        published = self.lock.read()
        self.append(*drafts)
        self.lock._published = published
        self.restart()


@pytest.fixture
def world():
    made = World()
    made.append()
    return made


def test_batch_goes_on_after_a_refused_act(world):
    acts = [make_act(), make_act(make_draft(expected_version=4)), make_act()]
    first, refused, last = world.sequencer.integrate(acts)
    assert isinstance(refused, ConflictError)
    assert (first[0].index, last[0].index) == (1, 2)


def test_second_of_two_commands_in_one_batch_conflicts(world):
    subject = new_id()
    acts = [make_act(make_draft(subject, expected_version=0)) for _ in range(2)]
    first, second = world.sequencer.integrate(acts)
    assert first[0].leaf.seq == 1
    assert isinstance(second, ConflictError)


def test_leaves_of_many_batches_make_one_tree(world):
    for count in (1, 254, 3, 300, 7):
        world.sequencer.integrate([make_act() for _ in range(count)])
    leaves = [row.leaf for row in world.store.read_leaves(0, 1000)]
    assert world.lock.read().checkpoint.root == naive_root(leaves)
    world.restart().apply_staged()


def test_time_is_the_clocks(world):
    world.clock.now += timedelta(hours=1)
    assert world.append()[0].leaf.time == format_instant(world.clock.now)


def test_clock_that_is_a_little_behind_is_waited_for(world):
    before = world.clock.now
    world.clock.now -= timedelta(seconds=3)
    assert world.append()[0].leaf.time == format_instant(before)
    assert world.clock.slept == [3.0]


def test_clock_that_is_far_behind_stops_appends_and_says_so(world):
    world.clock.now -= timedelta(seconds=6)
    with pytest.raises(LedgerStoppedError, match="clock is 6 s behind"):
        world.append()
    assert world.store.count_leaves() == 1


def test_clock_that_stands_still_stops_appends(world):
    world.clock.now -= timedelta(seconds=1)
    world.clock.sleep = lambda seconds: None
    with pytest.raises(ClockBehindError, match="does not advance"):
        world.restart().integrate([make_act()])


def test_appends_go_on_once_the_clock_is_right(world):
    world.clock.now -= timedelta(minutes=1)
    with pytest.raises(ClockBehindError):
        world.append()
    world.clock.now += timedelta(minutes=1)
    assert world.append()[0].index == 1


def test_time_is_kept_over_a_restart(world):
    world.clock.now -= timedelta(minutes=1)
    world.restart()
    with pytest.raises(ClockBehindError):
        world.append()


def test_what_a_crash_left_committed_is_published_by_the_next_run(world):
    world.stage(make_draft(), make_draft())
    assert world.lock.read().checkpoint.size == 1
    assert world.sequencer.apply_staged().checkpoint.size == 3


def test_what_a_crash_left_is_published_before_the_next_batch(world):
    world.stage()
    assert world.append()[0].index == 2


def test_nothing_staged_publishes_nothing(world):
    before = world.lock.read()
    assert world.restart().apply_staged() == before


def test_rolled_back_rows_are_refused(world):
    world.append()
    del world.store._tables.leaves[1]
    with pytest.raises(LedgerStoppedError, match="rolled back"):
        world.restart().apply_staged()


def test_fork_of_equal_size_is_refused(world):
    other = World()
    other.append()
    world.store = other.store
    with pytest.raises(LedgerStoppedError, match="fork"):
        world.restart().apply_staged()


def test_larger_fork_is_refused(world):
    other = World()
    for _ in range(5):
        other.append()
    world.store = other.store
    with pytest.raises(LedgerStoppedError, match="fork"):
        world.restart().apply_staged()


def test_running_process_notices_that_both_files_were_replaced_by_a_longer_fork(world):
    other = World()
    for _ in range(5):
        other.append()
    world.store._tables, world.lock._published = other.store._tables, other.lock.read()
    with pytest.raises(LedgerStoppedError, match="rolled back or forked"):
        world.append()


def test_running_process_notices_that_both_files_were_rolled_back(world):
    tables, published = world.store._tables.copy(), world.lock.read()
    world.append()
    world.store._tables, world.lock._published = tables, published
    with pytest.raises(LedgerStoppedError, match="rolled back or forked"):
        world.append()


def test_running_process_notices_that_the_checkpoint_is_gone(world):
    world.lock._published = None
    with pytest.raises(LedgerStoppedError):
        world.append()


def test_checkpoint_of_another_key_is_refused(world):
    other = World()
    other.sequencer._log = replace(other.sequencer._log, key=make_key("another log"))
    other.append()
    world.lock._published = other.lock.read()
    with pytest.raises(LedgerStoppedError, match="not one of this log"):
        world.restart().apply_staged()


def test_row_that_differs_from_its_note_is_refused(world):
    published = world.lock.read()
    world.lock._published = replace(published, checkpoint=replace(published.checkpoint, root=bytes(32)))
    with pytest.raises(LedgerStoppedError, match="differs"):
        world.restart().apply_staged()


def flip(data):
    return data[:40] + bytes([data[40] ^ 1]) + data[41:]


def damage_leaf(world, index):
    row = world.store._tables.leaves[index]
    world.store._tables.leaves[index] = replace(row, leaf=flip(row.leaf))


def test_flipped_byte_in_a_staged_leaf_is_found_before_signing(world):
    world.stage()
    damage_leaf(world, 1)
    with pytest.raises(LedgerStoppedError, match="entry 1"):
        world.sequencer.apply_staged()
    assert world.lock.read().checkpoint.size == 1


def test_flipped_byte_in_a_staged_record_is_found_before_signing(world):
    world.stage()
    row = world.store._tables.leaves[1]
    world.store._tables.leaves[1] = replace(row, record=row.record.replace("0001.MP4", "0002.MP4"))
    with pytest.raises(LedgerStoppedError, match="record of entry 1"):
        world.sequencer.apply_staged()


def test_record_missing_beside_a_staged_leaf_is_found_before_signing(world):
    world.stage()
    world.store._tables.leaves[1] = replace(world.store._tables.leaves[1], record=None)
    with pytest.raises(LedgerStoppedError, match="record of entry 1"):
        world.sequencer.apply_staged()


def test_flipped_byte_in_a_tile_is_found_before_signing(world):
    world.stage()
    world.store._tables.tiles[0, 0] = flip(world.store._tables.tiles[0, 0])
    with pytest.raises(LedgerStoppedError, match="tiles"):
        world.sequencer.apply_staged()


def test_flipped_byte_in_the_edge_of_the_tiles_is_found_before_signing(world):
    for _ in range(2):
        world.append()
    # The first two leaves are one node of the edge; a running process knows it, one that starts reads it.
    world.store._tables.tiles[0, 0] = flip(world.store._tables.tiles[0, 0])
    with pytest.raises(LedgerStoppedError, match="tiles"):
        world.append()


def test_staged_head_that_is_wrong_is_found_before_signing(world):
    world.stage()
    subject = world.store.read_leaves(1, 2)[0].subject
    head = world.store._tables.heads[subject]
    world.store._tables.heads[subject] = replace(head, seq=2)
    with pytest.raises(LedgerStoppedError, match="head"):
        world.sequencer.apply_staged()


@pytest.mark.parametrize("change", [{"seq": 2}, {"leaf_digest": "0" * 64}, {"index": 0}, {"version": 0}])
def test_false_head_is_not_extended(world, change):
    (entry,) = world.append()
    subject = entry.leaf.subject
    world.store._tables.heads[subject] = replace(world.store._tables.heads[subject], **change)
    with pytest.raises(LedgerStoppedError, match="nothing was signed"):
        world.append(make_draft(subject, "recording.cleared"))


def test_missing_head_does_not_begin_a_second_history(world):
    (entry,) = world.append()
    del world.store._tables.heads[entry.leaf.subject]
    with pytest.raises(LedgerStoppedError, match="nothing was signed"):
        world.append(make_draft(entry.leaf.subject))


def test_damaged_leaf_is_not_extended(world):
    (entry,) = world.append()
    damage_leaf(world, 1)
    with pytest.raises(LedgerStoppedError, match="leaf 1"):
        world.append(make_draft(entry.leaf.subject, "recording.cleared"))


def test_staged_leaf_by_another_key_is_not_published(world):
    world.restart(event_key=make_key("intruder"))
    world.stage()
    with pytest.raises(LedgerStoppedError, match="left by an earlier run"):
        world.sequencer.apply_staged()


def test_staged_leaf_that_does_not_follow_its_subjects_last_is_not_published(world):
    (entry,) = world.append()
    world.stage(make_draft(entry.leaf.subject, "recording.cleared"))
    tables = world.store._tables
    # The subject's first leaf is said to be another's: the staged one then follows nothing.
    tables.leaves[1] = replace(tables.leaves[1], subject=new_id())
    with pytest.raises(LedgerStoppedError, match="does not follow"):
        world.sequencer.apply_staged()


def test_missing_staged_leaf_is_noticed(world):
    world.stage(make_draft(), make_draft())
    del world.store._tables.leaves[1]
    with pytest.raises(LedgerStoppedError, match="missing"):
        world.sequencer.apply_staged()


def test_leaves_written_by_another_program_are_noticed(world):
    count = world.store.count_leaves
    world.store.count_leaves = lambda: count() + (world.store._open is not None)
    with pytest.raises(LedgerStoppedError, match="another program"):
        world.append()


def test_checkpoint_swapped_by_another_program_is_noticed(world):
    world.lock.swap = lambda old, new: False
    with pytest.raises(LedgerStoppedError, match="fork was prevented"):
        world.append()


def test_busy_store_refuses_and_takes_the_next_batch(world):
    write, world.store.write_rows = world.store.write_rows, raise_busy
    with pytest.raises(LedgerBusyError):
        world.append()
    world.store.write_rows = write
    assert world.append()[0].index == 1


def raise_busy(*_):
    raise LedgerBusyError("disk is full")


def test_busy_store_after_the_commit_is_no_refusal(world):
    commit = world.store.commit

    def commit_and_fail():
        commit()
        world.store.read_leaves = raise_busy

    world.store.commit = commit_and_fail
    with pytest.raises(LedgerStoppedError, match="recorded and could not be published"):
        world.append()


def test_anchor_is_the_checkpoint_the_batch_began_with(world):
    before = world.lock.read().checkpoint
    first, second = world.append(make_draft(), make_draft())
    assert first.leaf.anchor == second.leaf.anchor
    assert parse_leaf(first.leaf.data).anchor["size"] == before.size


def test_first_leaf_has_no_anchor():
    assert World().append()[0].leaf.anchor is None

"""Rows of jobs: made once, taken by one, and free again when who had them died."""

from __future__ import annotations

import fcntl
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import new_id
from ingest_server.jobs.database import JobsDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW, LATER = "2026-11-25T00:00:00.000000Z", "2026-11-25T00:01:00.000000Z"
ORIGIN = "evidence.example/unit/2026"


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[JobsDatabase]:
    with closing(JobsDatabase(tmp_path)) as opened:
        yield opened


def add(jobs: JobsDatabase, *indexes: int) -> None:
    wanted = [(index, "pictures", new_id(), 10) for index in indexes]
    jobs.add_jobs(ORIGIN, wanted, max(indexes) + 1, NOW)


def state_of(jobs: JobsDatabase, job_id: int = 1) -> str:
    row = jobs.fetch_one("select state from jobs where job_id = ?", job_id)
    assert row is not None
    return str(row["state"])


def test_an_entry_read_twice_makes_one_job(jobs: JobsDatabase) -> None:
    add(jobs, 4, 5)
    add(jobs, 4, 5)
    assert jobs.fetch("select count(*) as n from jobs")[0]["n"] == 2
    assert jobs.read_cursor(ORIGIN) == 6


def test_a_job_is_taken_by_one(jobs: JobsDatabase) -> None:
    add(jobs, 4)
    assert jobs.claim(1, "one", NOW) is not None
    assert jobs.claim(1, "two", NOW) is None


def test_a_paused_queue_gives_nothing(jobs: JobsDatabase) -> None:
    add(jobs, 4)
    jobs.set_paused(is_paused=True, by="somebody", now=NOW)
    assert jobs.take_waiting(10, NOW) == []
    assert jobs.claim(1, "one", NOW) is None
    jobs.set_paused(is_paused=False, by="somebody", now=NOW)
    assert len(jobs.take_waiting(10, NOW)) == 1


def test_a_job_put_back_waits_until_its_time(jobs: JobsDatabase) -> None:
    add(jobs, 4)
    jobs.claim(1, "one", NOW)
    jobs.put_back(1, "one", LATER, "the store does not answer")
    assert jobs.take_waiting(10, NOW) == []
    assert len(jobs.take_waiting(10, LATER)) == 1
    assert jobs.take_waiting(10, LATER) == []


def test_a_message_that_was_lost_is_sent_again(jobs: JobsDatabase) -> None:
    add(jobs, 4)
    jobs.take_waiting(10, NOW)
    jobs.forget_queued()
    assert len(jobs.take_waiting(10, NOW)) == 1


def test_the_jobs_of_a_worker_that_died_wait_again(jobs: JobsDatabase, tmp_path: Path) -> None:
    add(jobs, 4, 5)
    with jobs.at_work(NOW) as living:
        jobs.claim(1, living, NOW)
        jobs.execute("insert into workers values ('dead', 1, ?)", NOW)
        (tmp_path / "worker-dead.lock").write_bytes(b"")
        jobs.claim(2, "dead", NOW)
        with closing(JobsDatabase(tmp_path)) as other:
            assert other.release_dead() == 1
        assert (state_of(jobs, 1), state_of(jobs, 2)) == ("running", "waiting")
    assert state_of(jobs, 1) == "waiting"
    assert list(tmp_path.glob("*.lock")) == []


def test_a_worker_lives_while_its_lock_is_held(jobs: JobsDatabase, tmp_path: Path) -> None:
    jobs.execute("insert into workers values ('held', 1, ?)", NOW)
    with (tmp_path / "worker-held.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert [row["worker"] for row in jobs.list_workers()] == ["held"]
    assert jobs.list_workers() == []


def test_a_worker_that_lost_its_job_changes_nothing_of_it(jobs: JobsDatabase) -> None:
    add(jobs, 4)
    jobs.claim(1, "one", NOW)
    jobs.execute("update jobs set state = 'cancelled', worker = null")
    jobs.end(1, "one", "done", "done", NOW)
    jobs.put_back(1, "one", NOW, None)
    assert state_of(jobs) == "cancelled"
    assert not jobs.is_held(1, "one")

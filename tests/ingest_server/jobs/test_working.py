"""The worker as people run it: killed at each step, doubled, stopped, cancelled, and fed again after everything."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.fsck import check_ledger
from chain_of_custody.instants import utc_clock
from ingest_server.custody.actors import operator_actor
from ingest_server.installation import Installation
from ingest_server.jobs.commands import cancel_job, pause_work, request_work, resume_work
from ingest_server.jobs.database import JobsDatabase
from ingest_server.jobs.feeding import feed_jobs
from ingest_server.media import tasks
from ingest_server.media.derivatives import find_derivative, list_frames, read_derivative
from ingest_server.media.sandbox import Outcome
from ingest_server.steps import WORK_STEPS
from tests.support.films import draw_black, write_film
from tests.support.received import list_events, make_data, receive, run_worker

if TYPE_CHECKING:
    from pathlib import Path

MADE = ("recording.probed", "derivative.made", "recording.examined")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "DCIM-0001.mp4", 8, draw_black)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path)


def fill(data: Path, film: Path, count: int = 1) -> list[str]:
    with Installation.open(data, utc_clock) as installation:
        return [receive(installation, film) for _ in range(count)]


def judge(data: Path, evidence_ids: list[str]) -> None:
    """Everything was made once, can be read, and follows from the ledger."""
    with Installation.open(data, utc_clock) as installation:
        for evidence_id in evidence_ids:
            made = [kind for kind, subject in list_events(installation, *MADE) if subject == evidence_id]
            assert made == [
                *("recording.probed", "derivative.made", "derivative.made"),
                *("recording.examined", "derivative.made", "derivative.made", "derivative.made"),
            ]
            frames = list_frames(installation.catalogue, evidence_id)
            assert [frame["finding"] for frame in frames] == ["picture_black"] * 3
            rows = [find_derivative(installation.catalogue, evidence_id, kind) for kind in ("poster", "thumbnail")]
            for row in [*rows, *frames]:
                assert row is not None
                assert read_derivative(installation, row).startswith(b"\xff\xd8\xff")
        assert installation.catalogue.check() == []
        vkey = installation.ledger.vkey
    assert check_ledger(data, vkey) == []
    with closing(JobsDatabase(data)) as jobs:
        assert {row["state"] for row in jobs.fetch("select state from jobs")} == {"done"}


def test_a_recording_gets_its_pictures_and_its_examination(data: Path, film: Path) -> None:
    evidence_ids = fill(data, film, 2)
    run_worker(data)
    judge(data, evidence_ids)


@pytest.mark.faults
@pytest.mark.parametrize("occurrence", [1, 2])
@pytest.mark.parametrize("step", WORK_STEPS)
def test_a_worker_killed_at_a_step_leaves_nothing_false_or_double(
    data: Path, film: Path, step: str, occurrence: int
) -> None:
    evidence_ids = fill(data, film)
    assert run_worker(data, kill_at=f"{step}:{occurrence}") == -signal.SIGKILL
    run_worker(data)
    judge(data, evidence_ids)
    stored = [path for path in (data / "store" / "derivatives").rglob("*") if path.is_file()]
    # What was put before the kill was found again under its key.
    assert len(stored) == 5


@pytest.mark.faults
def test_two_workers_do_each_job_once(data: Path, film: Path) -> None:
    evidence_ids = fill(data, film, 4)
    command = [sys.executable, "-m", "ingest_server", "worker", "--data", str(data), "--until-idle"]
    workers = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    judge(data, evidence_ids)
    with closing(JobsDatabase(data)) as jobs:
        assert {row["attempts"] for row in jobs.fetch("select attempts from jobs")} == {1}


@pytest.mark.faults
def test_losing_the_jobs_loses_no_work_and_doubles_none(data: Path, film: Path) -> None:
    evidence_ids = fill(data, film)
    run_worker(data)
    for path in data.glob("jobs.db*"):
        path.unlink()
    evidence_ids += fill(data, film)
    run_worker(data)
    judge(data, evidence_ids)


def test_the_same_work_done_behind_the_ledgers_back_is_refused_whole(data: Path, film: Path) -> None:
    """Two workers that both had the job: the second one's act is refused by its claim."""
    fill(data, film)
    with Installation.open(data, utc_clock) as installation, closing(JobsDatabase(data)) as jobs:
        feed_jobs(installation, jobs)
        job = jobs.claim(1, "me", "2026-11-25T00:00:00.000000Z")
        assert job is not None
        work = tasks.Work(installation, job, lambda: False, lambda *_: None)
        assert tasks.do_media_job(work) == "done"
        assert tasks.do_media_job(work) == "the ledger tells of it already"
        assert len(list_events(installation, "recording.probed")) == 1


def test_a_recording_can_be_looked_at_again(data: Path, film: Path) -> None:
    [evidence_id] = fill(data, film)
    run_worker(data)
    with Installation.open(data, utc_clock) as installation:
        request_work(installation, operator_actor(), evidence_id)
    run_worker(data)
    with Installation.open(data, utc_clock) as installation:
        assert len(list_events(installation, "recording.probed")) == 2
        frames = list_frames(installation.catalogue, evidence_id)
        assert [frame["place"] for frame in frames] == [0, 1, 2]
        assert installation.catalogue.check() == []


def test_paused_work_waits_and_goes_on(data: Path, film: Path) -> None:
    evidence_ids = fill(data, film)
    with Installation.open(data, utc_clock) as installation:
        pause_work(installation, operator_actor(), "the machine is needed for an export")
        pause_work(installation, operator_actor(), "twice changes nothing")
    run_worker(data)
    with Installation.open(data, utc_clock) as installation:
        assert list_events(installation, *MADE) == []
        resume_work(installation, operator_actor())
        found = [kind for kind, _ in list_events(installation, "work.paused", "work.resumed")]
        assert found == ["work.paused", "work.resumed"]
    run_worker(data)
    judge(data, evidence_ids)


def test_a_cancelled_job_is_not_done(data: Path, film: Path) -> None:
    fill(data, film)
    with Installation.open(data, utc_clock) as installation:
        with closing(JobsDatabase(data)) as jobs:
            feed_jobs(installation, jobs)
        cancel_job(installation, operator_actor(), 1, "not needed")
    run_worker(data)
    with Installation.open(data, utc_clock) as installation:
        assert list_events(installation, *MADE) == []


def start_worker(data: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ingest_server", "worker", "--data", str(data), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)


def wait_for(data: Path, condition: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with closing(sqlite3.connect(data / "jobs.db", timeout=10)) as db:
                if db.execute(f"select 1 from jobs where {condition}").fetchone():
                    return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"no job came to be: {condition}")


def test_a_running_job_is_broken_off_when_it_is_cancelled(data: Path, tmp_path: Path) -> None:
    fill(data, write_film(tmp_path / "long.mp4", 240, keyframes=100_000))
    worker = start_worker(data)
    try:
        wait_for(data, "kind = 'examination' and state = 'running'")
        with Installation.open(data, utc_clock) as installation:
            cancel_job(installation, operator_actor(), 2, "somebody waits for the machine")
        wait_for(data, "kind = 'examination' and state = 'cancelled'")
    finally:
        worker.terminate()
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(timeout=30) == 0
    with Installation.open(data, utc_clock) as installation:
        assert list_events(installation, "recording.examined") == []


@pytest.mark.parametrize("how", ["signal", "parent"])
def test_a_worker_that_is_told_to_stop_ends_in_order(data: Path, film: Path, how: str) -> None:
    evidence_ids = fill(data, film)
    worker = start_worker(data, *(["--child"] if how == "parent" else []))
    assert worker.stdin is not None
    wait_for(data, "state = 'running'")
    if how == "signal":
        worker.terminate()
    else:
        worker.stdin.close()
    assert worker.wait(timeout=30) == 0
    worker.stdin.close()
    with closing(JobsDatabase(data)) as jobs:
        assert not jobs.fetch("select 1 from jobs where state = 'running'")
        assert not jobs.fetch("select 1 from workers")
    run_worker(data)
    judge(data, evidence_ids)


def test_a_store_that_does_not_answer_is_waited_for(data: Path, film: Path) -> None:
    evidence_ids = fill(data, film)
    [original] = [path for path in (data / "store" / "originals").rglob("*") if path.is_file()]
    hidden = original.with_name("hidden")
    original.rename(hidden)
    run_worker(data)
    with closing(JobsDatabase(data)) as jobs:
        row = jobs.fetch_one("select * from jobs")
        assert row is not None
        assert (row["state"], row["attempts"]) == ("waiting", 1)
        assert "no such version" in row["reason"]
        jobs.execute("update jobs set not_before = made_at")
    hidden.rename(original)
    run_worker(data)
    judge(data, evidence_ids)


def do_job(installation: Installation, jobs: JobsDatabase, outcome: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Do the first job with decoders that end in a way."""
    ended = Outcome(outcome, "SIGSEGV", {}, (), ())
    monkeypatch.setattr(tasks, "run_sandboxed", lambda *_, **__: ended)
    jobs.execute("update jobs set state = 'waiting'")
    job = jobs.claim(1, "me", "2026-11-25T00:00:00.000000Z")
    assert job is not None
    return tasks.do_media_job(tasks.Work(installation, job, lambda: False, lambda *_: None))


@pytest.mark.parametrize("ending", ["crashed", "timeout", "memory", "cpu", "broken"])
def test_decoders_that_fail_twice_are_the_verdict(
    data: Path, film: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [evidence_id] = fill(data, film)
    with Installation.open(data, utc_clock) as installation, closing(JobsDatabase(data)) as jobs:
        feed_jobs(installation, jobs)
        with pytest.raises(tasks.FailedRunError):
            do_job(installation, jobs, ending, monkeypatch)
        assert list_events(installation, *MADE) == []
        jobs.put_back(1, "me", "2026-11-25T00:00:00.000000Z", "it failed", is_failed_run=True)
        assert do_job(installation, jobs, ending, monkeypatch) == ending
        row = installation.catalogue.fetch_one("select verdict from media_facts where evidence_id = ?", evidence_id)
        assert row is not None
        assert row["verdict"] == ("crashed" if ending == "crashed" else "stopped")
        code = installation.catalogue.fetch_one("select code from findings where subject = ?", evidence_id)
        assert code is not None
        assert code["code"] == ("decoder_crashed" if ending == "crashed" else "decoder_stopped")


def test_a_machine_whose_sandbox_is_broken_says_nothing_about_recordings(
    data: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(data, film)
    monkeypatch.setattr(tasks, "try_sandbox", lambda: Outcome("broken", "no library", {}, (), ()))
    with Installation.open(data, utc_clock) as installation, closing(JobsDatabase(data)) as jobs:
        feed_jobs(installation, jobs)
        jobs.execute("update jobs set failed_runs = 3")
        with pytest.raises(tasks.SandboxBrokenError):
            do_job(installation, jobs, "broken", monkeypatch)
        assert list_events(installation, *MADE) == []


def test_a_folder_of_files_of_all_kinds_ends_with_a_verdict_each(data: Path, tmp_path: Path) -> None:
    files = {
        "a.mp4": b"ffconcat version 1.0\nfile 'b.mp4'\n",
        "b.txt": b"text",
        "c.mp4": b"",
        "d.jpg": b"\xff\xd8\xff" + os.urandom(500),
    }
    with Installation.open(data, utc_clock) as installation:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
            receive(installation, tmp_path / name)
    run_worker(data)
    with Installation.open(data, utc_clock) as installation:
        rows = installation.catalogue.fetch(
            "select r.path, m.verdict from media_facts m join recordings r using (evidence_id) order by r.path"
        )
        assert [tuple(row) for row in rows] == [
            *(("a.mp4", "unreadable"), ("b.txt", "not_media"), ("c.mp4", "unreadable"), ("d.jpg", "unreadable")),
        ]
        assert list_events(installation, "derivative.made") == []

"""One media job, from the row to its events.

1. look whether the ledger already tells of it (a repeat after a crash, or after ``jobs.db`` was lost);
2. run the decoders in the sandbox, fed from the store by version id;
3. put what they made into the store, under keys that a repeat finds again;
4. append facts, findings and derivatives as one act: all of it or nothing.

A crash after any step only repeats: before 4 nothing was said, after 4 the ledger's unique claim refuses a second.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from chain_of_custody.errors import DuplicateClaimError
from ingest_server.custody.actors import Actor
from ingest_server.custody.recording import Event
from ingest_server.jobs.feeding import EXAMINATION, PICTURES
from ingest_server.media.confinement import Limits
from ingest_server.media.recording import make_events
from ingest_server.media.reports import read_examination_report, read_pictures_report
from ingest_server.media.sandbox import run_sandboxed, try_sandbox
from ingest_server.media.thresholds import Thresholds
from ingest_server.policy.values import read_policy
from ingest_server.recordings.queries import get_recording
from ingest_server.steps import reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest_server.installation import Installation
    from ingest_server.media.recording import Piece
    from ingest_server.media.sandbox import Outcome
    from ingest_server.store.contract import StoredVersion

WORKER = Actor("program", "ingest-server worker", "ingest-server worker")
_PICTURES_S, _EXAMINATION_S, _BYTES_PER_S = 120, 180, 1_000_000
_LONGEST_S = 6 * 3600
_TAIL_S = 20
_PATIENCE = 8


class FailedRunError(Exception):
    """The sandbox ended without a report; a second time that is the verdict on the recording."""


class SandboxBrokenError(Exception):
    """The sandbox fails on an empty file too: that is this machine's fault, and no verdict on a recording."""


@dataclass(frozen=True, slots=True)
class Work:
    """One job as a task sees it.

    Attributes:
        installation: The data folder.
        job: The row.
        is_stopped: Asked often whether to break off.
        on_progress: Told bytes done and bytes in all.
    """

    installation: Installation
    job: dict[str, Any]
    is_stopped: Callable[[], bool]
    on_progress: Callable[[int, int], None]

    @property
    def is_last_attempt(self) -> bool:
        """Whether a run that fails now is the verdict."""
        return int(self.job["failed_runs"]) > 0


def do_media_job(work: Work) -> str:
    """Do one job; says in a few words what came of it. May be repeated at will.

    Raises:
        StoppedError: It was broken off.
        FailedRunError: The sandbox failed, for the first time.
        SandboxBrokenError: The sandbox fails on everything.
        StoreError: The store does not answer or refuses.
        ServerError: The ledger takes nothing.
    """
    recording = get_recording(work.installation.catalogue, work.job["evidence_id"])
    if recording is None:
        return "there is no such recording"
    if _is_told(work):  # 1
        return "the ledger tells of it already"
    if work.job["kind"] == EXAMINATION.name and not _is_moving_or_sounding(work):
        return "nothing to examine"
    thresholds = read_thresholds(work.installation)
    outcome = _run(work, recording, thresholds)  # 2
    reached("work.decoded")
    if outcome.ending != "done":
        _judge_failure(work, outcome)
    stored = _store_pieces(work, outcome)  # 3
    reached("work.stored")
    events = _make_events(work, outcome, stored, thresholds)
    try:
        work.installation.custody.record(WORKER, *events)  # 4
    except DuplicateClaimError:
        return "the ledger tells of it already"
    reached("work.recorded")
    return outcome.ending


def _judge_failure(work: Work, outcome: Outcome) -> None:
    """Return only where a failed run is a verdict: the second time, on a machine where the sandbox works."""
    if not work.is_last_attempt:
        raise FailedRunError(f"the decoder failed and is tried once more ({outcome.ending}: {outcome.detail})")
    proof = try_sandbox()
    if proof.ending != "done":
        raise SandboxBrokenError(f"the sandbox does not work on this machine ({proof.ending}: {proof.detail})")


def _is_told(work: Work) -> bool:
    column = {PICTURES.name: "probed_index", EXAMINATION.name: "examined_index"}[work.job["kind"]]
    row = work.installation.catalogue.fetch_one(
        f"select {column} from media_facts where evidence_id = ?",  # noqa: S608 - one of two names
        work.job["evidence_id"],
    )
    return row is not None and row[0] is not None and row[0] > work.job["index"]


def _is_moving_or_sounding(work: Work) -> bool:
    row = work.installation.catalogue.fetch_one(
        "select verdict from media_facts where evidence_id = ?", work.job["evidence_id"]
    )
    return row is not None and row["verdict"] in {"video", "audio"}


def read_thresholds(installation: Installation) -> Thresholds:
    """The thresholds in force."""
    policy = read_policy(installation)
    return Thresholds(**{field.name: int(policy[f"quality.{field.name}"]) for field in fields(Thresholds)})


def _run(work: Work, recording: dict[str, Any], thresholds: Thresholds) -> Outcome:
    size, store = int(recording["size"]), work.installation.store
    key, version_id = recording["store_key"], recording["version_id"]
    wanted_s = _PICTURES_S if work.job["kind"] == PICTURES.name else _EXAMINATION_S + size // _BYTES_PER_S
    cpu_s = min(wanted_s, _LONGEST_S)
    # The process is nice: on a busy machine it waits long for its processor time, which is what is bounded first.
    limits = Limits(cpu_s=cpu_s, wall_s=cpu_s * _PATIENCE)
    request = {
        "task": work.job["kind"],
        "size": size,
        "path": str(recording["path"])[-200:],
        "budget_s": limits.cpu_s - _TAIL_S,
        "thresholds": thresholds.to_json(),
    }
    return run_sandboxed(
        request,
        lambda offset, length: b"".join(store.read(key, version_id, offset=offset, length=length)),
        limits,
        is_stopped=work.is_stopped,
        on_progress=lambda done: work.on_progress(done, size),
    )


def _store_pieces(work: Work, outcome: Outcome) -> list[tuple[Piece, StoredVersion]]:
    year = str(work.job["made_at"])[:4]
    stored = []
    for piece in outcome.pieces:
        # Random, because the job's base is, and the same again when the job is repeated.
        seed = f"{work.job['base']}/{piece.kind}/{piece.place}".encode()
        key = f"derivatives/{year}/{hashlib.sha256(seed).hexdigest()[:32]}"
        stored.append((piece, work.installation.store.put_derivative(key, piece.data)))
    return stored


def _make_events(
    work: Work, outcome: Outcome, stored: list[tuple[Piece, StoredVersion]], thresholds: Thresholds
) -> list[Event]:
    if work.job["kind"] == PICTURES.name:
        report = read_pictures_report(outcome)
    else:
        report = read_examination_report(outcome, thresholds)
    kind, origin, index = work.job["kind"], work.job["origin"], work.job["index"]
    tools = {**report.tools, "sandbox": " ".join(outcome.holds)}
    first = Event(
        report.event_type,
        "recording",
        work.job["evidence_id"],
        {**report.parts, "tools": {**tools}, "follows": {"kind": kind, "origin": origin, "index": index}},
        claims=(f"media:{kind}:{origin}:{index}",),
    )
    return [first, *make_events(work.job["evidence_id"], stored, tools)]

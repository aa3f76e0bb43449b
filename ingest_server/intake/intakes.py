"""Open receptions: one row an intake, from the first part request to the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant, parse_instant
from ingest_server.errors import BadRequestError, GoneError, NotFoundError, UnavailableError
from ingest_server.policy.values import read_count
from ingest_server.store.errors import UploadGoneError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ingest_server.docks.queries import Dock
    from ingest_server.installation import Installation
    from ingest_server.intake.dockings import Docking
    from ingest_server.store.contract import PartRequest, StoredPart

MIN_PART_SIZE = 5 * 1024 * 1024
MAX_PART_SIZE = 1024 * 1024 * 1024
MAX_PARTS = 10_000
# A part may be asked for again after a lost answer or an expired request; beyond this it is not honest work any more.
BUDGET_FACTOR = 8
BUDGET_FLOOR = 64 * 1024 * 1024
CANARY_GOOD_AT = "canary_good_at"


@dataclass(frozen=True, slots=True)
class Intake:
    """One open reception.

    Attributes:
        state: ``open``, then ``completed`` once the store made a version, ``done`` once there is a receipt,
            ``aborted`` where the upload was thrown away.
        entry_index: The ledger entry that the receipt is about, once there is one.
    """

    intake_id: str
    dock_id: str
    docking_id: str
    recorder_id: str
    path_b64: str
    size: int
    part_size: int
    store_key: str
    upload_id: str
    opened_at: datetime
    state: str
    manifest_sha256: str | None
    version_id: str | None
    entry_index: int | None
    is_repeat: bool

    @property
    def part_count(self) -> int:
        """How many parts the file has; an empty file is one empty part."""
        return max(1, -(-self.size // self.part_size))

    def size_of_part(self, number: int) -> int:
        """How long a part must be; only the last may be shorter."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)


def open_intake(installation: Installation, docking: Docking, *, path_b64: str, size: int, part_size: int) -> Intake:
    """Open an upload under the short lock for one file of a docking.

    Raises:
        BadRequestError: Part size or number of parts are outside the limits.
        UnavailableError: The store has not lately passed its canary.
    """
    if not MIN_PART_SIZE <= part_size <= MAX_PART_SIZE or size > part_size * MAX_PARTS:
        raise BadRequestError("bad_request", "the part size is outside the limits")
    check_canary(installation)
    now = installation.clock()
    key = f"originals/{now.year}/{new_id()}"
    lock_until = now + timedelta(days=read_count(installation, "lock.short_days"))
    upload_id = installation.store.create_upload(key, lock_until=lock_until, part_size=part_size)
    intake_id = new_id()
    installation.private.execute(
        "insert into intakes (intake_id, dock_id, docking_id, recorder_id, path_b64, size, part_size, store_key,"
        " upload_id, opened_at, state) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')",
        intake_id,
        docking.dock_id,
        docking.docking_id,
        docking.recorder_id,
        path_b64,
        size,
        part_size,
        key,
        upload_id,
        format_instant(now),
    )
    return load_intake(installation, intake_id)


def check_canary(installation: Installation) -> None:
    """Raise UnavailableError where the store's last good canary is too old or there is none."""
    good = installation.private.read_setting(CANARY_GOOD_AT)
    limit = timedelta(hours=read_count(installation, "canary.max_age_hours"))
    if good is None or installation.clock() - parse_instant(good) > limit:
        raise UnavailableError("canary_failed")


def load_intake(installation: Installation, intake_id: str, dock: Dock | None = None) -> Intake:
    """Read an intake; with ``dock`` it must be that dock's. Raises NotFoundError."""
    row = installation.private.fetch_one("select * from intakes where intake_id = ?", intake_id)
    if row is None or (dock is not None and row["dock_id"] != dock.dock_id):
        raise NotFoundError("not_found", "no such intake of this dock")
    return _read_row(row)


def sign_parts(installation: Installation, intake: Intake, parts: Sequence[tuple[int, int, str]]) -> list[PartRequest]:
    """Sign part requests: number, size and SHA-256 each, within the file's byte budget.

    Raises:
        BadRequestError: A part has another size than the file's division gives it, or the budget is spent.
        GoneError: The intake is not open, or its upload is older than half the short lock and was thrown away.
    """
    require_young(installation, intake)
    for number, size, _ in parts:
        if not 1 <= number <= intake.part_count or size != intake.size_of_part(number):
            raise BadRequestError("bad_request", f"part {number} of this file is not {size} bytes long")
    asked = sum(size for _, size, _ in parts)
    budget = BUDGET_FACTOR * intake.size + BUDGET_FLOOR
    spent = installation.private.execute(
        "update intakes set signed_bytes = signed_bytes + ? where intake_id = ? and signed_bytes + ? <= ?",
        asked,
        intake.intake_id,
        asked,
        budget,
    )
    if not spent:
        raise BadRequestError("bad_request", "the intake's byte budget is spent; begin a new one")
    now = installation.clock()
    return [
        installation.store.sign_part(intake.store_key, intake.upload_id, number, size, digest, now=now)
        for number, size, digest in parts
    ]


def list_intake_parts(installation: Installation, intake: Intake) -> list[StoredPart]:
    """What the store holds of the upload, for a dock that resumes; raises GoneError."""
    require_young(installation, intake)
    try:
        return installation.store.list_parts(intake.store_key, intake.upload_id)
    except UploadGoneError as error:
        set_state(installation, intake, "aborted")
        raise GoneError("upload_gone") from error


def require_young(installation: Installation, intake: Intake) -> None:
    """Throw an upload away that is older than half the short lock: it could run out before completion (formats §7)."""
    if intake.state != "open":
        raise GoneError("upload_gone", f"the intake is {intake.state}")
    if installation.clock() - intake.opened_at > half_short_lock(installation):
        abort_intake(installation, intake)
        raise GoneError("upload_gone", "the upload has become too old")


def half_short_lock(installation: Installation) -> timedelta:
    """How old an upload may become."""
    return timedelta(days=read_count(installation, "lock.short_days")) / 2


def abort_intake(installation: Installation, intake: Intake) -> None:
    """Throw an open upload away; a completed one is left alone."""
    if intake.state == "open":
        installation.store.abort_upload(intake.store_key, intake.upload_id)
        set_state(installation, intake, "aborted")


def sweep_intakes(installation: Installation) -> int:
    """Abort uploads that nobody will finish; returns how many."""
    limit = format_instant(installation.clock() - half_short_lock(installation))
    rows = installation.private.fetch("select * from intakes where state = 'open' and opened_at < ?", limit)
    for row in rows:
        abort_intake(installation, _read_row(row))
    return len(rows)


def set_state(installation: Installation, intake: Intake, state: str, **values: str | int | None) -> None:
    """Move an intake on; durable on return."""
    names = ["state", *values]
    assignments = ", ".join(f"{name} = ?" for name in names)
    installation.private.execute(
        f"update intakes set {assignments} where intake_id = ?",  # noqa: S608 - our own column names
        state,
        *values.values(),
        intake.intake_id,
    )


def _read_row(row: sqlite3.Row) -> Intake:
    return Intake(
        intake_id=row["intake_id"],
        dock_id=row["dock_id"],
        docking_id=row["docking_id"],
        recorder_id=row["recorder_id"],
        path_b64=row["path_b64"],
        size=row["size"],
        part_size=row["part_size"],
        store_key=row["store_key"],
        upload_id=row["upload_id"],
        opened_at=parse_instant(row["opened_at"]),
        state=row["state"],
        manifest_sha256=row["manifest_sha256"],
        version_id=row["version_id"],
        entry_index=row["entry_index"],
        is_repeat=bool(row["is_repeat"]),
    )

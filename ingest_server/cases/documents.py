"""Text records (笔录, 文书, 送达回证 …): kept like recordings are, in the store, read back, locked, and in the ledger.

1. the store makes a version of the file under the short lock;
2. the version is read back whole and its SHA-256 compared;
3. the lock is extended to the policy's floor and read back;
4. ``casefile.document_added`` is appended; a version that did not get so far is named as an orphan.

Taken from its stage a text record leaves the list, not the store; the history keeps both acts.
"""

from __future__ import annotations

import contextlib
import re
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

from chain_of_custody.digests import Digests, Hasher
from chain_of_custody.identities import new_id
from chain_of_custody.instants import format_instant
from ingest_server.cases.commands import check_stage
from ingest_server.cases.document_types import BEGINNING, name_media_type
from ingest_server.cases.queries import get_casefile, get_document
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError, ConflictedError, NotFoundError, ServerError, TooLargeError
from ingest_server.intake.intakes import check_canary
from ingest_server.intake.protecting import lock_to_floor, read_lock, record_orphan
from ingest_server.policy.values import read_count
from ingest_server.store.contract import StoredVersion, UploadedPart
from ingest_server.store.errors import StoreError, VersionMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chain_of_custody.canonical import JsonValue
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation
    from ingest_server.store.contract import LockState

# What a text record may be, with the words of the rules (R-TXT-1).
KINDS = {
    "transcript": "笔录",
    "legal_document": "文书",
    "approval": "审批表",
    "service_receipt": "送达回证",
    "evidence_list": "证据清单",
    "other": "其他",
}
PART_SIZE = 8 << 20
MAX_NAME = 200
TRIES = 20


def read_limit(installation: Installation) -> int:
    """How many bytes a text record may have."""
    return read_count(installation, "document.max_mib") << 20


def add_document(
    installation: Installation, actor: Actor, casefile_id: str, file: IO[bytes], *, name: str, kind: str, stage: str
) -> str:
    """Keep a text record at a stage of a case file; an event. Returns its identity.

    Args:
        installation: Where the case file is.
        actor: Who adds it.
        casefile_id: Which case file.
        file: Its bytes, readable from the start.
        name: As the person's computer calls it; folders before it are cut off.
        kind: One of ``KINDS``.
        stage: One of ``commands.STAGES``.

    Raises:
        BadRequestError: No such kind or stage, not a file that is taken, or empty.
        TooLargeError: It is larger than the policy lets it be.
        NotFoundError: There is no such case file.
        ConflictedError: What the store gives back is not what was sent, or is not locked.
        UnavailableError: The store cannot be trusted or reached at the moment.
    """
    name = check_text(re.split(r"[/\\]", name)[-1], "the name", MAX_NAME)
    check_stage(stage)
    if kind not in KINDS:
        raise BadRequestError("wrong_usage", f"there is no kind {kind}")
    if get_casefile(installation.catalogue, casefile_id) is None:
        raise NotFoundError("not_found")
    media_type = name_media_type(name, _read_beginning(file))
    check_canary(installation)
    version, digests = _store(installation, file)  # 1
    try:
        _compare_bytes(installation, version, digests)  # 2
        lock = lock_to_floor(installation, version)  # 3
        document = _describe(new_id(), name, kind, stage, media_type, version, digests, lock)
        _record_added(installation, actor, casefile_id, document)  # 4
    except (ServerError, StoreError):
        # Named as it stands in the store; a crash instead leaves it to its short lock, unnamed.
        with contextlib.suppress(ServerError):
            record_orphan(installation, version, "document_not_added")
        raise
    return str(document["document_id"])


def remove_document(
    installation: Installation, actor: Actor, casefile_id: str, document_id: str, *, reason: str, version: int
) -> None:
    """Take a text record from its stage; an event. Its bytes stay in the store.

    Raises:
        NotFoundError: It is not in this case file.
        ConflictedError: Somebody changed the case file meanwhile.
    """
    document = _find(installation, casefile_id, document_id)
    if document["removed_at"] is not None:
        raise ConflictedError("conflict", "it was removed already")
    removed: JsonValue = {"document_id": document_id, "name": document["name"], "stage": document["stage"]}
    event = Event(
        "casefile.document_removed",
        "casefile",
        casefile_id,
        {"document": removed, "reason": check_text(reason, "the reason")},
        expected_version=version,
    )
    installation.custody.record(actor, event)


def open_document(
    installation: Installation, actor: Actor, casefile_id: str, document_id: str
) -> tuple[dict[str, Any], Iterator[bytes]]:
    """A text record and its bytes, once the event says who takes them.

    Raises:
        NotFoundError: It is not in this case file.
    """
    document = _find(installation, casefile_id, document_id)
    taken: JsonValue = {"document_id": document_id, "name": document["name"], "sha256": document["sha256"]}
    installation.custody.record(
        actor, Event("casefile.document_downloaded", "casefile", casefile_id, {"document": taken})
    )
    return document, installation.store.read(document["store_key"], document["version_id"])


def _find(installation: Installation, casefile_id: str, document_id: str) -> dict[str, Any]:
    document = get_document(installation.catalogue, document_id)
    if document is None or document["casefile_id"] != casefile_id:
        raise NotFoundError("not_found")
    return document


def _read_beginning(file: IO[bytes]) -> bytes:
    file.seek(0)
    beginning = file.read(BEGINNING)
    file.seek(0)
    if not beginning:
        raise BadRequestError("document_empty")
    return beginning


def _store(installation: Installation, file: IO[bytes]) -> tuple[StoredVersion, Digests]:
    """Step 1: parts as they are read, so that memory stays flat."""
    now = installation.clock()
    key = f"documents/{now.year}/{new_id()}"
    lock_until = now + timedelta(days=read_count(installation, "lock.short_days"))
    upload_id = installation.store.create_upload(key, lock_until=lock_until, part_size=PART_SIZE)
    hasher, parts = Hasher(), list[UploadedPart]()
    try:
        for data in _read_parts(installation, file):
            hasher.update(data)
            parts.append(installation.store.store_part(key, upload_id, len(parts) + 1, data))
        return installation.store.complete_upload(key, upload_id, parts), hasher.digests()
    except (StoreError, TooLargeError):
        installation.store.abort_upload(key, upload_id)
        raise


def _read_parts(installation: Installation, file: IO[bytes]) -> Iterator[bytes]:
    limit, size = read_limit(installation), 0
    while data := file.read(PART_SIZE):
        size += len(data)
        if size > limit:
            raise TooLargeError("document_large", f"at most {limit >> 20} MiB")
        yield data


def _compare_bytes(installation: Installation, version: StoredVersion, digests: Digests) -> None:
    """Step 2: the stored version itself, by version id."""
    hasher = Hasher()
    try:
        for piece in installation.store.read(version.key, version.version_id):
            hasher.update(piece)
    except VersionMissingError as error:
        raise ConflictedError("digest_mismatch", "the stored version is missing") from error
    if hasher.digests() != digests:
        raise ConflictedError("digest_mismatch", "what was read back is not what was sent")
    read_lock(installation, version)


def _describe(
    document_id: str,
    name: str,
    kind: str,
    stage: str,
    media_type: str,
    version: StoredVersion,
    digests: Digests,
    lock: LockState,
) -> dict[str, JsonValue]:
    return {
        "document_id": document_id,
        "name": name,
        "kind": kind,
        "stage": stage,
        "media_type": media_type,
        "digests": digests.to_json(),
        "size": version.size,
        "store_key": version.key,
        "version_id": version.version_id,
        "lock_mode": str(lock.mode),
        "retain_until": format_instant(lock.retain_until) if lock.retain_until else None,
    }


def _record_added(installation: Installation, actor: Actor, casefile_id: str, document: dict[str, JsonValue]) -> None:
    """Step 4; adding depends on nothing else in the case file, so somebody else's act is no reason to refuse."""
    for _ in range(TRIES):
        head = installation.ledger.head(casefile_id)
        event = Event(
            "casefile.document_added",
            "casefile",
            casefile_id,
            {"document": document},
            expected_version=head.version if head else 0,
        )
        try:
            installation.custody.record(actor, event)
        except ConflictedError:
            continue
        return
    raise ConflictedError("conflict", "the case file keeps changing")

"""Verifies an export package, offline and under trust that comes from outside.

The steps, numbered as in :class:`chain_of_custody.progress.Step`, in the code and in every failure:

1. The archive is one that every program reads alike: no member twice, no difference between directory and headers, no
   links, no path out of the folder, nothing compressed or encrypted, no byte before, between or after its members.
2. Every file is what the bag's manifests say, none is unnamed and none is missing (RFC 8493).
3. The checkpoint is signed by a log whose key was given from outside, and cosigned where the policy demands it.
4. Every leaf is canonical and stands in the log under that checkpoint (RFC 6962).
5. Every disclosed part matches its leaf's commitment.
6. Every leaf is signed by an event key which the ledger itself established before that leaf and had not revoked.
7. The history of every listed subject runs without a gap from 1 and ends exactly where ``export.prepared`` says; the
   ledger itself is listed, so that no revocation of an event key is left out.
8. Every file under ``data/`` is committed to by an opened ``recording.received``; every listed recording has its file.
9. Every manifest is signed by a dock established before and listed, and says the same as what was received.
10. Earlier states of the log that leaves name are beginnings of this log.
11. ``report.json`` says exactly what follows from the rest.

A false step ends the verification: after it nothing in the package may be leaned upon. Without trust from outside the
same steps show only whether the package is consistent, and the verdict is never "proved".
"""

from pathlib import Path
from typing import BinaryIO

from chain_of_custody import bag
from chain_of_custody.errors import CustodyError, MalformedError, UndecidableError, VerificationError
from chain_of_custody.judging import judge_contents
from chain_of_custody.layout import derive_members
from chain_of_custody.package import (
    CHECKPOINT_NAME,
    REPORT_NAME,
    REPORT_PAGE_NAME,
    VERIFIER_NAME,
    PackageReader,
    load_contents,
)
from chain_of_custody.policy import TrustPolicy
from chain_of_custody.progress import Progress, Step
from chain_of_custody.receipt_file import MAX_RECEIPT, looks_like_receipt, verify_receipt_data
from chain_of_custody.report import Failure, Verdict, VerificationReport, derive_facts
from chain_of_custody.ziptrust import ZipRefusedError

__all__ = ["verify_file", "verify_package", "verify_receipt_file"]

_MAX_NAMED = 20
_MAX_SEARCHED = 32 << 20


def verify_file(path: Path | str, trust: TrustPolicy | None) -> VerificationReport:
    """Verify a package or a receipt, told apart by how the file begins."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(MAX_RECEIPT + 1)
    except OSError as error:
        return _unreadable(path, error)
    if looks_like_receipt(start):
        return verify_receipt_data(start, trust, name=Path(path).name)
    return verify_package(path, trust)


def verify_receipt_file(path: Path | str, trust: TrustPolicy | None) -> VerificationReport:
    """Verify a receipt alone; what only its dock can judge is said (:mod:`chain_of_custody.receipt_file`)."""
    try:
        with Path(path).open("rb") as file:
            return verify_receipt_data(file.read(MAX_RECEIPT + 1), trust, name=Path(path).name)
    except OSError as error:
        return _unreadable(path, error)


def verify_package(path: Path | str, trust: TrustPolicy | None) -> VerificationReport:
    """Verify an export package by the steps of this module.

    Args:
        path: The package's file.
        trust: What is believed from outside, or None.

    Returns:
        The verdict; no error of a hostile file is ever raised. Proved only under trust from outside.
    """
    progress = Progress()
    try:
        with Path(path).open("rb") as file:
            return _verify_members(file, Path(path).name, trust, progress)
    except (MalformedError, UndecidableError, VerificationError) as error:
        return _report_failure(error, path, progress)
    except OSError as error:
        return _unreadable(path, error)


def _report_failure(error: CustodyError, path: Path | str, progress: Progress) -> VerificationReport:
    """Tell what is false from what cannot be judged."""
    name = Path(path).name
    if isinstance(error, UndecidableError):
        return _undecided(name, "package", str(error))
    if progress.step is Step.ARCHIVE and (isinstance(error, MalformedError) or not _names_a_checkpoint(path)):
        return _undecided(name, "unknown", f"no package: {error}")
    if isinstance(error, ZipRefusedError):
        # The archive is refused in step 1, or in step 2 when a member's bytes do not match the archive's own sum.
        return _false(name, Failure(error.problem, error.where, progress.step))
    return _false(name, Failure(str(error), progress.where, progress.step))


def _verify_members(file: BinaryIO, name: str, trust: TrustPolicy | None, progress: Progress) -> VerificationReport:
    reader = PackageReader(file)  # 1
    reader.check_names()
    digests = _check_manifests(reader, progress)  # 2
    progress.prove("archive", files=len(reader.members))
    contents = load_contents(reader, digests, lambda where: progress.at(Step.INCLUSION, where))
    judgement = judge_contents(contents, trust, progress)  # 3 to 10
    facts = derive_facts(contents, judgement)
    _check_derived(reader, dict(derive_members(contents, judgement, facts)), progress)  # 11
    return VerificationReport(
        Verdict.PROVED if judgement.is_signer_established else Verdict.UNDECIDED,
        "package",
        name,
        tuple(progress.proved),
        tuple(progress.not_proved),
        is_consistent=True,
        fingerprint=judgement.trusted.log.key.key_id,
        vkey=judgement.vkey,
        facts=facts,
    )


def _check_manifests(reader: PackageReader, progress: Progress) -> dict[str, str]:
    """Step 2; returns the digest of every member but the tag manifest itself, which the log's proofs do not need."""
    progress.at(Step.MANIFESTS, bag.DECLARATION_NAME)
    if reader.read(bag.DECLARATION_NAME) != bag.BAGIT_TXT:
        raise VerificationError("not the declaration of a BagIt 1.0 bag")
    progress.at(Step.MANIFESTS, bag.TAG_MANIFEST_NAME)
    named = bag.parse_manifest(reader.read(bag.TAG_MANIFEST_NAME))
    progress.at(Step.MANIFESTS, bag.MANIFEST_NAME)
    payload = bag.parse_manifest(reader.read(bag.MANIFEST_NAME))
    _check_division(named, payload)
    named.update(payload)
    problems = [f"{path} is missing" for path in sorted(named.keys() - reader.members.keys())]
    unnamed = reader.members.keys() - named.keys() - {bag.TAG_MANIFEST_NAME}
    problems += [f"{path} is named by no manifest" for path in sorted(unnamed)]
    digests = {}
    for path in sorted(named.keys() & reader.members.keys()):
        progress.at(Step.MANIFESTS, path)
        digests[path] = reader.digest(path)
        if digests[path] != named[path]:
            problems.append(f"{path} differs from its SHA-256")
    if problems:
        progress.at(Step.MANIFESTS, "bag")
        more = f" and {len(problems) - _MAX_NAMED} more" if len(problems) > _MAX_NAMED else ""
        raise VerificationError("; ".join(problems[:_MAX_NAMED]) + more)
    return digests


def _check_division(tags: dict[str, str], payload: dict[str, str]) -> None:
    """The payload manifest names what lies under ``data/``, the tag manifest everything else (RFC 8493 section 2)."""
    if any(not path.startswith("data/") for path in payload):
        raise VerificationError("it names files outside data/")
    if any(path.startswith("data/") or path == bag.TAG_MANIFEST_NAME for path in tags):
        raise VerificationError("the tag manifest names itself or files under data/")


def _check_derived(reader: PackageReader, derived: dict[str, bytes], progress: Progress) -> None:
    """Step 11; also the copies of keys and policy are what follows, so that no reader is misled by them."""
    others = {bag.MANIFEST_NAME, bag.TAG_MANIFEST_NAME, REPORT_PAGE_NAME, VERIFIER_NAME}
    present = {name for name in reader.members if not name.startswith("data/")} - others
    for name in sorted(present | derived.keys(), key=lambda name: (name != REPORT_NAME, name)):
        progress.at(Step.REPORT, name)
        if name not in derived or reader.read(name) != derived[name]:
            raise VerificationError("it is not what follows from the leaves, openings and files")
    progress.prove("report")


def _names_a_checkpoint(path: Path | str) -> bool:
    """Tell whether a refused archive claims to be a package at all; other people's ZIPs are not false but foreign."""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _MAX_SEARCHED))
            return f"/{CHECKPOINT_NAME}".encode() in file.read(_MAX_SEARCHED)
    except OSError:
        return False


def _false(name: str, failure: Failure) -> VerificationReport:
    return VerificationReport(Verdict.FALSE, "package", name, failure=failure)


def _undecided(name: str, kind: str, problem: str) -> VerificationReport:
    return VerificationReport(Verdict.UNDECIDED, kind, name, failure=Failure(problem, "archive"))


def _unreadable(path: Path | str, error: OSError) -> VerificationReport:
    return _undecided(Path(path).name, "unknown", f"the file cannot be read: {error.strerror or error}")

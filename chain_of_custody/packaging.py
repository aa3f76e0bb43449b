"""Writes an export package: one stored ZIP holding a BagIt bag that :mod:`chain_of_custody.verifier` accepts.

The contents are judged before the first byte is written, so a package that would not verify is never handed out, and
each original is hashed again while it is copied. Memory stays flat whatever the originals' size; the same inputs give
the same bytes.
"""

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from chain_of_custody import bag
from chain_of_custody.errors import CustodyError
from chain_of_custody.judging import Judgement, judge_contents
from chain_of_custody.layout import derive_members
from chain_of_custody.package import (
    REPORT_PAGE_NAME,
    VERIFIER_NAME,
    DataFile,
    PackageContents,
    PackedLeaf,
    data_name,
)
from chain_of_custody.policy import Policy, TrustPolicy
from chain_of_custody.progress import Progress
from chain_of_custody.pyz import build_verifier
from chain_of_custody.report import derive_facts
from chain_of_custody.report_page import render_page
from chain_of_custody.sentences import Sentence
from chain_of_custody.ziptrust import MEMBER_MODE

if TYPE_CHECKING:
    from chain_of_custody.drafts import Entry
    from chain_of_custody.proofs import ConsistencyProof, LogProof

__all__ = ["Original", "PackageProofs", "PackageSummary", "PackagingError", "write_package"]

_CHUNK = 1 << 20


class PackagingError(CustodyError):
    """A package was not finished: what would have been in it does not verify, or an original changed under the copy."""


@dataclass(frozen=True)
class Original:
    """One original to be packed.

    Attributes:
        evidence_id: 32 hex characters.
        name: Its name on the recorder, of which only a plain ending is kept.
        open: Yields its bytes in pieces.
    """

    evidence_id: str
    name: str
    size: int
    sha2_256: str
    open: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class PackageProofs:
    """One checkpoint and, all under it, a proof for each leaf and each earlier state that a leaf names."""

    checkpoint_note: bytes
    proofs: "Mapping[int, LogProof]"
    consistency: "Mapping[int, ConsistencyProof]"


@dataclass(frozen=True)
class PackageSummary:
    """What was written: the archive's own digest and size, and how many files it holds."""

    sha256: str
    size: int
    files: int


def write_package(
    out: BinaryIO,
    *,
    top: str,
    originals: Iterable[Original],
    entries: "Sequence[Entry]",
    ledger_proofs: PackageProofs,
    prepared_index: int,
    vkey: str,
    progress: Callable[[int], None] | None = None,
) -> PackageSummary:
    """Write one package.

    Args:
        out: An empty file, seekable and readable (``w+b`` or ``x+b``). Making it durable, and deleting it after an
            error, is the caller's.
        top: The name of the package's one folder; what is not plain ASCII in it becomes ``-``.
        originals: One for each recording that ``export.prepared`` lists.
        entries: The leaves with those parts of their records that are to be disclosed
            (:func:`chain_of_custody.gathering.gather_entries`).
        ledger_proofs: Proofs for exactly these leaves.
        prepared_index: Index of the ``export.prepared`` leaf.
        vkey: The log's verifier key.
        progress: Told the number of bytes of originals written since it was last told.

    Raises:
        PackagingError: The package would not verify, or an original's bytes are not what the ledger says.
    """
    chosen = tuple(originals)
    contents = _assemble(chosen, entries, ledger_proofs, vkey)
    judgement, limits = _judge(contents, vkey, prepared_index)
    facts = derive_facts(contents, judgement)
    date = judgement.completeness.prepared.leaf.time
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        writer = _BagWriter(archive, _plain_folder(top), date)
        for name, data in derive_members(contents, judgement, facts):
            writer.add(name, data)
        writer.add(REPORT_PAGE_NAME, render_page(facts, limits))
        writer.add(VERIFIER_NAME, build_verifier())
        for file, original in zip(contents.files, chosen, strict=True):
            writer.copy(file, original, progress)
        writer.finish()
        files = len(archive.infolist())
    return _summarize(out, files)


def _assemble(
    originals: Sequence[Original], entries: "Sequence[Entry]", proofs: PackageProofs, vkey: str
) -> PackageContents:
    missing = [entry.index for entry in entries if entry.index not in proofs.proofs]
    if missing:
        raise PackagingError(f"no proof for the leaf at index {missing[0]}")
    leaves = tuple(
        PackedLeaf(entry.index, entry.leaf, entry.record.parts if entry.record else {}, proofs.proofs[entry.index])
        for entry in sorted(entries, key=lambda entry: entry.index)
    )
    files = tuple(
        DataFile(
            data_name(original.evidence_id, PurePosixPath(original.name).suffix),
            original.evidence_id,
            original.size,
            original.sha2_256,
            original.open,
        )
        for original in originals
    )
    return PackageContents(proofs.checkpoint_note, vkey, leaves, proofs.consistency, files)


def _judge(contents: PackageContents, vkey: str, prepared_index: int) -> tuple[Judgement, tuple[Sentence, ...]]:
    """Judge as a stranger will, under this ledger's own key; returns also what is not proved."""
    progress = Progress()
    try:
        judgement = judge_contents(contents, TrustPolicy((Policy.from_vkey(vkey),)), progress)
    except CustodyError as error:
        raise PackagingError(f"{progress.where}: {error}") from error
    if judgement.completeness.prepared.index != prepared_index:
        raise PackagingError("the leaves hold another export.prepared than the one to be packed")
    return judgement, tuple(progress.not_proved)


def _plain_folder(top: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", top).strip("-")[:60]
    return plain or "package"


class _BagWriter:
    """Adds members to the archive and keeps their digests for the manifests."""

    def __init__(self, archive: zipfile.ZipFile, top: str, instant: str) -> None:
        self._archive = archive
        self._top = top
        # The members' time is that of the export's leaf, so that the same export gives the same bytes.
        numbers = [int(number) for number in re.split(r"[-T:.Z]", instant)[:6]]
        self._date_time = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])
        self._payload: dict[str, str] = {}
        self._tags: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> None:
        """Add a tag file."""
        with self._archive.open(self._describe(name, len(data)), "w") as member:
            member.write(data)
        self._tags[name] = hashlib.sha256(data).hexdigest()

    def copy(self, file: DataFile, original: Original, progress: Callable[[int], None] | None) -> None:
        """Stream an original in; raises PackagingError when its bytes are not what was committed to."""
        state, size = hashlib.sha256(), 0
        with self._archive.open(self._describe(file.name, file.size), "w") as member:
            for piece in original.open():
                size += len(piece)
                if size > file.size:
                    break
                state.update(piece)
                member.write(piece)
                if progress is not None:
                    progress(len(piece))
        if size != file.size or state.hexdigest() != file.sha2_256:
            raise PackagingError(f"{file.name}: the store's bytes are not what the ledger says was received")
        self._payload[file.name] = state.hexdigest()

    def finish(self) -> None:
        """Write both manifests, the one of the tag files last."""
        self.add(bag.MANIFEST_NAME, bag.format_manifest(self._payload))
        self.add(bag.TAG_MANIFEST_NAME, bag.format_manifest(self._tags))

    def _describe(self, name: str, size: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(f"{self._top}/{name}", self._date_time)
        info.create_system = 3
        info.external_attr = MEMBER_MODE << 16
        # The size decides whether the header is a ZIP64 one, so it is said before the first byte.
        info.file_size = size
        return info


def _summarize(out: BinaryIO, files: int) -> PackageSummary:
    """Hash the archive as it now is; its headers were completed after their members were written."""
    state, size = hashlib.sha256(), 0
    out.seek(0)
    while piece := out.read(_CHUNK):
        state.update(piece)
        size += len(piece)
    return PackageSummary(state.hexdigest(), size, files)

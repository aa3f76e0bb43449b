"""Checks a whole ledger: every leaf, chain, tile and record against what was signed.

Sources: a data folder (``ledger.db`` and ``lock.db``), a folder of static tiles, or a function that reads paths of the
published layout, such as one over HTTP. Memory stays flat: leaves pass by in stretches; only where each subject's
history ends is remembered.
"""

from collections.abc import Callable
from pathlib import Path

from chain_of_custody.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint_text
from chain_of_custody.errors import CustodyError, MalformedError, UndecidableError, VerificationError
from chain_of_custody.findings import Finding
from chain_of_custody.fsck_database import DatabaseSource
from chain_of_custody.fsck_leaves import LeafChecker
from chain_of_custody.fsck_tiles import PublishedSource, TileChecker
from chain_of_custody.note import parse_note, parse_vkey

__all__ = ["MAX_FINDINGS", "check_ledger"]

MAX_FINDINGS = 1000
PathReader = Callable[[str], bytes]


def check_ledger(source: Path | PathReader, vkey: str | None) -> list[Finding]:
    """Check a whole ledger and report what is wrong, at most 1,000 findings.

    1. the checkpoint is one, is the log's under ``vkey``, and covers all leaves;
    2. every leaf is canonical, of this ledger, in its subject's chain, no earlier than the one before it, and signed by
       an event key that the ledger established;
    3. every stored tile is what the leaves hash to, and the root is the signed one;
    4. every record matches its leaf's commitments; heads and claims are what the leaves say (data folder only).

    Args:
        source: A data folder, a folder of tiles, or a reader of published paths.
        vkey: The log's verifier key; None checks structure only.

    Returns:
        Findings; no ``error`` among them means that nothing is wrong.

    Raises:
        UndecidableError: There is no ledger at this place.
        CustodyError: The verifier key is none.
    """
    if vkey is not None:
        parse_vkey(vkey)
    place = _open_source(source)
    findings: list[Finding] = []
    try:
        checkpoint = _check_checkpoint(place, vkey, findings)
        if checkpoint is None:
            return findings
        leaves = LeafChecker(checkpoint.origin, has_records=isinstance(place, DatabaseSource))
        tiles = TileChecker(place, checkpoint)
        for index, data, record in place.read_entries(checkpoint.size, findings):
            leaves.check(index, data, record, findings)
            tiles.add(data, findings)
            if len(findings) >= MAX_FINDINGS:
                return findings[:MAX_FINDINGS]
        tiles.finish(findings)
        leaves.finish(findings)
        if isinstance(place, DatabaseSource):
            place.check_tables(leaves.heads, findings)
    finally:
        place.close()
    return findings[:MAX_FINDINGS]


def _open_source(source: Path | PathReader) -> DatabaseSource | PublishedSource:
    if not isinstance(source, Path):
        return PublishedSource(source)
    if (source / "ledger.db").exists():
        return DatabaseSource(source)
    if (source / "checkpoint").exists():
        return PublishedSource(lambda path: (source / path).read_bytes())
    raise UndecidableError(f"{source} is neither a data folder nor a folder of tiles")


def _check_checkpoint(
    place: DatabaseSource | PublishedSource, vkey: str | None, findings: list[Finding]
) -> Checkpoint | None:
    note = place.read_checkpoint(findings)
    if note is None:
        return None
    try:
        checkpoint = parse_checkpoint_text(parse_note(note)[0])
    except MalformedError as error:
        findings.append(Finding("checkpoint_malformed", "error", "checkpoint", str(error)))
        return None
    if vkey is not None:
        log = parse_vkey(vkey)
        try:
            open_checkpoint(note, [log], log.name)
        except VerificationError as error:
            findings.append(Finding("checkpoint_not_signed", "error", "checkpoint", str(error)))
        except CustodyError as error:
            findings.append(Finding("checkpoint_malformed", "error", "checkpoint", str(error)))
    return checkpoint

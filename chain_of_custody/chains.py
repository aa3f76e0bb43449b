"""Step 7: each listed subject's leaves run from its first to exactly where ``export.prepared`` says they end.

A proof of inclusion cannot show that nothing was left out. The export's own leaf can: the ledger took it only while
every listed subject still ended at the listed leaf (``docs/package-format.md``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chain_of_custody.canonical import JsonValue
from chain_of_custody.errors import MalformedError, UndecidableError, VerificationError
from chain_of_custody.identities import check_id, parse_shown_id
from chain_of_custody.leaves import leaf_digest
from chain_of_custody.package import PackedLeaf, member_name
from chain_of_custody.progress import Progress, Step

__all__ = ["Completeness", "Head", "check_chains", "parse_heads"]

PREPARED = "export.prepared"
RECEIVED = "recording.received"


@dataclass(frozen=True)
class Head:
    """Where a subject's history ends in an export."""

    subject: str
    seq: int
    leaf_sha256: str


@dataclass(frozen=True)
class Completeness:
    """Which histories are whole, and the leaf that says so."""

    prepared: PackedLeaf
    chains: Mapping[str, tuple[PackedLeaf, ...]]
    partial: frozenset[str]
    attached: frozenset[str]

    @property
    def listed(self) -> frozenset[str]:
        """The subjects whose histories are whole."""
        return frozenset(self.chains)

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Return the listed subjects of one kind, in the order in which the log met them."""
        return tuple(subject for subject, chain in self.chains.items() if chain[0].leaf.subject_kind == kind)


def parse_heads(value: JsonValue) -> tuple[Head, ...]:
    """Read the heads of an ``export.prepared`` part; raises MalformedError."""
    listed = value.get("heads") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise MalformedError("export.prepared does not list heads")
    heads = []
    for item in listed:
        match item:
            case {"subject": str(subject), "seq": int(seq), "leaf_sha256": str(digest), **rest} if not rest:
                check_id(subject)
                heads.append(Head(subject, seq, digest))
            case _:
                raise MalformedError("a head is {subject, seq, leaf_sha256}")
    if len({head.subject for head in heads}) != len(heads):
        raise MalformedError("export.prepared lists a subject twice")
    return tuple(heads)


def check_chains(leaves: Sequence[PackedLeaf], progress: Progress) -> Completeness:
    """Check all histories in the package.

    Raises:
        VerificationError: A history has a gap, does not end at its head, or goes on after the export was prepared.
        UndecidableError: The package speaks of no recording at all.
    """
    progress.at(Step.CHAINS, PREPARED)
    prepared = _find_prepared(leaves)
    progress.at(Step.CHAINS, member_name("openings", prepared.index))
    if "prepared" not in prepared.openings:
        raise VerificationError("export.prepared does not disclose what it lists")
    heads = parse_heads(prepared.openings["prepared"].value)
    by_subject: dict[str, list[PackedLeaf]] = {}
    for packed in leaves:
        by_subject.setdefault(packed.leaf.subject, []).append(packed)
    listed = {head.subject: head for head in heads}
    chains = {}
    for subject, chain in by_subject.items():
        _check_links(chain, progress)
        if subject in listed:
            _check_ends(chain, listed[subject], prepared.index, progress)
            chains[subject] = tuple(chain)
    for subject in listed:
        if subject not in chains:
            progress.at(Step.CHAINS, f"subject {subject}")
            raise VerificationError("export.prepared lists it, but the package holds none of its leaves")
    progress.prove("chains", subjects=len(chains), index=prepared.index, time=prepared.leaf.time)
    partial = by_subject.keys() - listed.keys() - {prepared.leaf.subject}
    return Completeness(prepared, chains, frozenset(partial), _attached_recordings(chains))


def _find_prepared(leaves: Sequence[PackedLeaf]) -> PackedLeaf:
    found = [packed for packed in leaves if packed.leaf.type == PREPARED and packed.leaf.subject_kind == "export"]
    if not found and not any(packed.leaf.type == RECEIVED for packed in leaves):
        raise UndecidableError("the package proves no recording")
    if len(found) != 1:
        raise VerificationError(f"{len(found)} such leaves; exactly one says what the package must hold")
    return found[0]


def _check_links(chain: Sequence[PackedLeaf], progress: Progress) -> None:
    """Leaves of one subject keep their order; neighbours must be linked, wherever the log has nothing between."""
    for packed in chain:
        progress.at(Step.CHAINS, member_name("leaf", packed.index))
        if (packed.leaf.seq == 1) != (packed.leaf.prev is None):
            raise VerificationError("only the first leaf of a subject has none before it")
    for before, after in pairwise(chain):
        progress.at(Step.CHAINS, member_name("leaf", after.index))
        if after.leaf.subject_kind != before.leaf.subject_kind or after.leaf.seq <= before.leaf.seq:
            raise VerificationError("the leaves of its subject are not in order")
        if after.leaf.seq == before.leaf.seq + 1 and after.leaf.prev != leaf_digest(before.leaf.data):
            raise VerificationError("it does not follow the leaf before it")


def _check_ends(chain: Sequence[PackedLeaf], head: Head, prepared_index: int, progress: Progress) -> None:
    for expected, packed in enumerate(chain, start=1):
        progress.at(Step.CHAINS, member_name("leaf", packed.index))
        if packed.leaf.seq != expected:
            raise VerificationError(f"number {expected} of its subject's history is missing before it")
    last = chain[-1]
    if last.leaf.seq != head.seq or leaf_digest(last.leaf.data) != head.leaf_sha256:
        raise VerificationError(f"its subject's history does not end at number {head.seq}, as export.prepared says")
    if last.index >= prepared_index:
        raise VerificationError("it was recorded after the export was prepared")


def _attached_recordings(chains: Mapping[str, Sequence[PackedLeaf]]) -> frozenset[str]:
    """Return the recordings that the listed case files hold at the end of their histories."""
    attached: set[str] = set()
    for chain in chains.values():
        stages: set[tuple[str, str]] = set()
        for packed in chain:
            if packed.leaf.type in {"casefile.attached", "casefile.detached"} and "attachment" in packed.openings:
                key = _read_attachment(packed.openings["attachment"].value)
                (stages.add if packed.leaf.type == "casefile.attached" else stages.discard)(key)
        attached |= {evidence_id for evidence_id, _ in stages}
    return frozenset(attached)


def _read_attachment(value: JsonValue) -> tuple[str, str]:
    match value:
        case {"evidence_id": str(evidence_id), "stage": str(stage)}:
            return (evidence_id if len(evidence_id) == 32 else parse_shown_id(evidence_id)), stage
        case _:
            raise MalformedError("an attachment is {evidence_id, stage}")

"""Steps 3 to 10 of the verification: what the contents of a package prove, on values only.

The same function judges a package that was read and one that is about to be written, so that a package that would not
verify is never handed out. The steps and their numbers are those of :func:`chain_of_custody.verifier.verify_package`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chain_of_custody.chains import Completeness, check_chains
from chain_of_custody.checkpoint import Checkpoint
from chain_of_custody.commitments import verify_opening
from chain_of_custody.errors import VerificationError
from chain_of_custody.establishing import KeyRegister
from chain_of_custody.merkle import hash_leaf, verify_consistency, verify_inclusion
from chain_of_custody.note import format_vkey
from chain_of_custody.package import CHECKPOINT_NAME, PackageContents, PackedLeaf, member_name, read_anchor
from chain_of_custody.policy import Policy, TrustedCheckpoint, TrustPolicy
from chain_of_custody.progress import Progress, Step
from chain_of_custody.received import Docks, ProvedRecording, check_dock_signatures, check_files

__all__ = ["Judgement", "judge_contents"]


@dataclass(frozen=True)
class Judgement:
    """What is established about a package's contents, before its report is compared."""

    trusted: TrustedCheckpoint
    vkey: str
    is_signer_established: bool
    keys: KeyRegister
    completeness: Completeness
    recordings: tuple[ProvedRecording, ...]

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that everything was judged under."""
        return self.trusted.checkpoint


def judge_contents(contents: PackageContents, trust: TrustPolicy | None, progress: Progress) -> Judgement:
    """Judge parsed contents.

    Args:
        contents: What the package holds.
        trust: Keys and policies from outside; without any, consistency is judged under the package's own copy.
        progress: Told each place before it is judged, and what is proved and not.

    Raises:
        MalformedError: Something is not in its format.
        VerificationError: Something is false; ``progress`` says where.
        UndecidableError: The package proves no recording.
    """
    trusted, vkey = _open_checkpoint(contents, trust, progress)  # 3
    _check_inclusion(contents, trusted.checkpoint, progress)  # 4
    _check_openings(contents.leaves, progress)  # 5
    keys = _check_signatures(contents.leaves, trusted.checkpoint.origin, vkey, progress)  # 6
    progress.prove("included", events=len(contents.leaves))
    progress.prove("openings", openings=sum(len(packed.openings) for packed in contents.leaves))
    completeness = check_chains(contents.leaves, progress)  # 7
    _check_ledger_listed(keys, completeness, progress)
    found = check_files(contents.files, completeness, progress)  # 8
    docks = Docks(trusted.checkpoint.origin, keys, completeness.listed)
    recordings = check_dock_signatures(found, docks, progress)  # 9
    _check_anchors(contents, trusted.checkpoint, progress)  # 10
    judgement = Judgement(trusted, vkey, trust is not None, keys, completeness, recordings)
    _state_limits(contents.leaves, judgement, progress)
    return judgement


def _open_checkpoint(
    contents: PackageContents, trust: TrustPolicy | None, progress: Progress
) -> tuple[TrustedCheckpoint, str]:
    progress.at(Step.CHECKPOINT, CHECKPOINT_NAME)
    # Without trust from outside the package's own copy shows whether it is consistent, and nothing more.
    believed = trust or TrustPolicy((Policy.from_vkey(contents.log_vkey),))
    trusted = believed.verify(contents.checkpoint_note)
    vkey = format_vkey(trusted.log)
    if contents.log_vkey != vkey:
        raise VerificationError("the copy of the log key in the package is not the key that signed the checkpoint")
    code = "log_signature" if trust else "log_signature_unestablished"
    progress.prove(code, size=trusted.checkpoint.size, origin=trusted.checkpoint.origin)
    return trusted, vkey


def _check_inclusion(contents: PackageContents, checkpoint: Checkpoint, progress: Progress) -> None:
    last_time = ""
    for packed in contents.leaves:
        progress.at(Step.INCLUSION, member_name("proof", packed.index))
        if packed.proof.index != packed.index or packed.proof.checkpoint_note != contents.checkpoint_note:
            raise VerificationError("it is the proof of another leaf, or one under another checkpoint")
        verify_inclusion(packed.index, checkpoint.size, hash_leaf(packed.leaf.data), packed.proof.path, checkpoint.root)
        progress.at(Step.INCLUSION, member_name("leaf", packed.index))
        if packed.leaf.origin != checkpoint.origin:
            raise VerificationError("the leaf names another ledger")
        # Instants have one fixed form, so their texts order as their times do.
        if packed.leaf.time < last_time:
            raise VerificationError("its time is earlier than that of a leaf before it")
        last_time = packed.leaf.time


def _check_openings(leaves: tuple[PackedLeaf, ...], progress: Progress) -> None:
    for packed in leaves:
        progress.at(Step.OPENINGS, member_name("openings", packed.index))
        for opening in packed.openings.values():
            verify_opening(opening, packed.leaf.commitments)


def _check_signatures(leaves: tuple[PackedLeaf, ...], origin: str, vkey: str, progress: Progress) -> KeyRegister:
    progress.at(Step.KEYS, member_name("leaf", 0))
    if not leaves or leaves[0].index != 0:
        raise VerificationError("missing: without the first leaf no key is established")
    keys = KeyRegister(origin, vkey)
    for packed in leaves:
        progress.at(Step.KEYS, member_name("leaf", packed.index))
        keys.follow(packed)
    return keys


def _check_ledger_listed(keys: KeyRegister, completeness: Completeness, progress: Progress) -> None:
    """Without the ledger's whole history the revocation of an event key could be left out."""
    progress.at(Step.CHAINS, member_name("openings", completeness.prepared.index))
    if not {period.holder for period in keys.event_keys} <= completeness.listed:
        raise VerificationError("export.prepared does not list the ledger itself: a revocation could be left out")


def _check_anchors(contents: PackageContents, checkpoint: Checkpoint, progress: Progress) -> None:
    roots: dict[int, bytes] = {}
    for packed in contents.leaves:
        anchor = packed.leaf.anchor
        if anchor is None:
            continue
        progress.at(Step.ANCHORS, member_name("leaf", packed.index))
        size, root = read_anchor(anchor)
        if size > packed.index or roots.setdefault(size, root) != root:
            raise VerificationError("it names a state of the log that was not before it, or not the same as another's")
    _verify_roots(roots, contents, checkpoint, progress)
    if roots:
        progress.prove("anchors", anchors=len(roots))


def _verify_roots(
    roots: Mapping[int, bytes], contents: PackageContents, checkpoint: Checkpoint, progress: Progress
) -> None:
    for size in sorted(roots.keys() | contents.consistency.keys()):
        progress.at(Step.ANCHORS, member_name("consistency", size))
        proof = contents.consistency.get(size)
        if proof is None:
            raise VerificationError("missing: a leaf names this earlier state of the log")
        if size not in roots:
            raise VerificationError("no leaf in the package names this earlier state of the log")
        if proof.new_size != checkpoint.size:
            raise VerificationError("it does not lead to the package's checkpoint")
        verify_consistency(size, checkpoint.size, roots[size], checkpoint.root, proof.path)


def _state_limits(leaves: tuple[PackedLeaf, ...], judgement: Judgement, progress: Progress) -> None:
    """Say what a reader might believe and must not; the sentences stand as large as what is proved."""
    completeness = judgement.completeness
    if not judgement.is_signer_established:
        progress.leave_open("signer")
    if not judgement.trusted.quorum_demanded:
        progress.leave_open("no_witness")
    else:
        names = ", ".join(sorted(item.witness.name for item in judgement.trusted.cosignatures))
        progress.prove("witnessed", names=names)
    progress.leave_open("since_docking")
    progress.leave_open("content")
    progress.leave_open("claims")
    progress.leave_open("time")
    progress.leave_open("later", index=completeness.prepared.index)
    progress.leave_open("unrecorded")
    progress.leave_open("store")
    _state_gaps(leaves, judgement, progress)
    progress.leave_open("copies")


def _state_gaps(leaves: tuple[PackedLeaf, ...], judgement: Judgement, progress: Progress) -> None:
    """Say what this package in particular leaves open."""
    completeness = judgement.completeness
    holders = {period.holder for period in (*judgement.keys.event_keys, *judgement.keys.dock_keys)}
    counts = {
        "store_unprotected": ("files", sum(recording.lock_mode == "none" for recording in judgement.recordings)),
        "keys_not_listed": ("subjects", len(holders - completeness.listed)),
        "partial_subjects": ("subjects", len(completeness.partial - holders)),
        "withheld": ("parts", sum(len(packed.leaf.commitments) - len(packed.openings) for packed in leaves)),
        "casefile_other": (
            "recordings",
            len(completeness.attached - {recording.evidence_id for recording in judgement.recordings}),
        ),
    }
    for code, (name, count) in counts.items():
        if count:
            progress.leave_open(code, **{name: count})

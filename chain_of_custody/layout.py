"""The members of a package that follow from its contents, byte for byte.

The writer writes them, and the verifier derives them again: whatever a package says beside its originals, its page and
its copy of the verifier is either in a leaf, an opening or a proof, or follows from them.
"""

from collections.abc import Iterator, Mapping

from chain_of_custody import bag
from chain_of_custody.canonical import JsonValue, canonical_json
from chain_of_custody.judging import Judgement
from chain_of_custody.package import (
    CHECKPOINT_NAME,
    LOG_KEY_NAME,
    PACKAGE_VERSION,
    POLICY_NAME,
    REPORT_NAME,
    VERSION_LABEL,
    PackageContents,
    encode_openings,
    key_copy_name,
    member_name,
)
from chain_of_custody.policy import format_policy

__all__ = ["derive_members"]

_SOFTWARE = "Evidock"


def derive_members(
    contents: PackageContents, judgement: Judgement, facts: Mapping[str, JsonValue]
) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of all members but originals, manifests, page and verifier, in the order of the archive.

    Args:
        contents: The leaves, openings and proofs.
        judgement: What they prove.
        facts: What :func:`chain_of_custody.report.derive_facts` derives from both.
    """
    yield bag.DECLARATION_NAME, bag.BAGIT_TXT
    yield bag.BAG_INFO_NAME, _format_bag_info(contents, judgement)
    yield REPORT_NAME, canonical_json(dict(facts))
    yield CHECKPOINT_NAME, contents.checkpoint_note
    for packed in contents.leaves:
        yield member_name("leaf", packed.index), packed.leaf.data
        if packed.openings:
            yield member_name("openings", packed.index), encode_openings(packed.openings)
        yield member_name("proof", packed.index), packed.proof.to_bytes()
    for size in sorted(contents.consistency):
        yield member_name("consistency", size), canonical_json(contents.consistency[size].to_json())
    yield LOG_KEY_NAME, f"{contents.log_vkey}\n".encode()
    for kind, periods in (("event", judgement.keys.event_keys), ("dock", judgement.keys.dock_keys)):
        keys = {period.key.key_id: period.key.hex for period in periods}
        for key_id in sorted(keys):
            yield key_copy_name(kind, key_id), f"{keys[key_id]}\n".encode()
    yield POLICY_NAME, format_policy(contents.log_vkey)


def _format_bag_info(contents: PackageContents, judgement: Judgement) -> bytes:
    prepared = judgement.completeness.prepared
    info = bag.format_bag_info(
        payload_bytes=sum(file.size for file in contents.files),
        payload_files=len(contents.files),
        date=prepared.leaf.time[:10],
        identifier=prepared.leaf.subject,
        software=_SOFTWARE,
    )
    return info + f"{VERSION_LABEL}: {PACKAGE_VERSION}\n".encode()

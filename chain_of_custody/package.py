"""Reads an export package: one ZIP whose single top folder is a BagIt bag (``docs/package-format.md``).

Opening gives values, not judgements: which members there are, and the leaves, openings and proofs in them, each in
its own format. What they prove is decided in :mod:`chain_of_custody.verifier`.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from chain_of_custody import bag
from chain_of_custody.canonical import JsonValue, canonical_json, parse_canonical
from chain_of_custody.commitments import Opening
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError, UndecidableError, VerificationError
from chain_of_custody.identities import parse_shown_id, show_id
from chain_of_custody.leaves import Leaf, parse_leaf
from chain_of_custody.proofs import ConsistencyProof, LogProof, parse_log_proof
from chain_of_custody.ziptrust import Member, iter_member, read_members

__all__ = [
    "CHECKPOINT_NAME",
    "LOG_KEY_NAME",
    "PACKAGE_VERSION",
    "POLICY_NAME",
    "REPORT_NAME",
    "REPORT_PAGE_NAME",
    "VERIFIER_NAME",
    "DataFile",
    "PackageContents",
    "PackageReader",
    "PackedLeaf",
    "data_name",
    "encode_openings",
    "key_copy_name",
    "load_contents",
    "member_name",
    "read_anchor",
]

PACKAGE_VERSION = "1"
VERSION_LABEL = "Evidock-Package-Version"
REPORT_NAME = "report.json"
REPORT_PAGE_NAME = "report.html"
VERIFIER_NAME = "verify.pyz"
CHECKPOINT_NAME = "custody/checkpoint"
LOG_KEY_NAME = "custody/keys/log.vkey"
POLICY_NAME = "custody/policy/log.policy"

_INDEX = r"(0|[1-9][0-9]{0,15})"
_NUMBERED = {
    "leaf": ("custody/leaves/", ".json"),
    "openings": ("custody/openings/", ".json"),
    "proof": ("custody/proofs/", ".tlog-proof"),
    "consistency": ("custody/consistency/", ".json"),
}
_KEY_COPY = re.compile(r"custody/keys/(event|dock)-[0-9a-f]{64}\.hex")
_DATA = re.compile(r"data/([0-9A-HJKMNP-TV-Z]{26})(\.[a-z0-9]{1,8})?")
_FIXED = frozenset(
    {
        bag.DECLARATION_NAME,
        bag.BAG_INFO_NAME,
        bag.MANIFEST_NAME,
        bag.TAG_MANIFEST_NAME,
        REPORT_NAME,
        REPORT_PAGE_NAME,
        VERIFIER_NAME,
        CHECKPOINT_NAME,
        LOG_KEY_NAME,
        POLICY_NAME,
    }
)
# Everything but originals is small. The largest are inventories of very full recorders and the manifests.
_MAX_TAG_FILE = 32 << 20
_MAX_TAG_TOTAL = 512 << 20


def member_name(kind: str, number: int) -> str:
    """Return the path, from the bag's folder, of the leaf, openings, proof or consistency proof with this number."""
    folder, ending = _NUMBERED[kind]
    return f"{folder}{number}{ending}"


def data_name(evidence_id: str, ending: str) -> str:
    """Return where an original lies: its shown evidence id and the ending of its recorder name where that is plain."""
    plain = re.fullmatch(r"\.[A-Za-z0-9]{1,8}", ending)
    return f"data/{show_id(evidence_id)}{ending.lower() if plain else ''}"


def key_copy_name(kind: str, key_id: str) -> str:
    """Return the path of a key's copy; ``kind`` is ``event`` or ``dock``."""
    return f"custody/keys/{kind}-{key_id}.hex"


def read_anchor(anchor: Mapping[str, JsonValue]) -> tuple[int, bytes]:
    """Return size and root of the earlier state of the log that a parsed leaf names."""
    size = anchor["size"]
    assert isinstance(size, int), "checked when the leaf was parsed"
    return size, decode_base64(anchor["root"])


@dataclass(frozen=True)
class PackedLeaf:
    """A leaf as a package carries it: with its proof and its disclosed parts."""

    index: int
    leaf: Leaf
    openings: Mapping[str, Opening]
    proof: LogProof


@dataclass(frozen=True)
class DataFile:
    """An original in the package. ``read`` yields its bytes again."""

    name: str
    evidence_id: str
    size: int
    sha2_256: str
    read: Callable[[], Iterator[bytes]] = field(compare=False)


@dataclass(frozen=True)
class PackageContents:
    """What the custody folder and the payload say, parsed and not yet judged. Leaves are in the order of the log."""

    checkpoint_note: bytes
    log_vkey: str
    leaves: tuple[PackedLeaf, ...]
    consistency: Mapping[int, ConsistencyProof]
    files: tuple[DataFile, ...]


class PackageReader:
    """The members of a package by their path from the bag's folder."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the archive's directory.

        Raises:
            MalformedError: This is no ZIP.
            ZipRefusedError: It is one that hides or doubles something (:mod:`chain_of_custody.ziptrust`).
            UndecidableError: It is a ZIP, but no package of a version known here.
        """
        self._file = file
        members = read_members(file)
        top, _, _ = members[0].name.partition("/") if members else ("", "", "")
        self.top = top
        self.members: dict[str, Member] = {}
        for member in members:
            folder, _, name = member.name.partition("/")
            if folder != top or not name:
                raise UndecidableError("a ZIP, but no package: a package has exactly one folder at its top")
            self.members[name] = member
        if bag.DECLARATION_NAME not in self.members or CHECKPOINT_NAME not in self.members:
            raise UndecidableError("a ZIP, but no package: it holds no bag with a ledger's checkpoint")
        self._check_version()

    def _check_version(self) -> None:
        if bag.BAG_INFO_NAME not in self.members:
            raise UndecidableError("a package without bag-info.txt: its version is unknown")
        lines = self.read(bag.BAG_INFO_NAME).split(b"\n")
        if f"{VERSION_LABEL}: {PACKAGE_VERSION}".encode() not in lines:
            raise UndecidableError(f"bag-info.txt does not say that this is a package of version {PACKAGE_VERSION}")

    def check_names(self) -> None:
        """Refuse members that a package of this version does not have; raises VerificationError naming the first."""
        total = 0
        for name, member in self.members.items():
            if not (name in _FIXED or _DATA.fullmatch(name) or _KEY_COPY.fullmatch(name) or _parse_number(name)):
                raise VerificationError(f"{name}: a package of version {PACKAGE_VERSION} holds no such file")
            if not name.startswith("data/"):
                total += member.size
        if total > _MAX_TAG_TOTAL:
            raise UndecidableError("the package's records are larger than this program reads")

    def read(self, name: str) -> bytes:
        """Return a small member whole; raises VerificationError when it is missing, UndecidableError when too large."""
        member = self.members.get(name)
        if member is None:
            raise VerificationError(f"{name}: missing")
        if member.size > _MAX_TAG_FILE:
            raise UndecidableError(f"{name}: larger than this program reads")
        return b"".join(iter_member(self._file, member))

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield a member's bytes in pieces, memory flat."""
        return iter_member(self._file, self.members[name])

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a member in lowercase hex."""
        state = hashlib.sha256()
        for piece in self.stream(name):
            state.update(piece)
        return state.hexdigest()

    def numbered(self, kind: str) -> list[int]:
        """Return the numbers of all leaves, openings, proofs or consistency proofs, ascending."""
        found = (_parse_number(name) for name in self.members)
        return sorted(number for parsed in found if parsed for its_kind, number in [parsed] if its_kind == kind)


def _parse_number(name: str) -> tuple[str, int] | None:
    for kind, (folder, ending) in _NUMBERED.items():
        if name.startswith(folder) and name.endswith(ending):
            match = re.fullmatch(_INDEX, name[len(folder) : -len(ending)])
            return (kind, int(match[1])) if match else None
    return None


def encode_openings(openings: Mapping[str, Opening]) -> bytes:
    """Write the disclosed parts of one leaf, ordered by label."""
    return canonical_json([openings[name].to_json() for name in sorted(openings)])


def _parse_openings(data: bytes) -> dict[str, Opening]:
    value = parse_canonical(data, limit=_MAX_TAG_FILE)
    if not isinstance(value, list):
        raise MalformedError("openings are a list")
    openings = [Opening.from_json(item) for item in value]
    found = {opening.label: opening for opening in openings}
    if [opening.label for opening in openings] != sorted(found):
        raise MalformedError("openings are ordered by label, each label once")
    return found


def load_contents(reader: PackageReader, digests: Mapping[str, str], at: Callable[[str], None]) -> PackageContents:
    """Parse the custody folder of a package whose bag has been checked.

    Args:
        reader: The open package.
        digests: SHA-256 of each member as just computed, by path.
        at: Told the path of each member before it is parsed, so that a failure can be named.

    Raises:
        MalformedError: A member is not in its format.
        VerificationError: A member is missing, or one belongs to no leaf.
    """
    indexes = reader.numbered("leaf")
    for kind in ("openings", "proof"):
        for index in reader.numbered(kind):
            if member_name("leaf", index) not in reader.members:
                at(member_name(kind, index))
                raise VerificationError("it belongs to no leaf in this package")
    leaves = tuple(_load_leaf(reader, index, at) for index in indexes)
    consistency = {}
    for size in reader.numbered("consistency"):
        at(member_name("consistency", size))
        proof = ConsistencyProof.from_json(parse_canonical(reader.read(member_name("consistency", size))))
        if proof.old_size != size:
            raise VerificationError("it is the proof of another size")
        consistency[size] = proof
    at(CHECKPOINT_NAME)
    note = reader.read(CHECKPOINT_NAME)
    at(LOG_KEY_NAME)
    vkey = reader.read(LOG_KEY_NAME).decode("utf-8", errors="backslashreplace").removesuffix("\n")
    return PackageContents(note, vkey, leaves, consistency, _list_files(reader, digests))


def _load_leaf(reader: PackageReader, index: int, at: Callable[[str], None]) -> PackedLeaf:
    at(member_name("leaf", index))
    leaf = parse_leaf(reader.read(member_name("leaf", index)))
    openings: dict[str, Opening] = {}
    at(member_name("openings", index))
    if member_name("openings", index) in reader.members:
        openings = _parse_openings(reader.read(member_name("openings", index)))
    at(member_name("proof", index))
    proof = parse_log_proof(reader.read(member_name("proof", index)))
    return PackedLeaf(index, leaf, openings, proof)


def _list_files(reader: PackageReader, digests: Mapping[str, str]) -> tuple[DataFile, ...]:
    files = []
    for name in sorted(reader.members):
        match = _DATA.fullmatch(name)
        if match:
            member = reader.members[name]
            files.append(
                DataFile(
                    name,
                    parse_shown_id(match[1]),
                    member.size,
                    digests[name],
                    lambda name=name: reader.stream(name),  # type: ignore[misc]  # mypy cannot infer a default's type
                )
            )
    return tuple(files)

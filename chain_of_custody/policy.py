"""What a verifier believes from outside: log keys, witnesses and how many of them must have cosigned.

The file format is C2SP tlog-policy: lines ``log <vkey> [<url>]``, ``witness <name> <vkey> [<url>]``,
``group <name> <k|any|all> <member>...`` and exactly one ``quorum <name|none>``. A single verifier key is a policy with
one log and no quorum. Nothing in a package is ever read into a policy that judges it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chain_of_custody.checkpoint import Checkpoint, open_checkpoint
from chain_of_custody.cosignatures import Cosignature, WitnessKey, find_cosignatures, parse_witness_vkey
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.note import Verifier, parse_vkey

__all__ = ["Group", "Policy", "TrustPolicy", "TrustedCheckpoint", "format_policy", "parse_policy"]

_MAX_BYTES = 256 << 10
_MAX_LINES = 4096
NO_QUORUM = "none"


@dataclass(frozen=True)
class Group:
    """A named set of witnesses and groups of which ``threshold`` must have seen a checkpoint."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """One policy file, or one verifier key given by hand."""

    logs: tuple[Verifier, ...]
    witnesses: tuple[tuple[str, WitnessKey], ...] = ()
    groups: tuple[tuple[str, Group], ...] = ()
    quorum: str = NO_QUORUM

    @classmethod
    def from_vkey(cls, vkey: str) -> "Policy":
        """Believe one log key and demand no witness; raises MalformedError."""
        return cls(logs=(parse_vkey(vkey),))

    def is_met(self, seen_by: Iterable[WitnessKey]) -> bool:
        """Tell whether cosignatures of these witnesses fulfil the quorum."""
        if self.quorum == NO_QUORUM:
            return True
        signed = {witness.key.hex for witness in seen_by}
        state = {name: witness.key.hex in signed for name, witness in self.witnesses}
        # A group names only what stands before it, so one pass decides all.
        for name, group in self.groups:
            state[name] = sum(state[member] for member in group.members) >= group.threshold
        return state[self.quorum]


@dataclass(frozen=True)
class TrustedCheckpoint:
    """A checkpoint that outside trust accepts, the log key that signed it and the witnesses demanded that saw it."""

    checkpoint: Checkpoint
    log: Verifier
    cosignatures: tuple[Cosignature, ...]
    quorum_demanded: bool


@dataclass(frozen=True)
class TrustPolicy:
    """Everything given from outside. Several policies that know the same log must all be met."""

    policies: tuple[Policy, ...]

    def verify(self, note: bytes) -> TrustedCheckpoint:
        """Open a checkpoint note under this trust.

        Raises:
            MalformedError: The note is not one.
            VerificationError: No trusted log signed it, a known signature is false, or a quorum is missing.
        """
        origin = _read_origin(note)
        # A log's key speaks only for the origin that is its name (tlog-policy, "Defining a log").
        speaking = [policy for policy in self.policies if any(log.name == origin for log in policy.logs)]
        accepted = [self._accept(policy, note, origin) for policy in speaking]
        if not accepted:
            raise VerificationError(f"none of the keys given is a key of the log {origin}")
        seen = {item.witness.key.hex: item for trusted in accepted for item in trusted.cosignatures}
        return TrustedCheckpoint(
            accepted[0].checkpoint,
            accepted[0].log,
            tuple(seen.values()),
            quorum_demanded=any(trusted.quorum_demanded for trusted in accepted),
        )

    @staticmethod
    def _accept(policy: Policy, note: bytes, origin: str) -> TrustedCheckpoint:
        logs = [log for log in policy.logs if log.name == origin]
        checkpoint, signer = _open_under_one(note, logs, origin)
        seen = find_cosignatures(note, [witness for _, witness in policy.witnesses])
        if not policy.is_met([item.witness for item in seen]):
            raise VerificationError(f"the checkpoint lacks the cosignatures that the quorum '{policy.quorum}' demands")
        return TrustedCheckpoint(checkpoint, signer, seen, quorum_demanded=policy.quorum != NO_QUORUM)


def _open_under_one(note: bytes, logs: list[Verifier], origin: str) -> tuple[Checkpoint, Verifier]:
    """Open the note under the first key that signed it; several log keys may be listed while one is being renewed."""
    failure: VerificationError | None = None
    for log in logs:
        try:
            return open_checkpoint(note, [log], origin), log
        except VerificationError as error:
            failure = error
    raise failure or VerificationError(f"no key of the log {origin} is given")


def _read_origin(note: bytes) -> str:
    try:
        return note.split(b"\n", 1)[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("a checkpoint's origin is not UTF-8") from error


def format_policy(vkey: str) -> bytes:
    """Write the policy of one log without witnesses."""
    return f"log {vkey}\nquorum {NO_QUORUM}\n".encode()


class _PolicyLines:
    """Collects a policy line by line; each name may be defined once and used as a member once."""

    def __init__(self) -> None:
        self.logs: list[Verifier] = []
        self.witnesses: list[tuple[str, WitnessKey]] = []
        self.groups: list[tuple[str, Group]] = []
        self.quorum: str | None = None
        self._names: set[str] = set()
        self._members: set[str] = set()
        self._keys: set[tuple[str, str]] = set()

    def add(self, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                log = parse_vkey(vkey)
                self._take_key("log", log.key.hex)
                self.logs.append(log)
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                witness = parse_witness_vkey(vkey)
                self._take_key("witness", witness.key.hex)
                self.witnesses.append((self._define(name), witness))
            case ["group", name, threshold, *members] if members:
                group = self._make_group(threshold, members)
                self.groups.append((self._define(name), group))
            case ["quorum", name]:
                if self.quorum is not None or (name != NO_QUORUM and name not in self._names):
                    raise MalformedError("there is a second quorum, or it names nothing defined before it")
                self.quorum = name
            case _:
                raise MalformedError("not a log, witness, group or quorum line")

    def _define(self, name: str) -> str:
        if name in self._names or name == NO_QUORUM:
            raise MalformedError(f"the name {name} is taken")
        self._names.add(name)
        return name

    def _take_key(self, kind: str, key: str) -> None:
        if (kind, key) in self._keys:
            raise MalformedError(f"a {kind} key stands there twice")
        self._keys.add((kind, key))

    def _make_group(self, threshold: str, members: list[str]) -> Group:
        for member in members:
            if member not in self._names or member in self._members:
                raise MalformedError(f"{member} is not defined before this group, or is a member already")
            self._members.add(member)
        if threshold in {"any", "all"}:
            return Group(1 if threshold == "any" else len(members), tuple(members))
        if not (threshold.isascii() and threshold.isdecimal() and len(threshold) < 6):
            raise MalformedError("a group's threshold is a number, 'any' or 'all'")
        if not 1 <= int(threshold) <= len(members):
            raise MalformedError("a group's threshold must lie between 1 and the number of its members")
        return Group(int(threshold), tuple(members))


def parse_policy(data: bytes) -> Policy:
    """Read a policy file; raises MalformedError with the number of the line."""
    if len(data) > _MAX_BYTES or any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in data):
        raise MalformedError("a policy file is a text of at most 256 KiB without control characters")
    # Octets beyond ASCII are opaque to the format; this keeps them as they are (tlog-policy, "Character set").
    lines = data.decode("utf-8", errors="surrogateescape").split("\n")
    if len(lines) > _MAX_LINES:
        raise MalformedError("a policy file has at most 4096 lines")
    collected = _PolicyLines()
    for number, line in enumerate(lines, start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            collected.add(words)
        except MalformedError as error:
            raise MalformedError(f"policy line {number}: {error}") from error
    if collected.quorum is None:
        raise MalformedError("a policy needs a quorum line; 'quorum none' demands no witness")
    return Policy(tuple(collected.logs), tuple(collected.witnesses), tuple(collected.groups), collected.quorum)

"""Log proofs (C2SP tlog-proof v1) and consistency proofs as values."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from chain_of_custody.canonical import MAX_INTEGER, JsonValue
from chain_of_custody.checkpoint import Checkpoint, open_checkpoint
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError
from chain_of_custody.merkle import HASH_BYTES, hash_leaf, verify_inclusion
from chain_of_custody.note import Verifier

__all__ = ["ConsistencyProof", "LogProof", "parse_log_proof", "verify_log_proof"]

_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_PATH = 64
_MAX_BYTES = 128 << 10


@dataclass(frozen=True, slots=True)
class LogProof:
    """That an entry is in a log under a checkpoint.

    Attributes:
        index: The entry's position.
        path: Inclusion path, sibling first.
        checkpoint_note: The signed checkpoint, verbatim.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint_note: bytes

    def to_text(self) -> str:
        """The proof as text."""
        lines = [_HEADER, f"index {self.index}", *(base64.b64encode(item).decode() for item in self.path), ""]
        return "\n".join(lines) + "\n" + self.checkpoint_note.decode()

    def to_bytes(self) -> bytes:
        """The proof as the bytes of a ``.tlog-proof`` file."""
        return self.to_text().encode()


def parse_log_proof(data: bytes | str) -> LogProof:
    """Read a proof; nothing is verified here. An ``extra`` line, which nothing authenticates, is dropped.

    Raises:
        MalformedError: Not a log proof.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        encoded = text.encode("utf-8")
    except ValueError as error:
        raise MalformedError("a log proof that is not UTF-8") from error
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != _HEADER or len(encoded) > _MAX_BYTES:
        raise MalformedError("not a log proof")
    rest = lines[1:]
    if rest and rest[0].startswith("extra "):
        decode_base64(rest.pop(0).removeprefix("extra "))
    if not rest or not rest[0].startswith("index ") or len(rest) - 1 > _MAX_PATH:
        raise MalformedError("a log proof without an index")
    return LogProof(_parse_index(rest[0].removeprefix("index ")), _parse_path(rest[1:]), note.encode())


def verify_log_proof(proof: LogProof, leaf_data: bytes, verifiers: Sequence[Verifier], origin: str) -> Checkpoint:
    """Return the checkpoint once the entry is proved to be in the log under it.

    Raises:
        VerificationError: The checkpoint is not this log's, or the entry is not in its tree.
    """
    checkpoint = open_checkpoint(proof.checkpoint_note, verifiers, origin)
    verify_inclusion(proof.index, checkpoint.size, hash_leaf(leaf_data), proof.path, checkpoint.root)
    return checkpoint


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That a later tree begins with an earlier one.

    Attributes:
        old_size: Leaves of the earlier tree.
        new_size: Leaves of the later tree; where it is told apart from the checkpoint beside the proof.
        path: The proof's hashes.
    """

    old_size: int
    new_size: int
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """The proof as a JSON object; hashes in base64."""
        return {
            "old_size": self.old_size,
            "new_size": self.new_size,
            "hashes": [base64.b64encode(item).decode() for item in self.path],
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a proof; raises MalformedError."""
        if not isinstance(value, dict) or value.keys() != {"old_size", "new_size", "hashes"}:
            raise MalformedError("not a consistency proof")
        old, new, hashes = value["old_size"], value["new_size"], value["hashes"]
        if not isinstance(old, int) or not isinstance(new, int) or isinstance(old, bool) or isinstance(new, bool):
            raise MalformedError("not the sizes of a consistency proof")
        if not 0 <= old <= new <= MAX_INTEGER or not isinstance(hashes, list) or len(hashes) > _MAX_PATH:
            raise MalformedError("not a consistency proof of allowed length")
        return cls(old, new, _parse_path(hashes))


def _parse_index(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16 or text != str(int(text)) or int(text) > MAX_INTEGER:
        raise MalformedError("not an index")
    return int(text)


def _parse_path(items: Sequence[JsonValue]) -> tuple[bytes, ...]:
    path = tuple(decode_base64(item) for item in items)
    if any(len(item) != HASH_BYTES for item in path):
        raise MalformedError("a hash that is not 32 bytes")
    return path

"""Checkpoints (C2SP tlog-checkpoint v1.0.0): origin, size and root of a log, signed by its key; no extension lines."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from chain_of_custody.canonical import MAX_INTEGER
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.merkle import EMPTY_ROOT, HASH_BYTES
from chain_of_custody.note import LogSigner, Verifier, open_note, sign_note

__all__ = ["Checkpoint", "open_checkpoint", "parse_checkpoint_text", "sign_checkpoint"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One state of a log.

    Attributes:
        origin: The log's name.
        size: Number of leaves.
        root: Root hash, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_checkpoint_text(text: str) -> Checkpoint:
    """Read a checkpoint's text.

    Raises:
        MalformedError: Not three lines, a size with leading zeros, a root that is not 32 bytes, an empty tree with
            another root than the empty one.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedError("not a checkpoint of three lines")
    origin, size, root = lines[0], lines[1], decode_base64(lines[2])
    if not origin or not size.isascii() or not size.isdigit() or len(size) > 16 or size != str(int(size)):
        raise MalformedError("not a checkpoint's origin and size")
    if int(size) > MAX_INTEGER or len(root) != HASH_BYTES or (int(size) == 0 and root != EMPTY_ROOT):
        raise MalformedError("not a checkpoint's root")
    return Checkpoint(origin, int(size), root)


def sign_checkpoint(checkpoint: Checkpoint, signer: LogSigner) -> bytes:
    """Sign a checkpoint; a log must never sign two that are inconsistent."""
    return sign_note(checkpoint.text(), [signer])


def open_checkpoint(data: bytes, verifiers: Sequence[Verifier], origin: str) -> Checkpoint:
    """Return a checkpoint once it is proved to be this log's.

    Raises:
        MalformedError: Not a checkpoint.
        VerificationError: Not signed by a believed key, or of another origin.
    """
    checkpoint = parse_checkpoint_text(open_note(data, verifiers).text)
    if checkpoint.origin != origin:
        raise VerificationError(f"the checkpoint is of {checkpoint.origin[:80]}, not of {origin}", "wrong_origin")
    return checkpoint

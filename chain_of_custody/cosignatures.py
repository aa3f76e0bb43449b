"""Ed25519 cosignatures of witnesses on a checkpoint (C2SP tlog-cosignature, signature type 0x04).

A witness signs that it saw this checkpoint at a time and that it extends every one it saw before. Its signature line
holds a key id, eight bytes of POSIX seconds and the Ed25519 signature, 76 bytes before base64.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.signing import VerifyKey

__all__ = ["Cosignature", "WitnessKey", "find_cosignatures", "parse_witness_vkey"]

_TYPE = b"\x04"
_BLOB_SIZE = 4 + 8 + 64
_LINE_START = "— "


@dataclass(frozen=True)
class WitnessKey:
    """A witness's public key under its key name."""

    name: str
    key: VerifyKey

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names this key (signed-note, "Signatures")."""
        return hashlib.sha256(self.name.encode() + b"\n" + _TYPE + self.key.raw).digest()[:4]


@dataclass(frozen=True)
class Cosignature:
    """One valid cosignature; ``time_s`` is the witness's POSIX time."""

    witness: WitnessKey
    time_s: int


def parse_witness_vkey(text: str) -> WitnessKey:
    """Read a witness's verifier key ``name+hash+base64``; raises MalformedError, also for keys of another type."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("a witness's verifier key is not base64") from error
    if raw[:1] != _TYPE or len(raw) != 33:
        raise MalformedError("a witness's verifier key is not of type 0x04 (Ed25519 cosignature)")
    if not name or any(char.isspace() for char in name):
        raise MalformedError("a witness's verifier key has no proper name")
    witness = WitnessKey(name, VerifyKey(raw[1:]))
    if witness.key_id.hex() != key_id:
        raise MalformedError("a witness's verifier key has a wrong key id")
    return witness


def find_cosignatures(note: bytes, witnesses: Iterable[WitnessKey]) -> tuple[Cosignature, ...]:
    """Return the valid cosignatures of known witnesses on a checkpoint note.

    Lines of unknown keys are passed over.

    Raises:
        MalformedError: The note is not one.
        VerificationError: A line of a known witness is false; the note is then to be refused as a whole.
    """
    known = {(witness.name, witness.key_id): witness for witness in witnesses}
    text, lines = _split_note(note)
    found: dict[tuple[str, bytes], Cosignature] = {}
    for line in lines:
        name, blob = _split_line(line)
        witness = known.get((name, blob[:4]))
        if witness is not None:
            found[(name, blob[:4])] = _verify_blob(text, witness, blob)
    return tuple(found.values())


def _split_note(note: bytes) -> tuple[bytes, list[str]]:
    # The text may itself hold empty lines, so the last one divides (signed-note, "Format").
    text, divider, tail = note.rpartition(b"\n\n")
    if not divider or not tail.endswith(b"\n"):
        raise MalformedError("not a signed note")
    try:
        return text + b"\n", tail[:-1].decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("a signed note is not UTF-8") from error


def _split_line(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_LINE_START).partition(" ")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("a signature line is not base64") from error
    if not line.startswith(_LINE_START) or not name or len(blob) < 5:
        raise MalformedError("a line after a note's text is not a signature line")
    return name, blob


def _verify_blob(text: bytes, witness: WitnessKey, blob: bytes) -> Cosignature:
    if len(blob) != _BLOB_SIZE:
        raise VerificationError(f"the cosignature of {witness.name} has a wrong length")
    time_s = int.from_bytes(blob[4:12], "big")
    witness.key.verify(blob[12:], b"cosignature/v1\ntime %d\n" % time_s + text)
    return Cosignature(witness, time_s)

"""Ed25519 cosignatures of witnesses on a checkpoint (C2SP tlog-cosignature, signature type 0x04).

A witness signs that it saw this checkpoint at a time and that it extends every one it saw before. Behind the key id a
signature line holds eight bytes of POSIX seconds and the Ed25519 signature.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.note import check_key_name, note_key_id, parse_note
from chain_of_custody.signing import VerifyKey

__all__ = ["COSIGNATURE", "Cosignature", "WitnessKey", "find_cosignatures", "parse_witness_vkey"]

COSIGNATURE = 0x04
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key under its key name."""

    name: str
    key: VerifyKey

    @property
    def note_id(self) -> bytes:
        """The four bytes by which a signature line names this key."""
        return note_key_id(self.name, COSIGNATURE, self.key.raw)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One valid cosignature; ``time_s`` is the witness's POSIX time."""

    witness: WitnessKey
    time_s: int


def parse_witness_vkey(text: str) -> WitnessKey:
    """Read a witness's verifier key ``name+hash+base64``; raises MalformedError, also for keys of another type."""
    parts = text.split("+", 2)
    raw = decode_base64(parts[-1])
    if len(parts) != 3 or raw[:1] != bytes([COSIGNATURE]) or len(raw) != 33:
        raise MalformedError("not a witness's verifier key (Ed25519 cosignature, type 0x04)")
    witness = WitnessKey(check_key_name(parts[0]), VerifyKey(raw[1:]))
    if witness.note_id.hex() != parts[1]:
        raise MalformedError("a witness's verifier key whose hash does not match")
    return witness


def find_cosignatures(note: bytes, witnesses: Iterable[WitnessKey]) -> tuple[Cosignature, ...]:
    """Return the valid cosignatures of known witnesses on a checkpoint note; lines of unknown keys are passed over.

    Raises:
        MalformedError: The note is not one.
        VerificationError: A line of a known witness is false; the note is then to be refused as a whole.
    """
    known = {(witness.name, witness.note_id): witness for witness in witnesses}
    text, signatures = parse_note(note)
    found: dict[tuple[str, bytes], Cosignature] = {}
    for signature in signatures:
        witness = known.get((signature.name, signature.note_id))
        if witness is not None:
            found[(signature.name, signature.note_id)] = _verify(text, witness, signature.signature)
    return tuple(found.values())


def _verify(text: str, witness: WitnessKey, blob: bytes) -> Cosignature:
    if len(blob) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise VerificationError(f"the cosignature of {witness.name} has a wrong length", "bad_cosignature")
    time_s = int.from_bytes(blob[:_TIME_BYTES], "big")
    message = f"cosignature/v1\ntime {time_s}\n{text}".encode()
    try:
        witness.key.verify(blob[_TIME_BYTES:], message)
    except VerificationError as error:
        raise VerificationError(f"the cosignature of {witness.name} does not match", "bad_cosignature") from error
    return Cosignature(witness, time_s)

r"""Signed notes (C2SP signed-note v1.0.0) with Ed25519 keys (type 0x01).

>>> from chain_of_custody.signing import SigningKey
>>> signer = LogSigner("example.com/log", SigningKey.from_seed(bytes(32)))
>>> note = sign_note("text\n", [signer])
>>> open_note(note, [signer.verifier]).text
'text\n'
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.signing import SigningKey, VerifyKey

__all__ = [
    "ED25519",
    "LogSigner",
    "NoteSignature",
    "SignedNote",
    "Verifier",
    "check_key_name",
    "format_vkey",
    "note_key_id",
    "open_note",
    "parse_note",
    "parse_vkey",
    "sign_note",
]

ED25519 = 0x01
MAX_NOTE_BYTES = 64 << 10
_MAX_SIGNATURES = 64
_DASH = "\u2014 "


def check_key_name(name: str) -> str:
    """Return a key name, or raise MalformedError: non-empty, no space, plus sign, control character or surrogate."""
    if not name or "+" in name or any(c.isspace() or ord(c) < 0x20 or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise MalformedError("not a key name")
    return name


def note_key_id(name: str, kind: int, public: bytes) -> bytes:
    """The four-byte key id: SHA-256(name ‖ LF ‖ type ‖ public key), truncated."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A named Ed25519 key that a note may be believed by.

    Attributes:
        name: Key name; for a log its origin.
        key: The public key.
    """

    name: str
    key: VerifyKey

    @property
    def note_id(self) -> bytes:
        """The four-byte key id in signature lines."""
        return note_key_id(self.name, ED25519, self.key.raw)


@dataclass(frozen=True, slots=True)
class LogSigner:
    """A named private key that signs notes."""

    name: str
    key: SigningKey

    @property
    def verifier(self) -> Verifier:
        """The public side."""
        return Verifier(self.name, self.key.public)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, four-byte key id, and the signature behind it."""

    name: str
    note_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note's text and the names of the keys that were proved to have signed it."""

    text: str
    verified: tuple[str, ...]


def parse_vkey(text: str) -> Verifier:
    """Read a verifier key, ``name+hash+base64``.

    Raises:
        MalformedError: It is none, its hash is another, or the key is not Ed25519.
    """
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise MalformedError("not a verifier key (name+hash+base64)")
    name, digest, encoded = parts
    raw = decode_base64(encoded)
    if len(raw) != 33 or raw[0] != ED25519:
        raise MalformedError("not an Ed25519 verifier key")
    verifier = Verifier(check_key_name(name), VerifyKey(raw[1:]))
    if verifier.note_id.hex() != digest:
        raise MalformedError("a verifier key whose hash does not match")
    return verifier


def format_vkey(verifier: Verifier) -> str:
    """Write a verifier key, ``name+hash+base64``."""
    encoded = base64.b64encode(bytes([ED25519]) + verifier.key.raw).decode()
    return f"{verifier.name}+{verifier.note_id.hex()}+{encoded}"


def sign_note(text: str, signers: Iterable[LogSigner]) -> bytes:
    """Sign a text that ends in a line feed.

    Raises:
        MalformedError: The text does not end so, or holds control characters.
    """
    _check_text(text)
    lines = [text, "\n"]
    for signer in signers:
        verifier = signer.verifier
        check_key_name(verifier.name)
        blob = base64.b64encode(verifier.note_id + signer.key.sign(text.encode())).decode()
        lines.append(f"{_DASH}{verifier.name} {blob}\n")
    return "".join(lines).encode()


def parse_note(data: bytes) -> tuple[str, tuple[NoteSignature, ...]]:
    """Split a note into its text and its signature lines, without judging them.

    Raises:
        MalformedError: It is not a signed note, is longer than 64 KiB, or has more than 64 signatures.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError("a note of more than 64 KiB")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("a note that is not UTF-8") from error
    # The text may itself hold empty lines, so the last one divides.
    head, separator, tail = whole.rpartition("\n\n")
    text = head + "\n"
    if not separator or not tail.endswith("\n"):
        raise MalformedError("not a signed note")
    _check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise MalformedError("a note with too many signatures")
    return text, tuple(_parse_signature(line) for line in lines)


def open_note(data: bytes, verifiers: Sequence[Verifier]) -> SignedNote:
    """Return the text once a believed key is proved to have signed it.

    Unknown keys are ignored; a known key whose signature fails refuses the whole note.

    Raises:
        MalformedError: Not a signed note.
        VerificationError: No believed key signed it, or one of them is said to have and did not.
    """
    text, signatures = parse_note(data)
    known = {(verifier.name, verifier.note_id): verifier for verifier in verifiers}
    verified = []
    for signature in signatures:
        verifier = known.get((signature.name, signature.note_id))
        if verifier is None:
            continue
        try:
            verifier.key.verify(signature.signature, text.encode())
        except VerificationError as error:
            raise VerificationError(f"the signature by {verifier.name} does not match", "bad_log_signature") from error
        if verifier.name not in verified:
            verified.append(verifier.name)
    if not verified:
        raise VerificationError("no believed key signed the note", "bad_log_signature")
    return SignedNote(text, tuple(verified))


def _parse_signature(line: str) -> NoteSignature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator:
        raise MalformedError("not a signature line")
    blob = decode_base64(encoded)
    if len(blob) < 5:
        raise MalformedError("a signature that is too short")
    return NoteSignature(check_key_name(name), blob[:4], blob[4:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(ord(c) < 0x20 and c != "\n" for c in text):
        raise MalformedError("not the text of a note")

"""Enrolment of a dock: both sides prove that they know the code and agree on every key, and neither sends the code.

K = HKDF-SHA-256(code, info ``evidock/enrolment/v1``) is all the server keeps, found by the first 8 bytes of
SHA-256(K) and deleted at use. T is the RFC 8785 encoding of what both sides see: origin, log verifier key, event key,
dock key, both nonces, and the SHA-256 of the server's TLS public key (null on loopback and behind a proxy). The dock
proves HMAC-SHA-256(K, ``dock`` ‖ T), the server HMAC-SHA-256(K, ``server`` ‖ T): somebody in the middle changes T and
fails.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chain_of_custody.canonical import canonical_json
from chain_of_custody.errors import MalformedError, VerificationError

__all__ = [
    "Transcript",
    "derive_key",
    "find_code_id",
    "make_mac",
    "new_code",
    "new_nonce",
    "parse_code",
    "read_spki_digest",
    "verify_mac",
]

CODE_BYTES = 16
_GROUP = 5
_INFO = b"evidock/enrolment/v1"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What both sides must see alike.

    Attributes:
        origin: The ledger's name.
        vkey: The log's verifier key.
        event_key: 64 hex digits.
        dock_key: 64 hex digits.
        dock_nonce: 64 hex digits.
        server_nonce: 64 hex digits.
        spki: SHA-256 of the server's TLS public key as this side sees it, or None.
    """

    origin: str
    vkey: str
    event_key: str
    dock_key: str
    dock_nonce: str
    server_nonce: str
    spki: str | None

    def encode(self) -> bytes:
        """T: the canonical bytes."""
        return canonical_json({name: getattr(self, name) for name in self.__slots__})


def new_code() -> str:
    """Give a fresh code of 16 random bytes: base32 in groups, as it is read out and typed."""
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def new_nonce() -> str:
    """32 fresh random bytes as hex."""
    return secrets.token_hex(32)


def parse_code(text: str) -> bytes:
    """Read a code as people type it; case, spaces and hyphens are forgiven.

    Raises:
        MalformedError: It is none.
    """
    folded = "".join(text.upper().replace("-", "").split())
    try:
        code = base64.b32decode(folded + "=" * (-len(folded) % 8))
    except ValueError as error:
        raise MalformedError("not an enrolment code") from error
    if len(code) != CODE_BYTES:
        raise MalformedError("not an enrolment code of 26 characters")
    return code


def derive_key(code: bytes) -> bytes:
    """K, 32 bytes."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_INFO).derive(code)


def find_code_id(key: bytes) -> str:
    """The first 8 bytes of SHA-256(K) as 16 hex digits: how the server finds K."""
    return hashlib.sha256(key).hexdigest()[:16]


def make_mac(key: bytes, side: Literal["dock", "server"], transcript: Transcript) -> str:
    """One side's proof, 64 hex digits."""
    return hmac.new(key, side.encode() + transcript.encode(), hashlib.sha256).hexdigest()


def verify_mac(key: bytes, side: Literal["dock", "server"], transcript: Transcript, mac: str) -> None:
    """Raise VerificationError where the other side does not know the code or saw another transcript."""
    if not hmac.compare_digest(make_mac(key, side, transcript).encode(), mac.encode("utf-8", "surrogatepass")):
        raise VerificationError("the other side does not know the code, or somebody stands in between", "wrong_proof")


def read_spki_digest(certificate: bytes) -> str:
    """SHA-256 of a certificate's public key (SubjectPublicKeyInfo), 64 hex digits.

    Args:
        certificate: DER or PEM.

    Raises:
        MalformedError: It is no certificate.
    """
    try:
        is_pem = certificate.lstrip().startswith(b"-----")
        parsed = x509.load_pem_x509_certificate(certificate) if is_pem else x509.load_der_x509_certificate(certificate)
        spki = parsed.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except ValueError as error:
        raise MalformedError("not a certificate") from error
    return hashlib.sha256(spki).hexdigest()

"""DSSE envelopes (secure-systems-lab/dsse, protocol v1.0.2) with exactly one Ed25519 signature.

>>> from chain_of_custody.signing import SigningKey
>>> key = SigningKey.from_seed(bytes(32))
>>> verify_envelope(sign_envelope("text/plain", b"hello", key), key.public, "text/plain")
b'hello'
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.canonical import JsonValue, canonical_json, parse_json
from chain_of_custody.digests import check_hex64
from chain_of_custody.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from chain_of_custody.signing import SigningKey, VerifyKey

__all__ = ["Envelope", "decode_base64", "pae", "parse_envelope", "sign_envelope", "verify_envelope"]

_SIGNATURE_BYTES = 64


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding that is signed: type and payload, each with its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def decode_base64(text: object) -> bytes:
    """Decode standard base64 with padding, in its one canonical form; raises MalformedError."""
    if not isinstance(text, str):
        raise MalformedError("not base64 text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise MalformedError("not canonical base64")
    return data


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and one signature over it.

    Attributes:
        payload_type: Media type of the payload.
        payload: The signed bytes.
        key_id: SHA-256 of the raw public key, 64 hex digits; a hint, never trust.
        signature: 64 bytes.
    """

    payload_type: str
    payload: bytes
    key_id: str
    signature: bytes

    def to_json(self) -> dict[str, JsonValue]:
        """The envelope as DSSE's JSON object."""
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": self.key_id, "sig": base64.b64encode(self.signature).decode()}],
        }

    def to_bytes(self) -> bytes:
        """The envelope's RFC 8785 bytes."""
        return canonical_json(self.to_json())


def sign_envelope(payload_type: str, payload: bytes, key: SigningKey) -> Envelope:
    """Sign a payload."""
    return Envelope(payload_type, payload, key.public.key_id, key.sign(pae(payload_type, payload)))


def parse_envelope(source: bytes | JsonValue) -> Envelope:
    """Read an envelope from bytes or from a parsed object; no signature is checked here.

    Raises:
        MalformedError: It is no envelope with exactly one signature of 64 bytes, or has other fields.
    """
    value = parse_json(source) if isinstance(source, bytes) else source
    if not isinstance(value, dict) or value.keys() != {"payload", "payloadType", "signatures"}:
        raise MalformedError("not a DSSE envelope")
    kind, signatures = value["payloadType"], value["signatures"]
    if not isinstance(kind, str) or not isinstance(signatures, list) or len(signatures) != 1:
        raise MalformedError("not a DSSE envelope with one signature")
    signature = signatures[0]
    if not isinstance(signature, dict) or signature.keys() != {"keyid", "sig"}:
        raise MalformedError("not a DSSE signature")
    envelope = Envelope(
        kind, decode_base64(value["payload"]), check_hex64(signature["keyid"]), decode_base64(signature["sig"])
    )
    if len(envelope.signature) != _SIGNATURE_BYTES:
        raise MalformedError("a signature that is not 64 bytes")
    return envelope


def verify_envelope(envelope: Envelope, key: VerifyKey, payload_type: str) -> bytes:
    """Return the payload once it is proved to be of this type and signed by this key.

    Raises:
        VerificationError: Another type, another key, or a signature that does not match.
    """
    if envelope.payload_type != payload_type:
        raise VerificationError(f"signed as {envelope.payload_type[:80]}, not as {payload_type}", "wrong_type")
    if envelope.key_id != key.key_id:
        raise VerificationError("signed by another key", "wrong_key")
    key.verify(envelope.signature, pae(envelope.payload_type, envelope.payload))
    return envelope.payload

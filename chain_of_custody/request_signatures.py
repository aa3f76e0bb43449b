"""Signed dock requests (RFC 9421, Ed25519) over exactly method, path, query and content digest.

The library signs and verifies as the RFC says; what an application must add stands here: every component and parameter
is required (the library's defaults require none), nothing else is accepted, and the clock is passed in.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from http_message_signatures.structures import CaseInsensitiveDict

from chain_of_custody.digests import check_hex64
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.signing import SigningKey, VerifyKey

__all__ = [
    "COMPONENTS",
    "MAX_AGE",
    "TAG",
    "RequestSignature",
    "read_request_signature",
    "sign_request",
    "verify_request",
]

COMPONENTS = ("@method", "@path", "@query", "content-digest")
TAG = "evidock-dock-v1"
MAX_AGE = dt.timedelta(seconds=300)
_PARAMETERS = {"created", "nonce", "keyid", "alg", "tag"}
_LABEL = "dock"
_NONCE_CHARACTERS = (16, 64)


@dataclass(slots=True)
class _Message:
    """A request as the library reads it."""

    method: str
    url: str
    headers: Any


class _OneKey(HTTPSignatureKeyResolver):
    """Gives the one key that the caller looked up by the key id."""

    def __init__(self, raw_public: Any = None, private: Any = None) -> None:
        self._public = raw_public
        self._private = private

    def resolve_public_key(self, key_id: str) -> Any:
        _ = key_id
        return self._public

    def resolve_private_key(self, key_id: str) -> Any:
        _ = key_id
        return self._private


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its clock: the time is judged here, by the clock passed in."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Left to :func:`verify_request`."""


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """What a request says of its signature; nothing of it is proved before :func:`verify_request`.

    Attributes:
        key_id: SHA-256 of the dock's public key, 64 hex digits.
        created: When the dock says it signed, seconds since 1970.
        nonce: Random text, used once.
    """

    key_id: str
    created: int
    nonce: str


def make_content_digest(body: bytes) -> str:
    """The Content-Digest header of a body (RFC 9530), also of an empty one."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_request(
    method: str, url: str, body: bytes, key: SigningKey, *, created: dt.datetime, nonce: str
) -> dict[str, str]:
    """Give the headers that sign a request.

    Args:
        method: HTTP method.
        url: The whole URL; path and query are signed, the host is not, since a proxy may change it.
        body: The content, empty too.
        key: The dock's key.
        created: The server's time as the dock knows it.
        nonce: Fresh random text of 16 to 64 characters.
    """
    message = _Message(method, url, {"Content-Digest": make_content_digest(body)})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_OneKey(private=_load_private(key)))
    signer.sign(
        message,
        key_id=key.public.key_id,
        created=created,
        nonce=nonce,
        tag=TAG,
        label=_LABEL,
        include_alg=True,
        use_existing_digest=True,
        covered_component_ids=COMPONENTS,
    )
    return {name: str(value) for name, value in message.headers.items()}


def read_request_signature(headers: Mapping[str, str]) -> RequestSignature:
    """Read the one dock signature of a request, so that its key can be looked up.

    Raises:
        MalformedError: There is none, more than one, or it covers other components or parameters than exactly ours.
    """
    try:
        found = list(_parse_input(headers))
    except (HTTPMessageSignaturesException, ValueError, TypeError, KeyError) as error:
        raise MalformedError("the request is not signed as a dock's") from error
    if len(found) != 1:
        raise MalformedError("the request does not carry exactly one signature")
    components, parameters = found[0]
    if tuple(components) != COMPONENTS or parameters.keys() != _PARAMETERS:
        raise MalformedError("the signature does not cover exactly method, path, query and content digest")
    created, nonce = parameters["created"], parameters["nonce"]
    if parameters["alg"] != "ed25519" or parameters["tag"] != TAG or type(created) is not int:
        raise MalformedError("the signature is of another kind")
    if not isinstance(nonce, str) or not _NONCE_CHARACTERS[0] <= len(nonce) <= _NONCE_CHARACTERS[1]:
        raise MalformedError("the signature's nonce is too short or too long")
    return RequestSignature(check_hex64(parameters["keyid"]), created, nonce)


def verify_request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, key: VerifyKey, *, now: dt.datetime
) -> RequestSignature:
    """Return the signature's values once the request is proved to be this dock's, unaltered and recent.

    A nonce used twice is the caller's to refuse, who keeps them for ten minutes.

    Raises:
        MalformedError: The request is not signed as a dock's.
        VerificationError: Another key (``bad_signature``), another body (``bad_digest``), or a time more than 300
            seconds from ours (``bad_time``).
    """
    signature = read_request_signature(headers)
    if signature.key_id != key.key_id:
        raise VerificationError("the request is signed by another key", "bad_signature")
    folded = CaseInsensitiveDict(dict(headers))  # type: ignore[no-untyped-call]  # the library types not all of it
    if folded.get("Content-Digest") != make_content_digest(body):
        raise VerificationError("the request's content is not the content that was signed", "bad_digest")
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_OneKey(_load_public(key)))
    try:
        verifier.verify(_Message(method, url, folded), max_age=None, expect_tag=TAG, require_components=COMPONENTS)
    except HTTPMessageSignaturesException as error:
        raise VerificationError("the request's signature does not match", "bad_signature") from error
    if abs(now.timestamp() - signature.created) > MAX_AGE.total_seconds():
        raise VerificationError("the request was signed at another time than now", "bad_time")
    return signature


def _parse_input(headers: Mapping[str, str]) -> list[tuple[list[str], dict[str, Any]]]:
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_OneKey())
    folded = CaseInsensitiveDict(dict(headers))  # type: ignore[no-untyped-call]  # the library types not all of it
    message = _Message("GET", "/", folded)
    found = []
    parsed: Any = verifier._get_sig_inputs_and_signatures(message)  # type: ignore[no-untyped-call]  # noqa: SLF001 - parses both headers as one
    for _, sig_input, _ in parsed:
        if any(item.params for item in sig_input):
            raise MalformedError("a covered component with parameters")
        found.append(([str(item.value) for item in sig_input], dict(sig_input.params)))
    return found


def _load_private(key: SigningKey) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(key.to_seed())


def _load_public(key: VerifyKey) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(key.raw)

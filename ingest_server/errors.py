"""The error tree of the server; each class has its HTTP status, each instance its code and sentences.

ServerError (500)
├── BadRequestError (400)      ├── ConflictedError (409)
├── UnauthorizedError (401)    ├── GoneError (410)
├── ForbiddenError (403)       ├── TooLargeError (413)
├── NotFoundError (404)        ├── TooManyRequestsError (429)
└── UnavailableError (503, may be repeated)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest_server.sentences import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServerError(Exception):
    """A refusal or failure that a person or program is told about.

    Attributes:
        status: HTTP status.
        code: Stable word; its sentences stand in :mod:`ingest_server.sentences`.
        detail: What exactly, in English, without personal data.
        extras: More members of the problem object.
    """

    status = 500
    is_retryable = False

    def __init__(self, code: str, detail: str = "", **extras: Any) -> None:
        """Name the code; it must have sentences."""
        self.code = code
        self.sentence, self.sentence_zh = SENTENCES[code]
        self.detail = detail
        self.extras: Mapping[str, Any] = extras
        super().__init__(f"{self.sentence} {detail}".strip())

    def say(self, language: str) -> str:
        """The sentence for a person, in ``zh-Hans`` or else English."""
        return self.sentence_zh if language == "zh-Hans" else self.sentence

    def explain(self, language: str) -> str:
        """The sentence with what exactly: in English the detail, in Chinese what of it needs no language."""
        sentence = self.say(language)
        more = self.extras.get("named", "") if language == "zh-Hans" else self.detail
        return f"{sentence} {more}" if more and more != self.sentence else sentence

    def to_problem(self) -> dict[str, Any]:
        """The problem object of RFC 9457."""
        return {
            "type": f"urn:evidock:problem:{self.code}",
            "title": self.sentence,
            "status": self.status,
            "code": self.code,
            "detail": self.detail or self.sentence,
            "detail_zh": self.sentence_zh,
            "retryable": self.is_retryable,
            **self.extras,
        }


class BadRequestError(ServerError):
    """The request itself is wrong."""

    status = 400


class UnauthorizedError(ServerError):
    """Who asks is not known."""

    status = 401


class ForbiddenError(ServerError):
    """Who asks may not."""

    status = 403


class NotFoundError(ServerError):
    """There is no such thing."""

    status = 404


class ConflictedError(ServerError):
    """It does not fit what is there."""

    status = 409


class GoneError(ServerError):
    """It was there and is not any more."""

    status = 410


class TooLargeError(ServerError):
    """The request is larger than allowed."""

    status = 413


class TooManyRequestsError(ServerError):
    """Too many attempts."""

    status = 429
    is_retryable = True


class UnavailableError(ServerError):
    """Temporary trouble of ours; the same request may succeed later."""

    status = 503
    is_retryable = True

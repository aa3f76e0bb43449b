"""The error tree of the agent; each says whose trouble it is and whether to try again.

AgentError
├── SourceError            the recorder: this file is failed, the others go on
│   ├── UnreadableError    the medium does not give the bytes
│   ├── FileChangedError   the file is not what the inventory saw
│   │   └── PartChangedError   a part is not what an earlier reading gave; the upload is begun anew
│   └── VolumeGoneError    the volume was pulled out, or another stands in its place
├── UnreachableError       server or store do not answer; try again later
├── StoppedError           the person stopped the run
├── BytesNeededError       the store lost or never had the bytes; the file must be read again
├── RefusedError           the server understood and refused; carries its code and words
├── ReceiptRefusedError    the receipt is not proof; nothing may be cleared on it
├── SpoolError             the dock's own disk
└── HomeError              the dock home: busy, missing, not enrolled
"""

from __future__ import annotations


class AgentError(Exception):
    """Anything the agent could not do; the text is one sentence for people."""

    is_retryable = False


class SourceError(AgentError):
    """The recorder did not give what was expected of it."""


class UnreadableError(SourceError):
    """The medium does not give the bytes."""


class FileChangedError(SourceError):
    """The file is still growing, shrank, or is another one."""


class PartChangedError(FileChangedError):
    """A part is not what an earlier reading of the same file gave."""


class VolumeGoneError(SourceError):
    """The volume is not there any more, or another one is in its place."""


class UnreachableError(AgentError):
    """Server or store do not answer."""

    is_retryable = True


class StoppedError(AgentError):
    """The run was stopped before this was done."""

    is_retryable = True


class BytesNeededError(AgentError):
    """The bytes of an acquired file are not in the store and must be read from the recorder again."""

    is_retryable = True


class RefusedError(AgentError):
    """The server refused.

    Attributes:
        status: HTTP status.
        code: The server's word.
        extras: The whole problem object.
    """

    def __init__(self, status: int, code: str, sentence: str, extras: dict[str, object] | None = None) -> None:
        """Keep what the server said."""
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.extras = extras or {}
        self.is_retryable = bool(self.extras.get("retryable"))


class ReceiptRefusedError(AgentError):
    """A receipt is not proof of this file.

    Attributes:
        code: Which check failed.
    """

    def __init__(self, code: str, sentence: str) -> None:
        """Keep the code."""
        super().__init__(sentence)
        self.code = code


class SpoolError(AgentError):
    """The spool cannot take the file."""


class HomeError(AgentError):
    """The dock home is busy, missing or not enrolled."""

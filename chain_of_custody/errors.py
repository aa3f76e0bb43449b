"""The error tree of the custody package: each class says whose fault it is.

CustodyError
├── MalformedError            the bytes are not in the format
├── VerificationError         a proof, digest or signature is false
│   └── ReceiptOutdatedError  a later checkpoint is known: ask again, do not judge
├── UndecidableError          no trust given, or a format nobody here knows
└── LedgerError
    ├── ConflictError         the subject moved on since the caller decided
    ├── DuplicateClaimError   a unique key is already held
    ├── LedgerBusyError       temporary; try again
    └── LedgerStoppedError    rollback, fork, clock or disk: appends stop and say why
"""

__all__ = [
    "ConflictError",
    "CustodyError",
    "DuplicateClaimError",
    "LedgerBusyError",
    "LedgerError",
    "LedgerStoppedError",
    "MalformedError",
    "ReceiptOutdatedError",
    "UndecidableError",
    "VerificationError",
]


class CustodyError(Exception):
    """Anything this package refuses or finds false."""


class MalformedError(CustodyError):
    """Bytes from outside are not in the format they claim to be in."""


class VerificationError(CustodyError):
    """A proof, digest or signature does not hold.

    Attributes:
        code: A stable word for programs, such as ``not_included``.
    """

    def __init__(self, message: str, code: str = "not_proved") -> None:
        """Keep the sentence for people and the word for programs."""
        super().__init__(message)
        self.code = code


class ReceiptOutdatedError(VerificationError):
    """The dock has meanwhile stored a larger checkpoint than this receipt's; a new receipt is asked for."""

    def __init__(self, message: str) -> None:
        """Keep the sentence."""
        super().__init__(message, "outdated")


class UndecidableError(CustodyError):
    """It cannot be judged: trust is missing, or the format is unknown."""


class LedgerError(CustodyError):
    """The ledger did not take an act."""


class ConflictError(LedgerError):
    """A subject moved on since the caller decided on it.

    Attributes:
        subject: The subject, 32 hex digits.
        expected: The version or sequence number the caller named.
        actual: The one found at integration.
    """

    def __init__(self, subject: str, expected: int, actual: int) -> None:
        """Keep what was expected and what was found."""
        super().__init__(f"subject {subject} is at {actual}, not at {expected}")
        self.subject = subject
        self.expected = expected
        self.actual = actual


class DuplicateClaimError(LedgerError):
    """A unique key is already held.

    Attributes:
        claim: The key.
        subject: Who holds it, 32 hex digits.
    """

    def __init__(self, claim: str, subject: str) -> None:
        """Keep the key and its holder."""
        super().__init__(f"{claim} is held by {subject}")
        self.claim = claim
        self.subject = subject


class LedgerBusyError(LedgerError):
    """The ledger could not take the act now; the caller may try again."""


class LedgerStoppedError(LedgerError):
    """Appends have stopped: rollback, fork, a clock that ran backwards, or a failing disk."""

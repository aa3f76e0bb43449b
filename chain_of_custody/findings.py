"""Findings: what a check noticed, as values; a check reports and never raises for what it finds."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Severity"]

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check noticed.

    Attributes:
        code: Stable word for programs, such as ``leaf_malformed``.
        severity: ``error`` is damage or falsehood, ``warning`` needs a person, ``note`` is stated for completeness.
        where: What it is about: a file, a leaf's index, a tile's path.
        message: One sentence for people.
    """

    code: str
    severity: Severity
    where: str
    message: str

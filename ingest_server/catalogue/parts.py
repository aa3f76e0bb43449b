"""Reading the parts of an entry's record, which may have been erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chain_of_custody.ledger import Entry


def read_part(entry: Entry, label: str) -> dict[str, Any]:
    """A part as an object; empty where it was erased or never there."""
    value = entry.record.value(label) if entry.record else None
    return value if isinstance(value, dict) else {}


def read_list(entry: Entry, label: str) -> list[Any]:
    """A part as a list; empty where it was erased or never there."""
    value = entry.record.value(label) if entry.record else None
    return value if isinstance(value, list) else []


def read_text(entry: Entry, label: str) -> str | None:
    """A part as a text; None where it was erased or never there."""
    value = entry.record.value(label) if entry.record else None
    return value if isinstance(value, str) else None

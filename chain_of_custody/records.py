"""Records: the parts of an event in the clear, with their salts. Private, and erasable without touching the tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from chain_of_custody.canonical import JsonValue
from chain_of_custody.commitments import Opening, check_label, commit, new_salt
from chain_of_custody.errors import MalformedError

__all__ = ["Record", "make_record"]


@dataclass(frozen=True, slots=True)
class Record:
    """The full event.

    Attributes:
        parts: Label to opening.
    """

    parts: Mapping[str, Opening]

    def commitments(self) -> dict[str, str]:
        """What the leaf holds of it: label to commitment."""
        return {label: opening.commitment() for label, opening in self.parts.items()}

    def value(self, label: str) -> JsonValue:
        """A part in the clear, or None where the record has no such part."""
        opening = self.parts.get(label)
        return None if opening is None else opening.value

    def open_part(self, label: str) -> Opening:
        """The opening of one part; raises KeyError."""
        return self.parts[label]

    def to_json(self) -> dict[str, JsonValue]:
        """The record as a JSON object: label to salt and value."""
        shown = {label: opening.to_json() for label, opening in self.parts.items()}
        return {label: {"salt": item["salt"], "value": item["value"]} for label, item in shown.items()}

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a record; raises MalformedError."""
        if not isinstance(value, dict):
            raise MalformedError("not a record")
        parts = {}
        for label, item in value.items():
            if not isinstance(item, dict) or item.keys() != {"salt", "value"}:
                raise MalformedError("not a record's part")
            parts[label] = Opening.from_json({"label": label, **item})
        return cls(parts)


def make_record(parts: Mapping[str, JsonValue]) -> tuple[Record, dict[str, str]]:
    """Give each part its own fresh salt.

    Returns:
        The record and its commitments, computed once.
    """
    openings = {check_label(label): Opening(label, new_salt(), value) for label, value in parts.items()}
    return Record(openings), {label: commit(label, o.salt, o.value) for label, o in openings.items()}

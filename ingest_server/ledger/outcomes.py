"""What a line of the custody log says at a glance: how it ended, and the few values that tell it from its like.

Pure: the same record always gives the same line, so that the catalogue follows from the ledger alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest_server.catalogue.parts import read_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chain_of_custody.ledger import Entry

NORMAL, REFUSED, FAILED = "normal", "refused", "failed"
OUTCOMES = (NORMAL, REFUSED, FAILED)
MAX_VALUES = 4
MAX_VALUE = 120
# Of a part that is an object only these say something to a person at a glance.
_TELLING = (
    "code",
    "route",
    "key",
    "number",
    "name",
    "title",
    "role",
    "stage",
    "label",
    "path",
    "purpose",
    "text",
    "address",
    "problem",
    "format",
    "holder",
    "officer",
    "unit",
)
# Content, as pictures are: whoever may read the log may not therefore read it.
WITHHELD: Mapping[str, frozenset[str]] = {"recording.noted": frozenset({"note"})}
# Said elsewhere in the line, or said by a machine to machines.
_NOT_SHOWN = frozenset({"actor", "reason", "findings", "manifest", "inventory", "report", "statement", "received"})


def judge_outcome(entry: Entry) -> str:
    """How it ended: ``normal``, ``refused`` or ``failed``."""
    kind = entry.leaf.type
    if kind.endswith("refused"):
        return REFUSED
    is_failure = kind.endswith("failed") or kind == "store.orphaned" or _says_failure(entry)
    return FAILED if is_failure else NORMAL


def _says_failure(entry: Entry) -> bool:
    match entry.leaf.type:
        case "store.checked":
            return read_part(entry, "canary").get("ok") is False
        case "fixity.checked":
            return bool(read_part(entry, "fixity").get("failed"))
        case "recorder.undocked":
            return bool(read_part(entry, "undocked").get("failed"))
        case _:
            return False


def summarize(entry: Entry) -> list[str]:
    """A few short values of the record, in no language; empty where it was erased or says nothing short."""
    return [value[:MAX_VALUE] for value in _tell(entry) if value][:MAX_VALUES]


def _tell(entry: Entry) -> Iterator[str]:
    match entry.leaf.type:
        case "policy.changed":
            change = read_part(entry, "change")
            yield f"{change.get('key')}: {_show(change.get('before'))} → {_show(change.get('after'))}"
        case "recorder.docked":
            yield str(read_part(entry, "identity").get("serial") or "")
        case "recorder.undocked":
            undocked = read_part(entry, "undocked")
            yield f"{undocked.get('sealed', 0)} / {undocked.get('found', 0)}"
        case "store.checked":
            checks = _list_objects(read_part(entry, "canary").get("checks"))
            yield from (str(check.get("name")) for check in checks if check.get("passed") is False)
        case "fixity.checked":
            fixity = read_part(entry, "fixity")
            yield f"{fixity.get('checked', 0)}"
            yield from (str(item.get("problem")) for item in _list_objects(fixity.get("failed")))
        case "ledger.noted":
            note = read_part(entry, "note")
            yield f"#{note.get('index')}"
            yield str(note.get("text", ""))
        case "ledger.reviewed":
            yield f"#{read_part(entry, 'review').get('up_to')}"
        case _:
            yield from _tell_generally(entry)


def _tell_generally(entry: Entry) -> Iterator[str]:
    for label, opening in sorted(entry.record.parts.items() if entry.record else ()):
        value = opening.value
        if label in _NOT_SHOWN or label in WITHHELD.get(entry.leaf.type, ()):
            continue
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict) and isinstance(value.get("after"), dict):
            yield from _tell_change(value)
        elif isinstance(value, dict):
            yield from (_show(value[name]) for name in _TELLING if isinstance(value.get(name), str | int))


def _tell_change(change: dict[str, Any]) -> Iterator[str]:
    before = change["before"] if isinstance(change.get("before"), dict) else {}
    for name, after in change["after"].items():
        if before.get(name) != after:
            yield f"{name}: {_show(before.get(name))} → {_show(after)}"


def _list_objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _show(value: object) -> str:
    return "–" if value is None else str(value)

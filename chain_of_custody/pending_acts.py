"""Acts and their results as text, for handing over between processes of one data folder."""

import json
from collections.abc import Mapping

from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.drafts import Entry, PreparedEvent
from chain_of_custody.errors import ConflictError, DuplicateClaimError, LedgerError, MalformedError
from chain_of_custody.leaves import parse_leaf
from chain_of_custody.placing import ActResult
from chain_of_custody.stores.contract import LedgerStore

__all__ = ["TOO_LATE", "Act", "decode_act", "decode_result", "encode_act", "encode_result", "last_index"]

Act = tuple[PreparedEvent, ...]
TOO_LATE = json.dumps({"refused": "the act waited too long to be recorded; ask again"})


def encode_act(act: Act) -> str:
    """An act as text."""
    return json.dumps([event.to_json() for event in act])


def decode_act(text: str) -> Act:
    """Read an act that another process wrote; raises MalformedError."""
    try:
        events = parse_json(text.encode())
        if not isinstance(events, list):
            raise MalformedError("not a handed-over act: no list of events")
        act = tuple(PreparedEvent.from_json(item) for item in events if isinstance(item, dict))
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"not a handed-over act: {error}") from error
    if len(act) != len(events) or len({event.act_id for event in act}) != 1:
        raise MalformedError("not a handed-over act: not the events of one act")
    return act


def encode_result(result: ActResult) -> str:
    """What became of an act, as text."""
    match result:
        case ConflictError():
            return json.dumps({"conflict": [result.subject, result.expected, result.actual]})
        case DuplicateClaimError():
            return json.dumps({"duplicate": [result.claim, result.subject]})
        case LedgerError():
            return json.dumps({"refused": str(result)})
        case _:
            return json.dumps({"indexes": [entry.index for entry in result]})


def last_index(text: str) -> int:
    """Index of the last entry a result speaks of; -1 for a refusal, which needs no checkpoint."""
    indexes = json.loads(text).get("indexes")
    return int(indexes[-1]) if indexes else -1


def decode_result(text: str, act: Act, store: LedgerStore) -> ActResult:
    """Read what became of an act of ours; its entries are read from the store."""
    value: Mapping[str, JsonValue] = json.loads(text)
    match value:
        case {"indexes": list(indexes)}:
            start = int(str(indexes[0]))
            leaves = store.read_leaves(start, start + len(indexes))
            return tuple(
                Entry(stored.index, parse_leaf(stored.leaf), event.record)
                for stored, event in zip(leaves, act, strict=True)
            )
        case {"conflict": [str(subject), int(expected), int(actual)]}:
            return ConflictError(subject, expected, actual)
        case {"duplicate": [str(claim), str(subject)]}:
            return DuplicateClaimError(claim, subject)
        case _:
            return LedgerError(str(value.get("refused")))

"""An export of log lines with proofs: every line can be checked by a stranger with nothing but the log's key.

One JSON object, written so that each entry stands alone on a line of its own; whoever checks it needs the memory of one
entry, however long the file is. Form, in this order::

    {"log_export": {"v": 1, "origin", "vkey", "checkpoint", "size", …},
    "entries": [
    {"index", "leaf", "path", "openings", "withheld"},
    …
    ],
    "count": N}

``leaf`` is base64, ``path`` the inclusion path to the root of ``checkpoint`` in hex, ``openings`` the parts of the
record with their salts; ``withheld`` names parts that are committed to and not in the file. That nothing between two
lines was left out is not claimed: an export follows a filter.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.checkpoint import Checkpoint, open_checkpoint
from chain_of_custody.commitments import Opening, verify_opening
from chain_of_custody.drafts import Entry
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError, VerificationError
from chain_of_custody.leaves import Leaf, parse_leaf
from chain_of_custody.merkle import HASH_BYTES, hash_leaf, verify_inclusion
from chain_of_custody.note import Verifier

__all__ = ["ExportedLine", "LogExportHead", "check_log_export", "read_head", "write_line"]

_MAX_LINE = 8 << 20
_MAX_PATH = 64
_OPEN, _ENTRIES, _CLOSE = '{"log_export": ', '"entries": [', "],"


@dataclass(frozen=True, slots=True)
class LogExportHead:
    """What an export says about itself: the log's name, its key as a copy for reading, and the signed checkpoint."""

    origin: str
    vkey: str
    checkpoint_note: bytes


@dataclass(frozen=True, slots=True)
class ExportedLine:
    """One line that was checked: its index, its leaf, the parts that the file opens, and those that it withholds."""

    index: int
    leaf: Leaf
    parts: Mapping[str, JsonValue]
    withheld: tuple[str, ...]


def write_line(entry: Entry, path: Sequence[bytes], opened: Mapping[str, Opening]) -> dict[str, JsonValue]:
    """One entry for an export; what is not ``opened`` is named and withheld."""
    openings: dict[str, JsonValue] = {}
    for label, opening in sorted(opened.items()):
        openings[label] = {name: item for name, item in opening.to_json().items() if name != "label"}
    return {
        "index": entry.index,
        "leaf": base64.b64encode(entry.leaf.data).decode(),
        "path": [item.hex() for item in path],
        "openings": openings,
        "withheld": [*sorted(set(entry.leaf.commitments) - set(openings))],
    }


def read_head(line: str) -> LogExportHead:
    """Read the first line of an export; nothing is verified here. Raises MalformedError."""
    if not line.startswith(_OPEN):
        raise MalformedError("not an export of log lines")
    value = _parse(line.removeprefix(_OPEN).rstrip().removesuffix(","))
    names = ("origin", "vkey", "checkpoint")
    if value.get("v") != 1 or any(not isinstance(value.get(name), str) for name in names):
        raise MalformedError("not an export of log lines, version 1")
    return LogExportHead(str(value["origin"]), str(value["vkey"]), str(value["checkpoint"]).encode())


def check_log_export(lines: Iterable[str], verifiers: Sequence[Verifier]) -> Iterator[ExportedLine]:
    """Check an export line by line; each is given once it is proved.

    Args:
        lines: The file's lines.
        verifiers: The log's key, given from outside and never taken from the file.

    Raises:
        MalformedError: Not an export, or it is cut short.
        VerificationError: The checkpoint is not this log's, an entry is not in its tree, or a part is not what the
            leaf commits to.
    """
    source = iter(lines)
    head = read_head(next(source, ""))
    checkpoint = open_checkpoint(head.checkpoint_note, verifiers, head.origin)
    if next(source, "").strip() != _ENTRIES:
        raise MalformedError("an export without entries")
    count, last = 0, -1
    for text in source:
        if text.strip() == _CLOSE:
            break
        line = _check_line(_parse(text.strip().removesuffix(",")), checkpoint)
        if line.index <= last:
            raise MalformedError("entries are not in the order of their indexes")
        last = line.index
        count += 1
        yield line
    if next(source, "").strip() != f'"count": {count}}}':
        raise MalformedError("the export is cut short or its count is another")


def _check_line(value: Mapping[str, JsonValue], checkpoint: Checkpoint) -> ExportedLine:
    index, path, openings = value.get("index"), value.get("path"), value.get("openings")
    if not isinstance(index, int) or isinstance(index, bool) or not isinstance(path, list):
        raise MalformedError("an entry without its place")
    if not isinstance(openings, dict):
        raise MalformedError("an entry without openings")
    data = decode_base64(value.get("leaf"))
    verify_inclusion(index, checkpoint.size, hash_leaf(data), _parse_path(path), checkpoint.root)
    leaf = parse_leaf(data)
    if leaf.origin != checkpoint.origin:
        raise VerificationError("a leaf of another ledger", "wrong_origin")
    parts: dict[str, JsonValue] = {}
    for label, item in openings.items():
        opening = Opening.from_json({**item, "label": label} if isinstance(item, dict) else item)
        parts[label] = verify_opening(opening, leaf.commitments)
    return ExportedLine(index, leaf, parts, tuple(sorted(set(leaf.commitments) - set(parts))))


def _parse_path(items: Sequence[JsonValue]) -> tuple[bytes, ...]:
    if len(items) > _MAX_PATH:
        raise MalformedError("an inclusion path that is too long")
    try:
        path = tuple(bytes.fromhex(item) if isinstance(item, str) else b"" for item in items)
    except ValueError as error:
        raise MalformedError("an inclusion path that is not hex") from error
    if any(len(item) != HASH_BYTES for item in path):
        raise MalformedError("a hash that is not 32 bytes")
    return path


def _parse(text: str) -> dict[str, JsonValue]:
    value = parse_json(text.encode(), _MAX_LINE)
    if not isinstance(value, dict):
        raise MalformedError("a line that is no object")
    return value

"""The fields that statements share, checked as they come from outside; every refusal is MalformedError."""

from typing import Any

from chain_of_custody.canonical import MAX_INTEGER, JsonValue
from chain_of_custody.dsse import decode_base64
from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import check_id
from chain_of_custody.instants import parse_instant
from chain_of_custody.leaves import check_origin

__all__ = [
    "HEADER_FIELDS",
    "MAX_CLAIMS",
    "MAX_FILES",
    "check_claims",
    "check_count",
    "check_failures",
    "check_file",
    "check_findings",
    "check_list",
    "check_object",
    "check_path",
    "check_recorder_time",
    "check_text",
    "check_volume",
    "read_header",
    "take_fields",
]

HEADER_FIELDS = ("v", "origin", "dock_id", "docking_id", "counter", "time")
MAX_CLAIMS = 1_000
MAX_FILES = 1_000_000
# Thirty-two folders deep with names of 255 UTF-16 units in UTF-8; no volume is held up for a long name.
_MAX_PATH_BYTES = 32768
# A raw byte of a path is shown by up to four characters.
_MAX_TEXT = 4 * _MAX_PATH_BYTES
_CLAIM = {"name", "value", "source"}
_FAILURE = {"path_b64", "reason"}
_FILE = {"path_b64", "path", "kind", "size", "mtime", "state", "reason"}
_FILE_KINDS = ("file", "symlink", "directory", "other", "unreadable")
_FILE_STATES = ("found", "failed", "finding")
_FINDING = {"code", "severity", "where", "message"}
_RECORDER_TIME = {"local", "source", "utc_offset", "uncertainty_s"}
_SEVERITIES = ("error", "warning", "note")
_TIME_SOURCES = ("name", "container", "fat", "exfat", "file", "osd")
_VOLUME_TEXTS = ("root", "fs_type", "mount_options")
_VOLUME_OPTIONAL = ("fs_uuid", "device", "label", "hardware_serial")
_VOLUME = {*_VOLUME_TEXTS, *_VOLUME_OPTIONAL, "read_only", "usb"}


def take_fields(value: JsonValue, names: str) -> dict[str, JsonValue]:
    """Check that an object has exactly the header's fields and these; return it."""
    return check_object(value, {*HEADER_FIELDS, *names.split()})


def read_header(value: dict[str, JsonValue]) -> dict[str, Any]:
    """Read the fields that every statement has, as keyword arguments of its class."""
    if value["v"] != 1 or value["v"] is True:
        raise MalformedError("not a statement of version 1")
    parse_instant(value["time"])
    return {
        "origin": check_origin(value["origin"]),
        "dock_id": check_id(value["dock_id"]),
        "docking_id": check_id(value["docking_id"]),
        "counter": check_count(value["counter"]),
        "time": value["time"],
    }


def check_volume(value: JsonValue) -> dict[str, JsonValue]:
    """What a volume says of itself and how it is mounted."""
    volume = check_object(value, _VOLUME)
    for name in _VOLUME_TEXTS:
        check_text(volume[name])
    for name in _VOLUME_OPTIONAL:
        _check_optional_text(volume[name])
    if not isinstance(volume["read_only"], bool):
        raise MalformedError("read_only is true or false")
    if volume["usb"] is not None:
        usb = check_object(volume["usb"], {"vendor", "product"})
        check_text(usb["vendor"])
        check_text(usb["product"])
    return volume


def check_file(value: JsonValue) -> None:
    """One entry of an inventory."""
    file = check_object(value, _FILE)
    check_path(file["path_b64"])
    check_text(file["path"])
    if file["kind"] not in _FILE_KINDS or file["state"] not in _FILE_STATES:
        raise MalformedError("a file of the inventory of unknown kind or state")
    if file["size"] is not None:
        check_count(file["size"])
    check_recorder_time(file["mtime"])
    _check_optional_text(file["reason"])


def check_recorder_time(value: JsonValue) -> JsonValue:
    """A recorder time, which is a claim, or None."""
    if value is None:
        return None
    time = check_object(value, _RECORDER_TIME)
    check_text(time["local"])
    _check_optional_text(time["utc_offset"])
    if time["source"] not in _TIME_SOURCES:
        raise MalformedError("a recorder time of unknown source")
    if time["uncertainty_s"] is not None:
        check_count(time["uncertainty_s"])
    return value


def check_claims(value: JsonValue) -> tuple[JsonValue, ...]:
    """Claims: name, value and source, all texts."""
    claims = check_list(value, MAX_CLAIMS)
    for item in claims:
        for text in check_object(item, _CLAIM).values():
            check_text(text)
    return tuple(claims)


def check_findings(value: JsonValue, limit: int = MAX_FILES) -> tuple[JsonValue, ...]:
    """Findings: code, severity, where and message, all texts."""
    findings = check_list(value, limit)
    for item in findings:
        finding = check_object(item, _FINDING)
        for text in finding.values():
            check_text(text)
        if finding["severity"] not in _SEVERITIES:
            raise MalformedError("a finding of unknown severity")
    return tuple(findings)


def check_failures(value: JsonValue) -> tuple[JsonValue, ...]:
    """Files that were not sealed: raw path and reason."""
    failures = check_list(value, MAX_FILES)
    for item in failures:
        failure = check_object(item, _FAILURE)
        check_path(failure["path_b64"])
        check_text(failure["reason"])
    return tuple(failures)


def check_path(value: JsonValue) -> str:
    """A raw path: relative, without NUL, empty or dot-only names; never followed, only compared."""
    raw = decode_base64(value)
    if len(raw) > _MAX_PATH_BYTES or b"\0" in raw or any(part in {b"", b".", b".."} for part in raw.split(b"/")):
        raise MalformedError("not a path from the volume root")
    return str(value)


def check_text(value: JsonValue) -> str:
    """A text of at most 131,072 characters."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise MalformedError("not a text")
    return value


def check_count(value: JsonValue) -> int:
    """A whole number from 0, below 2^53."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_INTEGER:
        raise MalformedError("not a count")
    return value


def check_object(value: JsonValue, names: set[str] | None = None) -> dict[str, JsonValue]:
    """An object, with exactly these fields where they are given."""
    if not isinstance(value, dict) or (names is not None and value.keys() != names):
        raise MalformedError("not an object with the fields of its kind")
    return value


def check_list(value: JsonValue, limit: int) -> list[JsonValue]:
    """A list of at most ``limit`` items."""
    if not isinstance(value, list) or len(value) > limit:
        raise MalformedError("not a list of allowed length")
    return value


def _check_optional_text(value: JsonValue) -> None:
    if value is not None:
        check_text(value)

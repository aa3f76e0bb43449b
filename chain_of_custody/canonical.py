r"""Canonical JSON (RFC 8785) and a strict parser for JSON from outside.

Values are restricted as ``docs/formats.md`` says: integers below 2^53, no floating-point numbers, text keys.

    >>> canonical_json({"b": 1, "a": "é"})
    b'{"a":"\xc3\xa9","b":1}'
"""

import json
from typing import NoReturn, TypeAlias

import rfc8785

from chain_of_custody.errors import MalformedError

__all__ = ["MAX_INTEGER", "JsonValue", "canonical_json", "parse_canonical", "parse_json"]

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_INTEGER = 2**53 - 1
MAX_BYTES = 64 << 20
_MAX_DEPTH = 64
# Without floats and with ASCII keys the standard encoder gives RFC 8785 bytes, several times faster than a pure Python
# one; a property test holds it against the reference. Every append to the ledger encodes many values.
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))


def canonical_json(value: object) -> bytes:
    """Encode a value as RFC 8785 bytes.

    Raises:
        MalformedError: It holds a float, an integer of 2^53 or more, a lone surrogate, or keys that are not text.
    """
    try:
        if _check_encodable(value):
            return _ENCODER.encode(value).encode()
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # what was checked is of the types it takes
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise MalformedError(f"not representable as canonical JSON: {error}") from error


def parse_json(data: bytes, limit: int = MAX_BYTES) -> JsonValue:
    """Parse JSON from outside.

    Args:
        data: UTF-8 bytes.
        limit: Refused when longer, in bytes.

    Raises:
        MalformedError: Not UTF-8 or not JSON, too long, deeper than 64, a repeated key, a float or too large a number.
    """
    if len(data) > limit:
        raise MalformedError(f"longer than {limit} bytes")
    try:
        value: JsonValue = json.loads(
            bytes(data).decode("utf-8"),
            object_pairs_hook=_make_object,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_parse_integer,
        )
    except RecursionError as error:
        raise MalformedError("nested too deeply") from error
    except ValueError as error:
        raise MalformedError(f"not JSON: {error}") from error
    _check_value(value, _MAX_DEPTH)
    return value


def parse_canonical(data: bytes, limit: int = MAX_BYTES) -> JsonValue:
    """Parse JSON that must be in canonical form, so that one value has one encoding.

    Raises:
        MalformedError: As :func:`parse_json`, or the bytes differ from their canonical form.
    """
    value = parse_json(data, limit)
    if canonical_json(value) != data:
        raise MalformedError("not in canonical form (RFC 8785)")
    return value


def _check_encodable(value: object) -> bool:
    """Refuse what the format has not; tell whether all keys are ASCII, so that both ways of ordering them agree."""
    if value is None or isinstance(value, (str, bool)):
        return True
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise MalformedError("an integer of 2^53 or more")
        return True
    if isinstance(value, dict):
        has_plain_keys = True
        for key, item in value.items():
            if not isinstance(key, str):
                raise MalformedError("a key that is not text")
            has_plain_keys = _check_encodable(item) and key.isascii() and has_plain_keys
        return has_plain_keys
    if isinstance(value, (list, tuple)):
        has_plain_keys = True
        for item in value:
            has_plain_keys = _check_encodable(item) and has_plain_keys
        return has_plain_keys
    raise MalformedError(f"a value of a type that JSON here has not: {type(value).__name__}")


def _make_object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedError("an object names a key twice")
    return value


def _refuse_number(text: str) -> NoReturn:
    raise MalformedError(f"a number that is not an integer: {text[:20]}")


def _parse_integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise MalformedError("an integer of 2^53 or more")
    return int(text)


def _check_value(value: JsonValue, depth: int) -> None:
    """Refuse lone surrogates, which JSON escapes can smuggle in, and too deep nesting."""
    if depth == 0:
        raise MalformedError("nested too deeply")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_value(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_value(item, depth - 1)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedError("a lone surrogate") from error

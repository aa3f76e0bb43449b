"""What hostile input looks like: values and bytes for property tests of parsers."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from chain_of_custody.errors import MalformedError

# Machines that run many things at once make deadlines lie.
quick = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**54), 2**54)
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(["", "A" * 32, "0" * 32, "0" * 64, "AAAA", "2026-11-24T08:00:00.000000Z", "file", "ledger"])
)


def _nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)


# Whatever a JSON parser may hand over, lone surrogates and oversized integers included.
json_values = st.recursive(_SCALARS | st.floats(), _nest, max_leaves=12)
clean_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20), _nest, max_leaves=12
)


def mutate(valid: bytes) -> st.SearchStrategy[bytes]:
    """Valid bytes with a stretch replaced, cut out, or something put in."""
    position = st.integers(0, len(valid))
    return st.builds(
        lambda start, length, put: valid[:start] + put + valid[start + length :],
        position,
        st.integers(0, 40),
        st.binary(max_size=20),
    )


def hostile_bytes(*valid: bytes) -> st.SearchStrategy[bytes]:
    """Random bytes, JSON of any form, and each valid sample changed."""
    documents = json_values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    return st.one_of(st.binary(max_size=300), documents, *(mutate(sample) for sample in valid))


def change_value(value: Any) -> st.SearchStrategy[Any]:
    """A valid JSON value with one thing in it, at any depth, replaced by anything, or dropped."""
    places = list(_walk(value))
    return st.builds(
        lambda place, new, drop: _replace(value, place, new, drop), st.sampled_from(places), json_values, st.booleans()
    )


def _walk(value: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _walk(item, (*path, key))


def _replace(value: Any, path: tuple[Any, ...], new: Any, drop: bool) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if drop and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _replace(value[path[0]], path[1:], new, drop)
    return copy


def refuses_or_reads(parse: Callable[[Any], Any], data: Any) -> Any:
    """Call a parser: what it reads, or None where it says MalformedError; anything else fails the test."""
    try:
        return parse(data)
    except MalformedError:
        return None

"""Messages of the sandbox are read with bounds."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.media.wire import (
    MAX_MESSAGE,
    BrokenWireError,
    pack_body,
    pack_message,
    read_body,
    read_count,
    read_message,
)


def reader(data: bytes) -> io.BytesIO:
    class Exactly(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            if size is not None and len(found) < size:
                raise BrokenWireError("short")
            return found

    return Exactly(data)


def test_a_message_is_read_as_it_was_sent() -> None:
    assert read_message(reader(pack_message({"tell": "read", "offset": 7})).read) == {"tell": "read", "offset": 7}


def test_a_body_is_read_as_it_was_sent() -> None:
    assert read_body(reader(pack_body(b"abc")).read) == b"abc"


@pytest.mark.parametrize(
    "data", [(MAX_MESSAGE + 1).to_bytes(4, "big"), b"\0\0\0\2[]", b"\0\0\0\1{", b"\0\0\0\4\xff\xfe\x00\x00", b"\0"]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenWireError):
        read_message(reader(data).read)


def test_a_body_beyond_its_bound_is_refused() -> None:
    with pytest.raises(BrokenWireError):
        read_body(reader(pack_body(bytes(11))).read, 10)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with contextlib.suppress(BrokenWireError):
        assert isinstance(read_message(reader(data).read), dict)


@pytest.mark.parametrize("value", [-1, 11, 2.0, True, None, "3"])
def test_a_count_is_a_number_within_bounds(value: object) -> None:
    with pytest.raises(BrokenWireError):
        read_count({"n": value}, "n", 10)

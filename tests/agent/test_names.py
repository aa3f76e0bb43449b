"""Names from a recorder are shown to people without letting them pretend to be other names."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.names import display_path
from tests.support.hostile import quick

BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@quick
@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_name_shows_a_control_or_bidirectional_character(raw: bytes) -> None:
    shown = display_path(raw)
    assert not BIDIRECTIONAL & set(shown)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    # What is shown is written to JSON and signed, so it must be encodable.
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"DCIM/a.mp4", "DCIM/a.mp4"),
        ("执法记录.mp4".encode(), "执法记录.mp4"),
        ("执法记录.mp4".encode("gb18030"), "执法记录.mp4"),
        (b"a\nb\x1b[31m.mp4", "a\\x0ab\\x1b[31m.mp4"),
        ("a\u202egpj.mp4".encode(), "a\\u202egpj.mp4"),
        (b"\xff\xfe.mp4", "\\xff\\xfe.mp4"),
        ("\U000e0041.mp4".encode(), "\\U000e0041.mp4"),
    ],
)
def test_a_name_is_shown_as_people_can_read_it(raw: bytes, shown: str) -> None:
    assert display_path(raw) == shown

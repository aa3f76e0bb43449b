"""Fields that statements share."""

import base64

import pytest

from chain_of_custody.errors import MalformedError
from chain_of_custody.statement_fields import (
    check_claims,
    check_failures,
    check_file,
    check_findings,
    check_path,
    check_recorder_time,
    check_text,
    check_volume,
    read_header,
    take_fields,
)
from tests.support.dock_statements import CLAIM, CLEARING, FILES, FINDING, MTIME, PATH_B64, VOLUME


def encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "raw", [b"", b"/etc/passwd", b"../up", b"a/../b", b"a/./b", b".", b"a//b", b"a/", b"nul\0", b"a" * 32769]
)
def test_a_path_that_leaves_the_volume_or_has_two_forms_is_refused(raw):
    with pytest.raises(MalformedError):
        check_path(encode(raw))


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"a\nb", b"..a", b"a/...", b" ", b"C:\\x", b"/".join([b"x" * 255] * 33)])
def test_a_hostile_name_is_still_a_path(raw):
    assert check_path(encode(raw)) == encode(raw)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (check_claims, [["officer", "123456", "name"]]),
        (check_claims, [{**CLAIM, "value": 123456}]),
        (check_claims, [{"name": "officer", "value": "1"}]),
        (check_claims, [CLAIM] * 1001),
        (check_claims, CLAIM),
        (check_findings, [{**FINDING, "severity": "fatal"}]),
        (check_findings, [{**FINDING, "severity": ["error"]}]),
        (check_findings, ["a finding"]),
        (check_failures, [{"path_b64": PATH_B64}]),
        (check_failures, [{"path_b64": PATH_B64, "reason": None}]),
        (check_recorder_time, "2026-11-24"),
        (check_recorder_time, {**MTIME, "source": ["file"]}),
        (check_recorder_time, {**MTIME, "uncertainty_s": -1}),
        (check_recorder_time, {**MTIME, "uncertainty_s": True}),
        (check_file, {**FILES[0], "kind": ["file"]}),
        (check_file, {**FILES[0], "state": "sealed"}),
        (check_file, {**FILES[0], "size": -1}),
        (check_volume, {**VOLUME, "read_only": 1}),
        (check_volume, {**VOLUME, "usb": {"vendor": "1d6b"}}),
        (check_volume, {**VOLUME, "fs_uuid": 7}),
        (check_volume, {**VOLUME, "root": None}),
        (check_text, "a" * 131073),
        (read_header, {**CLEARING.to_json(), "v": True}),
        (read_header, {**CLEARING.to_json(), "counter": -1}),
        (read_header, {**CLEARING.to_json(), "time": "now"}),
    ],
    ids=lambda item: item.__name__ if callable(item) else str(item)[:40],
)
def test_a_field_of_another_form_is_refused(check, value):
    with pytest.raises(MalformedError):
        check(value)


def test_fields_in_form_are_returned():
    assert check_claims([CLAIM]) == (CLAIM,)
    assert check_findings([FINDING]) == (FINDING,)
    assert check_recorder_time(None) is None
    assert check_volume(VOLUME) == VOLUME
    assert take_fields(CLEARING.to_json(), "evidence_id path_b64 size digests") == CLEARING.to_json()

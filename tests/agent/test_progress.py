from __future__ import annotations

import json

import pytest

from agent.progress import Reporter, Summary


def test_programs_get_one_object_a_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(as_json=True) as reporter:
        reporter.begin("d", "recorder", 10, 1)
        reporter.note_bytes("d", 10)
        reporter.say("a sentence for people")
        reporter.show_state("执法.mp4".encode("gb18030"), "failed", size=3, error="too bad")
        reporter.end("d")
        reporter.finish(Summary(found=1, failed=1))
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert lines[0] == {
        "path": "执法.mp4",
        "path_b64": "1rS3qC5tcDQ=",
        "state": "failed",
        "size": 3,
        "digests": None,
        "evidence_id": None,
        "error": "too bad",
    }
    assert lines[1]["summary"]["failed"] == 1
    assert "a sentence for people" in printed.err


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (Summary(found=2, sealed=1, already_sealed=1), "You may take the recorder"),
        (Summary(found=2, sealed=1, waiting=1), "Keep the recorder"),
        (Summary(found=2, sealed=1, failed=1), "Keep the recorder"),
    ],
)
def test_people_are_told_what_to_do_next(capsys: pytest.CaptureFixture[str], summary: Summary, sentence: str) -> None:
    Reporter(as_json=False).finish(summary)
    assert sentence in capsys.readouterr().out


def test_a_name_cannot_paint_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(as_json=False)
    reporter.show_state(b"\x1b[31m[red]x.mp4", "failed", size=1, error="bad")
    assert "\x1b" not in capsys.readouterr().err


def test_bytes_of_no_docking_at_hand_are_not_counted() -> None:
    Reporter(as_json=True).note_bytes(None, 5)

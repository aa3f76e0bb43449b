"""What the sandbox says is taken as a stranger's text is: known fields, known form, bounded."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from chain_of_custody.canonical import canonical_json
from ingest_server.media.reports import VERDICTS, read_examination_report, read_pictures_report
from ingest_server.media.sandbox import Outcome
from ingest_server.media.thresholds import Thresholds

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["facts", "claims", "findings", "tools", "examined", "verdict", "code", "name", "value", "from_ms", "width", "av"]
)
NESTED = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=20,
)
REPORTS = st.dictionaries(FIELDS, NESTED, max_size=6)


def done(report: dict[str, object]) -> Outcome:
    return Outcome("done", "", report, (), ("limits",))


@given(REPORTS)
def test_any_report_becomes_parts_that_can_be_signed(report: dict[str, object]) -> None:
    for read in (read_pictures_report, partial(read_examination_report, judged_by=Thresholds())):
        told = read(done(report))
        assert len(canonical_json({**told.parts, "tools": {**told.tools}})) < 100_000


@given(st.integers() | st.text() | st.none())
def test_only_known_verdicts_are_believed(verdict: object) -> None:
    facts = read_pictures_report(done({"facts": {"verdict": verdict}})).parts["facts"]
    assert isinstance(facts, dict)
    assert facts["verdict"] in VERDICTS


def test_claims_are_the_containers_and_nobody_elses() -> None:
    told = [
        {"name": "container_make", "value": "x", "source": "name"},
        {"name": "officer", "value": "014237", "source": "container"},
    ]
    assert read_pictures_report(done({"claims": told})).parts["claims"] == [
        {"name": "container_make", "value": "x", "source": "container"}
    ]


def test_half_a_surrogate_pair_is_replaced() -> None:
    told = {"findings": [{"code": "media_cut_off", "severity": "warning", "message": "a\ud800b"}]}
    assert "a?b" in str(read_pictures_report(done(told)).parts["findings"])


def test_a_decoder_that_crashed_is_a_finding_and_a_verdict() -> None:
    report = read_pictures_report(Outcome("crashed", "SIGSEGV", {}, (), ()))
    assert report.parts["facts"] == {"verdict": "crashed"}
    assert "decoder_crashed" in str(report.parts["findings"])
    assert "SIGSEGV" in str(report.parts["findings"])

"""Searches answer what reading every recording would answer, in every order, page by page."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_of_custody.identities import show_id
from chain_of_custody.instants import format_instant
from ingest_server.accounts.viewers import EVERYTHING, Reach
from ingest_server.errors import BadRequestError
from ingest_server.permissions import Scope
from ingest_server.searching import queries
from ingest_server.searching.filters import RecordingFilter, Sort
from ingest_server.searching.queries import count_recordings, find_recordings
from tests.support.fabricated import FabricatedCatalogue

if TYPE_CHECKING:
    from ingest_server.catalogue.catalogue import Catalogue

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
UNITS = [("10", None), ("11", "10"), ("111", "11"), ("12", "10")]
OFFICERS = {"014207": ("李伟", "111"), "014208": ("Wang Qi", "12"), "014209": ("李娜", None)}
COUNT = 240


def fill() -> tuple[FabricatedCatalogue, list[dict[str, Any]]]:
    """A catalogue and, beside it, what each recording is; a register that comes in the middle."""
    chance = random.Random(3)
    catalogue = FabricatedCatalogue()
    known: list[dict[str, Any]] = []
    catalogue.apply(
        "casefile.opened",
        "casefile",
        "c" * 32,
        BEGIN,
        {"casefile": {"number": "〔2026〕318号", "title": "东方市场食品案"}},
    )
    for number in range(COUNT):
        if number == COUNT // 2:
            for code, parent in UNITS:
                catalogue.apply(
                    "unit.added",
                    "unit",
                    f"{int(code):032x}",
                    BEGIN,
                    {"unit": {"code": code, "name": code, "parent": parent}},
                )
            for officer, (name, unit) in OFFICERS.items():
                facts = {"number": officer, "name": name, "unit": unit, "certificate": None, "valid_until": None}
                catalogue.apply("officer.added", "officer", f"{int(officer):032x}", BEGIN, {"officer": facts})
        known.append(receive(catalogue, chance, number))
        if chance.random() < 0.3:
            stage = chance.choice(["review", "decision"])
            known[-1]["stages"] = [stage]
            attachment = {"casefile_id": "c" * 32, "number": "", "stage": stage}
            catalogue.apply("recording.attached", "recording", known[-1]["id"], BEGIN, {"attachment": attachment})
        if chance.random() < 0.2:
            known[-1]["label"] = chance.choice(["purged", "kept", "gone"])
            for label in sorted({known[-1]["label"], "kept"} - {"gone"}):
                catalogue.apply(
                    "recording.labelled",
                    "recording",
                    known[-1]["id"],
                    BEGIN,
                    {"label": {"text": label, "listed": True}},
                )
            if known[-1]["label"] != "kept":
                catalogue.apply(
                    "recording.unlabelled", "recording", known[-1]["id"], BEGIN, {"label": {"text": "kept"}}
                )
            if known[-1]["label"] == "gone":
                del known[-1]["label"]
    return catalogue, known


def receive(catalogue: FabricatedCatalogue, chance: random.Random, number: int) -> dict[str, Any]:
    claims = {
        "started_local": f"2026-11-{chance.randrange(1, 20):02}T{chance.randrange(24):02}:00:00",
        "officer": chance.choice([*OFFICERS, "999999"]),
        "unit": chance.choice(["11", "12", "77"]),
        "serial": chance.choice(["KD1", "KD2"]),
        "place": chance.choice(["东方市场", "Nandu Road"]),
    }
    claims = {name: value for name, value in claims.items() if chance.random() < 0.85}
    evidence_id = f"{chance.getrandbits(128):032x}"
    at = BEGIN + timedelta(minutes=number)
    size = chance.randrange(5)
    severities = [severity for severity in ("error", "warning", "note") if chance.random() < 0.1]
    index = catalogue.apply(
        "recording.received",
        "recording",
        evidence_id,
        at,
        {
            "received": {
                "digests": {"sha2-256": f"{number:064x}"}, "size": size, "store_key": "k", "version_id": "v",
                "lock_mode": "none", "retain_until": None,
            },
            "recording": {
                "claims": [{"name": name, "value": value, "source": "name:test"} for name, value in claims.items()],
                "recorder_id": f"{chance.randrange(3):032x}", "dock_id": "d" * 32, "docking_id": "e" * 32,
                "path": f"DCIM/{number:04}.MP4", "path_b64": f"{number}",
            },
            "findings": [{"code": "SOME", "severity": severity, "message": ""} for severity in severities],
        },
    )  # fmt: skip
    is_restricted = chance.random() < 0.1
    if is_restricted:
        catalogue.database.execute("update recordings set is_restricted = 1 where received_index = ?", (index,))
    return {
        "id": evidence_id, "index": index, "at": format_instant(at), "claims": claims, "size": size, "stages": [],
        "path": f"DCIM/{number:04}.MP4", "restricted": is_restricted,
        "findings": [*severities, *(["any"] if severities else [])],
    }  # fmt: skip


CATALOGUE, KNOWN = fill()
ABOVE = {"111": {"111", "11", "10"}, "11": {"11", "10"}, "12": {"12", "10"}, "10": {"10"}}


def units_of(recording: dict[str, Any]) -> set[str]:
    claims = recording["claims"]
    registered = OFFICERS.get(claims.get("officer", ""), ("", None))[1]
    return ABOVE.get(claims.get("unit", ""), set()) | ABOVE.get(registered or "", set())


def text_of(recording: dict[str, Any]) -> str:
    officer = OFFICERS.get(recording["claims"].get("officer", ""), ("",))[0]
    case = "〔2026〕318号 东方市场食品案" if recording["stages"] else ""
    return "\n".join(
        [
            recording["path"],
            show_id(recording["id"]),
            *recording["claims"].values(),
            officer,
            case,
            recording.get("label", ""),
        ]
    ).lower()


def passes(recording: dict[str, Any], wanted: RecordingFilter, reach: Reach) -> bool:
    claims = recording["claims"]
    started = claims.get("started_local")
    officers = {wanted.officer, *(number for number, (name, _) in OFFICERS.items() if (wanted.officer or "") in name)}
    return all(
        (
            wanted.officer is None or claims.get("officer") in officers,
            wanted.since is None or (started is not None and started >= wanted.since),
            wanted.until is None or (started is not None and started[: len(wanted.until)] <= wanted.until),
            wanted.unit is None or wanted.unit in units_of(recording),
            wanted.stage is None or wanted.stage in recording["stages"],
            wanted.label is None or wanted.label == recording.get("label"),
            wanted.case is None or (wanted.case == "〔2026〕318号" and bool(recording["stages"])),
            wanted.recorder is None or claims.get("serial") == wanted.recorder,
            wanted.is_attached is None or wanted.is_attached == bool(recording["stages"]),
            wanted.is_labelled is None or wanted.is_labelled == ("label" in recording),
            wanted.finding is None or wanted.finding in recording["findings"],
            wanted.received_since is None or recording["at"] >= wanted.received_since,
            wanted.received_until is None or recording["at"] < wanted.received_until,
            wanted.text is None
            or all(word in text_of(recording) for word in wanted.text.lower().split() if word != "//"),
            reach.scope is not Scope.NONE,
            reach.scope is not Scope.OWN or claims.get("officer") == reach.key,
            reach.scope is not Scope.UNIT or reach.key in units_of(recording),
        )
    )


def expect(wanted: RecordingFilter, reach: Reach) -> tuple[list[str], int]:
    """What reading everything gives: ids in order, and how many were withheld."""
    found = [one for one in KNOWN if passes(one, wanted, reach)]
    shown = [one for one in found if reach.sees_restricted or not one["restricted"]]
    sign = -1 if wanted.sort.is_descending else 1
    shown.sort(key=lambda one: sign * one["index"])
    if wanted.sort.column == "size":
        shown.sort(key=lambda one: sign * one["size"])
    if wanted.sort.column == "started_local":
        shown.sort(key=lambda one: one["claims"].get("started_local", ""), reverse=wanted.sort.is_descending)
        shown.sort(key=lambda one: "started_local" not in one["claims"])
    return [one["id"] for one in shown], len(found) - len(shown)


WORDS = st.sampled_from(
    [
        "东方市场",
        "市场",
        "东",
        "nandu",
        "na",
        "n",
        "kd1",
        "318",
        "李伟",
        "wang",
        "mp4",
        "0012",
        "zz",
        "//",
        "东方 kd2",
        "食品案",
    ]
)
FILTERS = st.builds(
    RecordingFilter,
    officer=st.none() | st.sampled_from(["014207", "李", "999999"]),
    recorder=st.none() | st.just("KD1"),
    since=st.none() | st.sampled_from(["2026-11-05", "2026-11-05T12:00"]),
    until=st.none() | st.sampled_from(["2026-11-12", "2026-11-12T08"]),
    case=st.none() | st.just("〔2026〕318号"),
    text=st.none() | WORDS,
    unit=st.none() | st.sampled_from(["10", "11", "111", "77"]),
    received_since=st.none() | st.just("2026-11-01T00:40:00.000000Z"),
    received_until=st.none() | st.just("2026-11-01T03:10:00.000000Z"),
    stage=st.none() | st.just("review"),
    label=st.none() | st.sampled_from(["kept", "purged"]),
    is_attached=st.none() | st.booleans(),
    is_labelled=st.none() | st.booleans(),
    finding=st.none() | st.sampled_from(["any", "error", "warning", "note"]),
    sort=st.sampled_from(Sort),
)
REACHES = st.sampled_from(
    [
        EVERYTHING,
        Reach(Scope.ALL, None, sees_restricted=False),
        Reach(Scope.UNIT, "11", sees_restricted=False),
        Reach(Scope.OWN, "014207", sees_restricted=True),
        Reach(Scope.NONE, None, sees_restricted=False),
    ]
)
catalogue: Catalogue = CATALOGUE  # type: ignore[assignment]  # it answers like the real one


# With a small FEW the second and third way of searching are taken, which otherwise need many thousands.
@pytest.mark.parametrize("few", [queries.FEW, 20, 2])
@settings(max_examples=150, deadline=None)
@given(wanted=FILTERS, reach=REACHES, limit=st.integers(1, 60))
def test_a_search_finds_what_reading_everything_finds(
    few: int, wanted: RecordingFilter, reach: Reach, limit: int
) -> None:
    expected, withheld = expect(wanted, reach)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "FEW", few)
        patch.setattr(queries, "TOGETHER", few)
        patch.setattr(queries, "NEAR", few * 3)
        forward: list[str] = []
        assert count_recordings(catalogue, wanted, reach) == (min(len(expected), few), len(expected) > few)
        page = find_recordings(catalogue, wanted, reach, limit=limit)
        assert page.total in {None, min(len(expected), few) if page.total == few else len(expected)}
        assert page.withheld == min(withheld, few)
        forward += [row["evidence_id"] for row in page.rows]
        while page.has_after:
            previous = page
            page = find_recordings(catalogue, wanted, reach, after=page.rows[-1]["received_index"], limit=limit)
            forward += [row["evidence_id"] for row in page.rows]
            back = find_recordings(catalogue, wanted, reach, before=page.rows[0]["received_index"], limit=limit)
            assert back.rows == previous.rows
            assert page.has_before
        assert forward == expected


def test_a_whole_evidence_id_finds_that_recording_alone() -> None:
    shown = show_id(KNOWN[7]["id"])
    for text in (shown, shown.lower(), f"{shown[:5]}-{shown[5:]}", KNOWN[7]["id"], f"{7:064x}"):
        found = find_recordings(catalogue, RecordingFilter(text=text))
        assert [row["evidence_id"] for row in found.rows] == [KNOWN[7]["id"]]


def test_going_on_from_nowhere_is_refused() -> None:
    with pytest.raises(BadRequestError):
        find_recordings(catalogue, RecordingFilter(sort=Sort.SIZE), after=10**9)


def test_detaching_takes_the_case_out_of_the_text() -> None:
    mine, recordings = fill()
    one = next(recording for recording in recordings if recording["stages"])
    attachment = {"casefile_id": "c" * 32, "number": "", "stage": one["stages"][0]}
    mine.apply("recording.detached", "recording", one["id"], BEGIN, {"attachment": attachment})
    found = find_recordings(mine, RecordingFilter(text="食品案"), limit=500)  # type: ignore[arg-type]
    assert one["id"] not in [row["evidence_id"] for row in found.rows]
    assert found.total == sum(bool(recording["stages"]) for recording in recordings) - 1


def test_words_of_notes_are_not_found_for_they_are_content() -> None:
    mine, recordings = fill()
    note = {"at_ms": 0, "text": "blue lorry", "corrects": None}
    mine.apply("recording.noted", "recording", recordings[0]["id"], BEGIN, {"note": note})
    assert find_recordings(mine, RecordingFilter(text="blue lor")).total == 0  # type: ignore[arg-type]

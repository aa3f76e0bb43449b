"""Facts beside claims: conflicts are shown to a person and never resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.recordings.facts import Fact, compile_facts, read_claimed_time, read_manifest

if TYPE_CHECKING:
    from ingest_server.catalogue.catalogue import Catalogue

ZONE = ZoneInfo("Asia/Shanghai")


class Registers:
    """A catalogue with one docking, one recorder and one officer."""

    def __init__(self, hardware: str | None = None, holder: str | None = None) -> None:
        self.hardware, self.holder = hardware, holder

    def fetch_one(self, statement: str, *values: object) -> dict[str, Any] | None:
        if "dockings" in statement:
            return {"docked_at": "2026-11-24T10:00:00.000000Z"}
        if "holdings" in statement:
            self.asked = values
            return {"officer": self.holder, "clock": "+2 s"} if self.holder else None
        if "recorders" in statement:
            return {"basis": "hardware" if self.hardware else "source", "hardware_serial": self.hardware}
        return {"number": "014207", "name": "Li Wei", "unit": "1"} if values == ("014207",) else None


def compile_for(
    *claims: tuple[str, str, str], hardware: str | None = None, holder: str | None = None, **manifest: Any
) -> dict[str, Fact]:
    row = {
        "claims": [{"name": name, "value": value, "source": source} for name, value, source in claims],
        "docking_id": "d", "recorder_id": "r", "received_at": "2026-11-24T10:05:00.000000Z",
    }  # fmt: skip
    catalogue: Catalogue = Registers(hardware, holder)  # type: ignore[assignment]
    return {fact.name: fact for fact in compile_facts(catalogue, row, manifest, ZONE)}


def test_claims_that_agree_are_no_conflict() -> None:
    facts = compile_for(
        ("started_local", "2026-11-24T14:00:00", "name:zfy"),
        ("container_created", "2026-11-24T06:00:30Z", "container"),
        ("officer", "014207", "name:zfy"),
        ("serial", "3100457", "name:zfy"),
    )
    assert [fact.conflict for fact in facts.values()] == [None, None, None]
    assert [claim.source for claim in facts["started"].claims] == ["name:zfy", "container"]


def test_a_start_by_name_and_another_by_container_are_for_a_person() -> None:
    facts = compile_for(
        ("started_local", "2026-11-24T14:00:00", "name:zfy"), ("container_created", "2026-11-24T14:00:00Z", "container")
    )
    assert facts["started"].conflict == "starts_after_docking"
    facts = compile_for(
        ("started_local", "2026-11-24T14:00:00", "name:zfy"), ("container_created", "2026-11-24T05:00:00Z", "container")
    )
    assert facts["started"].conflict == "starts_differ"


def test_a_start_after_the_docking_shows_by_how_much_the_clock_was_ahead() -> None:
    started = compile_for(("started_local", "2026-11-24T19:00:00", "name:zfy"))["started"]
    assert (started.conflict, started.values["ahead_s"]) == ("starts_after_docking", 3600)


def test_the_file_time_stands_beside_with_its_zone_and_uncertainty() -> None:
    mtime = {"local": "2026-11-24T14:01:00", "source": "exfat", "utc_offset": "+00:00", "uncertainty_s": 2}
    assert compile_for(mtime=mtime)["started"].claims[0].value == "2026-11-24T14:01:00 +00:00 ±2 s"


@pytest.mark.parametrize(
    ("numbers", "conflict"),
    [(("014207",), None), (("999999",), "officer_unknown"), (("014207", "2"), "officers_differ")],
)
def test_officers_are_compared_with_the_register(numbers: tuple[str, ...], conflict: str | None) -> None:
    assert compile_for(*(("officer", number, f"name:{number}") for number in numbers))["officer"].conflict == conflict


@pytest.mark.parametrize(("holder", "conflict"), [("014207", None), ("015026", "officer_not_holder"), (None, None)])
def test_an_officer_is_compared_with_who_was_given_the_recorder(holder: str | None, conflict: str | None) -> None:
    claims = ("officer", "014207", "name:zfy"), ("started_local", "2026-11-24T14:00:00", "name:zfy")
    facts = compile_for(*claims, holder=holder)
    assert facts["officer"].conflict == conflict
    assert (facts["started"].values["holder"] is None) == (holder is None)


@pytest.mark.parametrize(
    ("hardware", "claimed", "conflict"),
    [("DSJ0003100457", "3100457", None), ("AB12", "3100457", "serial_not_hardware"), (None, "3100457", None)],
)
def test_a_serial_is_compared_with_the_hardware(hardware: str | None, claimed: str, conflict: str | None) -> None:
    assert compile_for(("serial", claimed, "name:zfy"), hardware=hardware)["recorder"].conflict == conflict


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_none(text: str) -> None:
    at = read_claimed_time(text, ZONE)
    assert at is None or at.tzinfo is not None


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_a_manifest_that_is_none_reads_as_nothing(value: Any) -> None:
    assert isinstance(read_manifest({"manifest": value}), dict)

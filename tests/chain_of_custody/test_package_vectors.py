"""Packages and receipts written by an earlier version must stay provable."""

from pathlib import Path

import pytest

from chain_of_custody.identities import show_id
from chain_of_custody.policy import Policy, TrustPolicy
from chain_of_custody.report import render_report
from chain_of_custody.verifier import verify_file

VECTORS = Path(__file__).parent.parent / "vectors" / "package-v1"


@pytest.fixture(scope="module")
def trust():
    return TrustPolicy((Policy.from_vkey((VECTORS / "log.vkey").read_text()),))


@pytest.mark.parametrize("name", ["package.zip", "receipt.json"])
def test_frozen_file_is_still_proved(trust, name):
    report = verify_file(VECTORS / name, trust)
    assert report.exit_code == 0, render_report(report, "en")


def test_frozen_package_still_says_the_same(trust):
    facts = verify_file(VECTORS / "package.zip", trust).facts
    assert [item["evidence_id"] for item in facts["recordings"]] == [show_id("a" * 32), show_id("b" * 32)]
    assert (facts["complete_up_to"], facts["export"]["number"]) == (11, "2025-1")

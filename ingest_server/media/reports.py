"""Reports from the sandbox to parts of events: only known fields, of known form, within bounds.

The program that wrote a report has read hostile bytes; what it says is taken as a text of strangers would be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain_of_custody.canonical import JsonValue
    from ingest_server.media.sandbox import Outcome
    from ingest_server.media.thresholds import Thresholds

VERDICTS = ("video", "audio", "picture", "not_media", "unreadable", "crashed", "stopped")
_WORD = re.compile(r"[a-z0-9_./-]{1,40}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,47}")
_MAX_NUMBER = 1 << 50
_MAX_ITEMS = 64
_MAX_TEXT = 300
_WORDS = ("container", "video_codec", "audio_codec", "frame_rate")
_NUMBERS = ("duration_ms", "width", "height", "rotation", "sample_rate", "channels")
_SEVERITIES = frozenset({"error", "warning", "note"})
# What an ending of the sandbox says about a recording that was tried twice.
_ENDINGS = {
    "crashed": ("crashed", "decoder_crashed", "the decoder crashed on this file twice; the original is untouched"),
    "cpu": ("stopped", "decoder_stopped", "the decoder used more processor time than it may, twice"),
    "timeout": ("stopped", "decoder_stopped", "the decoder did not come to an end in its time, twice"),
    "memory": ("stopped", "decoder_stopped", "the decoder asked for more memory than it may have, twice"),
    "broken": ("stopped", "decoder_stopped", "the decoder left without a report, twice"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of a recording.

    Attributes:
        event_type: The event that tells it.
        parts: The event's parts.
        tools: Versions of what was used.
    """

    event_type: str
    parts: dict[str, JsonValue]
    tools: dict[str, str]


def read_pictures_report(outcome: Outcome) -> Report:
    """Facts, claims and findings of the first task."""
    if outcome.ending != "done":
        verdict, code, message = _ENDINGS[outcome.ending]
        facts: dict[str, JsonValue] = {"verdict": verdict}
        findings: list[JsonValue] = [_make_finding(code, "error", f"{message} ({outcome.detail[:100]})")]
        return Report("recording.probed", {"facts": facts, "claims": [], "findings": findings}, {})
    report = outcome.report
    parts: dict[str, JsonValue] = {
        "facts": _read_facts(_get_object(report, "facts")),
        "claims": _read_claims(report.get("claims")),
        "findings": _read_findings(report.get("findings")),
    }
    return Report("recording.probed", parts, _read_tools(report))


def read_examination_report(outcome: Outcome, judged_by: Thresholds) -> Report:
    """Findings of the second task, how far it came, and by what it judged."""
    thresholds: dict[str, JsonValue] = {**judged_by.to_json()}
    if outcome.ending != "done":
        _, code, message = _ENDINGS[outcome.ending]
        findings: list[JsonValue] = [_make_finding(code, "error", f"{message} ({outcome.detail[:100]})")]
        examined: dict[str, JsonValue] = {"until_ms": 0, "is_whole": False, "pictures": 0}
        return Report("recording.examined", {"examined": examined, "findings": findings, "thresholds": thresholds}, {})
    told = _get_object(outcome.report, "examined")
    examined = {
        "until_ms": _read_number(told.get("until_ms")) or 0,
        "is_whole": told.get("is_whole") is True,
        "pictures": _read_number(told.get("pictures")) or 0,
        "undecodable": _read_number(told.get("undecodable")) or 0,
        "every_frame": told.get("every_frame") is True,
    }
    findings = _read_findings(outcome.report.get("findings"))
    return Report(
        "recording.examined",
        {"examined": examined, "findings": findings, "thresholds": thresholds},
        _read_tools(outcome.report),
    )


def _make_finding(code: str, severity: str, message: str) -> JsonValue:
    return {"code": code, "severity": severity, "where": "media", "message": message}


def _get_object(report: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = report.get(name)
    return value if isinstance(value, dict) else {}


def _read_facts(told: Mapping[str, Any]) -> dict[str, JsonValue]:
    verdict = told.get("verdict")
    facts: dict[str, JsonValue] = {"verdict": verdict if verdict in VERDICTS else "unreadable"}
    for name in _WORDS:
        value = told.get(name)
        facts[name] = value if isinstance(value, str) and _WORD.fullmatch(value) else None
    for name in _NUMBERS:
        facts[name] = _read_number(told.get(name))
    return facts


def _read_number(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_NUMBER
    return value if is_number and isinstance(value, int) else None


def _read_claims(told: object) -> list[JsonValue]:
    claims: list[JsonValue] = []
    for item in told[:_MAX_ITEMS] if isinstance(told, list) else []:
        name, value = (item.get("name"), item.get("value")) if isinstance(item, dict) else (None, None)
        if isinstance(name, str) and _CODE.fullmatch(name) and name.startswith("container_") and isinstance(value, str):
            claims.append({"name": name, "value": _cut(value), "source": "container"})
    return claims


def _read_findings(told: object) -> list[JsonValue]:
    findings: list[JsonValue] = []
    for item in told[:_MAX_ITEMS] if isinstance(told, list) else []:
        if not isinstance(item, dict) or not isinstance(item.get("code"), str) or not _CODE.fullmatch(item["code"]):
            continue
        severity = item.get("severity")
        found: dict[str, JsonValue] = {
            "code": item["code"],
            "severity": severity if severity in _SEVERITIES else "note",
            "where": "media",
            "message": _cut(str(item.get("message", ""))),
        }
        times = {name: _read_number(item.get(name)) for name in ("from_ms", "to_ms")}
        findings.append({**found, **{name: value for name, value in times.items() if value is not None}})
    return findings


def _read_tools(report: Mapping[str, Any]) -> dict[str, str]:
    tools = _get_object(report, "tools")
    return {name: _cut(str(tools[name]), 40) for name in ("av", "libavcodec", "opencv") if name in tools}


def _cut(text: str, limit: int = _MAX_TEXT) -> str:
    # Halves of surrogate pairs cannot be written as UTF-8, and no signature covers what cannot be written.
    return text[:limit].encode("utf-8", "replace").decode()

"""Findings about a recorder: one table of codes with severity and words, for the inventory, the board and the terminal.

The signed finding carries the English sentence with its values; who shows it in another language looks its code up.
Words of the server's pages stand in its own templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chain_of_custody.canonical import JsonValue

TOLD = 50
"""So many findings of one code stand in an inventory; the last says how many more there are."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means.

    Attributes:
        severity: ``error`` needs a person now, ``warning`` a person some time, ``note`` is stated for completeness.
        english: A few words.
        chinese: The same.
    """

    severity: str
    english: str
    chinese: str


KINDS: dict[str, Kind] = {
    "CASE_COLLISION": Kind("note", "names differ in case only", "文件名仅大小写不同"),
    "CLOCK_AHEAD": Kind("warning", "the recorder's clock is ahead", "记录仪时钟偏快"),
    "CLOCK_BEHIND": Kind("warning", "the recorder's clock is behind", "记录仪时钟偏慢"),
    "CLOCK_JUMPED": Kind("warning", "the recorder's clock jumped", "记录仪时钟跳变"),
    "CLOCK_RESET": Kind("warning", "the recorder's clock fell back to its first day", "记录仪时钟被复位"),
    "DOCK_CLOCK_WRONG": Kind("warning", "this dock's clock is wrong", "采集站时钟不准"),
    "FILE_GONE": Kind("error", "a file is gone that was there before", "先前的文件不见了"),
    "FILE_SHORTER": Kind("error", "a file is shorter than before", "文件比先前短"),
    "FOLDER_UNREADABLE": Kind("error", "a folder cannot be read", "文件夹无法读取"),
    "NOT_A_FILE": Kind("warning", "an entry is no regular file", "含非普通文件"),
    "RECORDER_UNKNOWN": Kind("warning", "no known recorder layout", "未知的记录仪格式"),
    "RECORDINGS_OVERLAP": Kind("warning", "recordings overlap in time", "录像时间重叠"),
    "SEQUENCE_GAP": Kind("warning", "numbers are missing", "文件编号有缺"),
    "TOO_DEEP": Kind("error", "folders are too deep", "文件夹层级过深"),
    "TOO_MANY_ENTRIES": Kind("error", "too many entries", "条目过多"),
    "WRITABLE_MOUNT": Kind("warning", "the volume is mounted writable", "以可写方式挂载"),
}


def make_finding(code: str, where: str, message: str, severity: str | None = None) -> JsonValue:
    """A finding as statements carry it; the severity is its kind's where none is given."""
    return {"code": code, "severity": severity or KINDS[code].severity, "where": where, "message": message}


def limit_findings(code: str, findings: list[JsonValue]) -> list[JsonValue]:
    """At most ``TOLD`` findings of a code, the last of them saying how many there are in all."""
    if len(findings) <= TOLD:
        return findings
    more = f"and {len(findings) - TOLD + 1} more of this kind"
    severities = {str(cast("dict[str, JsonValue]", finding)["severity"]) for finding in findings}
    return [*findings[: TOLD - 1], make_finding(code, "/", more, "error" if "error" in severities else None)]


def say_kind(code: str) -> str:
    """A code in a few words of both languages; the code itself where nobody has words for it."""
    kind = KINDS.get(code)
    return f"{kind.english} · {kind.chinese}" if kind else code


def count_codes(findings: Iterable[JsonValue], severities: frozenset[str]) -> dict[tuple[str, str], int]:
    """How many findings of these severities there are by (code, severity), the worst first."""
    counts: dict[tuple[str, str], int] = {}
    for finding in findings:
        value = cast("dict[str, str]", finding)
        if value["severity"] in severities:
            place = value["code"], value["severity"]
            counts[place] = counts.get(place, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (item[0][1] != "error", item[0][0])))

"""What a verification says: a verdict, what is proved, what is not, and the facts derived from the leaves.

``report.json`` in a package is the canonical JSON of :func:`derive_facts`; it holds nothing that depends on who
verifies, so a verifier can derive it again and compare. The verdict itself is never read from a package.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from chain_of_custody.canonical import JsonValue
from chain_of_custody.identities import show_id
from chain_of_custody.judging import Judgement
from chain_of_custody.package import PackageContents, PackedLeaf
from chain_of_custody.progress import Step
from chain_of_custody.received import ProvedRecording
from chain_of_custody.sentences import Language, Sentence, label, show_safely

__all__ = ["Failure", "Verdict", "VerificationReport", "derive_facts", "render_report"]


class Verdict(Enum):
    """The three answers; each has its exit code."""

    PROVED = "proved"
    FALSE = "false"
    UNDECIDED = "undecided"

    @property
    def exit_code(self) -> int:
        """0 proved, 1 false, 2 cannot be judged."""
        return {Verdict.PROVED: 0, Verdict.FALSE: 1, Verdict.UNDECIDED: 2}[self]


@dataclass(frozen=True)
class Failure:
    """The first thing that is false or stands in the way of a judgement, and where it is."""

    problem: str
    where: str
    step: Step | None = None

    def to_json(self) -> dict[str, object]:
        """Return the failure for programs."""
        number = self.step.number if self.step else None
        return {"step": number, "where": self.where, "problem": self.problem}


@dataclass(frozen=True)
class VerificationReport:
    """The answer to a person or program.

    Attributes:
        kind: ``package``, ``receipt`` or ``unknown``.
        is_consistent: Everything holds together, whoever signed it.
        fingerprint: SHA-256 of the raw log key, where one is known.
        facts: For a package what :func:`derive_facts` gives, for a receipt its event and received values.
    """

    verdict: Verdict
    kind: str
    file: str
    proved: tuple[Sentence, ...] = ()
    not_proved: tuple[Sentence, ...] = ()
    failure: Failure | None = None
    is_consistent: bool = False
    fingerprint: str | None = None
    vkey: str | None = None
    facts: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """The program's exit code for this verdict."""
        return self.verdict.exit_code

    @property
    def lines(self) -> tuple[str, ...]:
        """The English report, line by line."""
        return tuple(render_report(self, "en").split("\n"))

    def to_json(self) -> dict[str, object]:
        """Return the machine form of the whole answer."""
        return {
            "v": 1,
            "file": self.file,
            "kind": self.kind,
            "verdict": self.verdict.value,
            "exit_code": self.exit_code,
            "consistent": self.is_consistent,
            "fingerprint": self.fingerprint,
            "vkey": self.vkey,
            "failure": self.failure.to_json() if self.failure else None,
            "proved": [sentence.to_json() for sentence in self.proved],
            "not_proved": [sentence.to_json() for sentence in self.not_proved],
            "facts": dict(self.facts),
        }


def render_report(report: VerificationReport, language: Language) -> str:
    """Return the answer as text for a person."""
    lines = [label("title", language, file=report.file), "", _verdict_line(report, language)]
    if report.failure is not None:
        lines.append(_failure_line(report.failure, language))
    if report.verdict is Verdict.FALSE:
        # After something false nothing else in the file may be leaned upon, so nothing is listed as proved.
        return "\n".join([*lines, *_key_lines(report, language)])
    for heading, sentences in (("proved", report.proved), ("not_proved", report.not_proved)):
        if sentences:
            lines += ["", label(heading, language)]
            lines += [f"  {'+' if heading == 'proved' else '-'} {sentence.text(language)}" for sentence in sentences]
    return "\n".join([*lines, *_key_lines(report, language)])


def _verdict_line(report: VerificationReport, language: Language) -> str:
    if report.verdict is Verdict.UNDECIDED and report.is_consistent:
        return label("verdict_unestablished", language)
    return label(f"verdict_{report.verdict.value}", language)


def _failure_line(failure: Failure, language: Language) -> str:
    if failure.step is None:
        return label("reason", language, problem=failure.problem)
    return label(
        "failure",
        language,
        number=failure.step.number,
        step=failure.step.title(language),
        where=failure.where,
        problem=failure.problem,
    )


def _key_lines(report: VerificationReport, language: Language) -> list[str]:
    lines = []
    if report.fingerprint:
        lines.append(label("fingerprint", language, fingerprint=report.fingerprint))
    if report.vkey:
        lines.append(label("vkey", language, vkey=report.vkey))
    return ["", *lines] if lines else []


def derive_facts(contents: PackageContents, judgement: Judgement) -> dict[str, JsonValue]:
    """Derive what ``report.json`` must say from judged contents.

    What is *not* proved is not among it: a later release may know more limits, and must still derive the same report.
    """
    prepared = judgement.completeness.prepared
    part = prepared.openings["prepared"].value
    stated = part if isinstance(part, dict) else {}
    return {
        "v": 1,
        "origin": judgement.checkpoint.origin,
        "vkey": judgement.vkey,
        "fingerprint": judgement.trusted.log.key.key_id,
        "checkpoint": {
            "size": judgement.checkpoint.size,
            "root": base64.b64encode(judgement.checkpoint.root).decode("ascii"),
        },
        "export": {
            "export_id": show_id(prepared.leaf.subject),
            "time": prepared.leaf.time,
            "casefile": stated.get("casefile"),
            "number": stated.get("number"),
            "title": stated.get("title"),
        },
        "complete_up_to": prepared.index,
        "recordings": [_describe_recording(recording) for recording in judgement.recordings],
        "docks": [
            {
                "dock_id": show_id(period.holder),
                "name": period.name,
                "dock_key": period.key.hex,
                "enrolled_index": period.opened_at,
                "revoked_index": period.closed_at,
            }
            for period in judgement.keys.dock_keys
        ],
        "events": [_describe_event(packed) for packed in contents.leaves],
    }


def _describe_recording(recording: ProvedRecording) -> dict[str, JsonValue]:
    manifest = recording.manifest.to_json()
    return {
        "evidence_id": show_id(recording.evidence_id),
        "file": recording.file.name,
        "size": recording.file.size,
        "digests": recording.digests.to_json(),
        "index": recording.received.index,
        "time": recording.received.leaf.time,
        "path_b64": manifest["path_b64"],
        "path": show_safely(recording.manifest.path),
        "dock_id": show_id(recording.dock.holder),
        "dock": recording.dock.name,
        "acquired": manifest["time"],
        "recorder_time": manifest["mtime"],
        "claims": manifest["claims"],
        "lock_mode": recording.lock_mode,
        "events": len(recording.chain),
    }


def _describe_event(packed: PackedLeaf) -> dict[str, JsonValue]:
    leaf = packed.leaf
    disclosed: list[JsonValue] = [*sorted(packed.openings)]
    withheld: list[JsonValue] = [name for name in sorted(leaf.commitments) if name not in packed.openings]
    return {
        "index": packed.index,
        "time": leaf.time,
        "type": leaf.type,
        "subject": show_id(leaf.subject),
        "subject_kind": leaf.subject_kind,
        "seq": leaf.seq,
        "actor": _disclosed_text(packed, "actor", "name"),
        "reason": _disclosed_text(packed, "reason", "reason"),
        "disclosed": disclosed,
        "withheld": withheld,
    }


def _disclosed_text(packed: PackedLeaf, part: str, name: str) -> str | None:
    opening = packed.openings.get(part)
    value = opening.value if opening else None
    found = value.get(name) if isinstance(value, dict) else value
    return found if isinstance(found, str) else None

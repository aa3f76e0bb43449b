"""The numbered steps of a verification and the place where it stands, so that a failure names both."""

from dataclasses import dataclass, field
from enum import Enum

from chain_of_custody.sentences import Sentence

__all__ = ["Progress", "Step"]


class Step(Enum):
    """The steps of :func:`chain_of_custody.verifier.verify_package`: number, English name, Chinese name."""

    ARCHIVE = (1, "the archive is one that every program reads alike", "压缩包结构")
    MANIFESTS = (2, "every file is what the bag's manifests say", "文件清单")
    CHECKPOINT = (3, "the checkpoint is signed by a trusted log", "检查点签名")
    INCLUSION = (4, "every leaf stands in the log under that checkpoint", "台账收录")
    OPENINGS = (5, "disclosed parts match their commitments", "公开内容与承诺")
    KEYS = (6, "every leaf is signed by a key established before it", "密钥与事件签名")
    CHAINS = (7, "histories are without a gap and end where the export says", "经过连续性")
    FILES = (8, "files and recordings belong to each other", "文件与音像记录对应")
    DOCK_SIGNATURES = (9, "manifests are signed by docks and say the same", "采集站清单签名")
    ANCHORS = (10, "earlier states of the log are its beginnings", "台账早期状态")
    REPORT = (11, "report.json and the copies say what follows from the rest", "报告一致性")

    @property
    def number(self) -> int:
        """The number used in documentation, code and failures."""
        return self.value[0]

    def title(self, language: str) -> str:
        """What the step establishes, in a person's language."""
        return self.value[2] if language == "zh" else self.value[1]


@dataclass
class Progress:
    """Where a verification stands and what it has found so far."""

    step: Step = Step.ARCHIVE
    where: str = "archive"
    proved: list[Sentence] = field(default_factory=list)
    not_proved: list[Sentence] = field(default_factory=list)

    def at(self, step: Step, where: str) -> None:
        """Note what is about to be checked."""
        self.step, self.where = step, where

    def prove(self, code: str, **values: str | int) -> None:
        """Note something that is established."""
        self.proved.append(Sentence(code, values))

    def leave_open(self, code: str, **values: str | int) -> None:
        """Note something that a reader might take as established and must not."""
        self.not_proved.append(Sentence(code, values))

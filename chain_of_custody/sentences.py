"""Every sentence that a verification says to a person, in English and in Chinese.

A sentence that claims something stands in ``PROVED``; what a reader might believe but must not is in ``NOT_PROVED``
and is printed as large. Fields in braces are filled from the check's own values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["LABELS", "NOT_PROVED", "PROVED", "Language", "Sentence", "label", "show_safely"]

Language = Literal["en", "zh"]

PROVED: Mapping[str, tuple[str, str]] = {
    "archive": (
        "The archive holds {files} files, each named once and covered by a manifest; none was added, taken or changed.",
        "压缩包内共 {files} 个文件，每个文件只出现一次并列入清单；没有增加、缺少或改动。",
    ),
    "log_signature": (
        "The checkpoint of {size} events is signed by the log {origin}, whose key you gave.",
        "检查点（共 {size} 条事件）由台账 {origin} 签名，其公钥由您提供。",
    ),
    "log_signature_unestablished": (
        "The checkpoint of {size} events is signed by a key that calls itself {origin}; nobody outside vouched for it.",
        "检查点（共 {size} 条事件）由自称 {origin} 的密钥签名；尚无外部依据证明该密钥属实。",
    ),
    "witnessed": (
        "The witnesses that your policy demands cosigned this checkpoint: {names}.",
        "您的信任策略所要求的见证方已共同签名：{names}。",
    ),
    "included": (
        "{events} events stand in that log, each signed by a key the log itself had established before.",
        "{events} 条事件均在该台账之中，且各由台账此前已登记的密钥签名。",
    ),
    "openings": (
        "{openings} disclosed parts are what was committed to when the events were recorded.",
        "公开的 {openings} 项内容与事件记录时所作的承诺一致。",
    ),
    "chains": (
        "The history of {subjects} subjects is without a gap, and complete up to index {index} ({time}).",
        "{subjects} 个对象的经过记录连续无缺，截至序号 {index}（{time}）完整。",
    ),
    "recording": (
        "{file} ({size} bytes) is what the dock {dock} acquired and the server read back: index {index}, {time}.",
        "{file}（{size} 字节）与采集站 {dock} 采集、服务器回读的内容逐字节一致；接收于序号 {index}，{time}。",
    ),
    "anchors": (
        "{anchors} earlier states of the log named in these events are beginnings of this log.",
        "事件中提到的 {anchors} 个台账早期状态均为本台账的前段。",
    ),
    "report": (
        "report.json says what this check derives itself.",
        "report.json 与本次核验自行推导的结果一致。",
    ),
    "receipt_included": (
        "The event {type} stands in the log at index {index}, {time}.",
        "事件 {type} 位于台账序号 {index}，{time}。",
    ),
    "receipt_openings": (
        "The receipt's values are what the event committed to: digest {digest}, {size} bytes.",
        "回执中的数值与事件的承诺一致：摘要 {digest}，{size} 字节。",
    ),
}

NOT_PROVED: Mapping[str, tuple[str, str]] = {
    "signer": (
        "Who signed: no key was given from outside. Compare the fingerprint with one you have from the agency itself.",
        "签名者身份：未提供外部密钥。请将指纹与办案机关另行提供的指纹核对。",
    ),
    "since_docking": (
        "What happened between recording and docking: files are proved unchanged since the dock read them, not before.",
        "从录制到接入采集站之间的情况：只能证明自采集站读取之后未被改动，不能证明此前。",
    ),
    "content": (
        "What the pictures show, who is in them and whether the recorder's clock was right.",
        "画面内容、画面中的人员以及记录仪时钟是否准确。",
    ),
    "claims": (
        "Names, numbers and times that the recorder or a file name states: they are claims.",
        "记录仪或文件名所载的姓名、编号和时间：仅为其自身声称。",
    ),
    "time": (
        "The time of each event: it is the server's statement; only the order of the events is proved.",
        "各事件的时间：为服务器的陈述；仅事件的先后顺序得到证明。",
    ),
    "no_witness": (
        "That the agency shows everyone the same log: no outside witness was demanded.",
        "办案机关向所有人出示的是同一台账：未要求外部见证。",
    ),
    "later": (
        "What came after index {index}: later events are not in this package and cannot be judged from it.",
        "序号 {index} 之后的情况：后续事件不在本包内，无法据此判断。",
    ),
    "unrecorded": (
        "That everything was recorded: a log proves what was said to it, not what was never said.",
        "一切均已记录：台账只能证明已记入的内容，不能证明从未记入的内容。",
    ),
    "store": (
        "How the store protects the originals today: locks are what the server read back when it received them.",
        "存储目前对原件的保护情况：锁定状态为服务器接收时回读的结果。",
    ),
    "store_unprotected": (
        "Protection against the server's administrator: originals received into a store without locks: {files}.",
        "对服务器管理员的防护：{files} 个原件接收时所在的存储没有锁定功能。",
    ),
    "keys_not_listed": (
        "Which keys {subjects} further docks hold: their histories are not shown whole, and nothing rests on them.",
        "另有 {subjects} 个采集站持有何种密钥：其记录未完整出示，本结论亦不依据其密钥。",
    ),
    "partial_subjects": (
        "The whole history of {subjects} further subjects, of which only single events are shown.",
        "另有 {subjects} 个对象只出示了个别事件，其完整经过不在证明之列。",
    ),
    "withheld": (
        "What {parts} parts of these events say: they are not disclosed here.",
        "这些事件中 {parts} 项内容未公开，其内容不在证明之列。",
    ),
    "casefile_other": (
        "The whole case file: {recordings} recordings attached to it are not in this package.",
        "整个案卷：案卷所附的 {recordings} 个音像记录不在本包内。",
    ),
    "sm3_unavailable": (
        "The SM3 digest of {file}: this machine's OpenSSL cannot compute SM3.",
        "{file} 的 SM3 摘要：本机的 OpenSSL 无法计算 SM3。",
    ),
    "copies": (
        "Anything by report.html, keys, policy or verifier inside the package: they are copies for reading.",
        "包内的 report.html、密钥、策略和核验程序：仅为便于阅读的副本，不作为证据。",
    ),
    "receipt_signer": (
        "Who signed the event: a receipt does not carry the leaves that establish the server's event key.",
        "事件的签名者：回执不含登记服务器事件密钥的台账记录。",
    ),
    "receipt_log_key": (
        "Whose log it is: a receipt does not carry the log's key. It names {names}: compare with the agency's own.",
        "台账归属：回执不含台账公钥。其所称密钥为 {names}，请与办案机关另行提供的密钥核对。",
    ),
    "receipt_file": (
        "Any file: compare the SHA-256 of yours with the digest above.",
        "任何文件本身：请将您手中文件的 SHA-256 与上述摘要核对。",
    ),
    "receipt_history": (
        "What happened to the recording before or after this event.",
        "该音像记录在此事件之前或之后的经过。",
    ),
    "receipt_consistency": (
        "That the log only grew since the dock's last visit: only the dock knows the state it had seen.",
        "台账自采集站上次连接以来只增未改：采集站此前所见的状态只有采集站知道。",
    ),
}

LABELS: Mapping[str, tuple[str, str]] = {
    "title": ("Verification of {file}", "核验：{file}"),
    "proved": ("PROVED", "已证明"),
    "not_proved": ("NOT PROVED", "未证明"),
    "verdict_proved": (
        "VERDICT: everything this file claims is proved under the trust you gave.",
        "结论：在您给定的信任依据之下，本文件所述全部得到证明。",
    ),
    "verdict_unestablished": (
        "VERDICT: consistent, signer not established.",
        "结论：内容一致，但签名者未确认。",
    ),
    "verdict_false": ("VERDICT: FALSE.", "结论：不实。"),
    "verdict_undecided": ("VERDICT: cannot be judged.", "结论：无法判断。"),
    "fingerprint": ("Fingerprint of the log key: {fingerprint}", "台账密钥指纹：{fingerprint}"),
    "vkey": ("Verifier key: {vkey}", "核验密钥：{vkey}"),
    "failure": ("Step {number}, {step}: {where}: {problem}", "第 {number} 步，{step}：{where}：{problem}"),
    "reason": ("Reason: {problem}", "原因：{problem}"),
    "page_title": ("Report on export {number}", "导出报告 {number}"),
    "page_warning": (
        "This page is for reading only and is no evidence. The files are judged by running: custody verify",
        "本页仅供阅读，不作为证据。请运行 custody verify 核验文件。",
    ),
    "page_recordings": ("Recordings", "音像记录"),
    "page_events": ("Events", "事件"),
    "page_log": ("Log", "台账"),
    "evidence_id": ("Evidence ID", "证据编号"),
    "file": ("File", "文件"),
    "size": ("Size, bytes", "大小（字节）"),
    "digest": ("SHA-256", "SHA-256"),
    "path": ("Name on the recorder", "记录仪上的名称"),
    "dock": ("Dock", "采集站"),
    "received": ("Received", "接收时间"),
    "index": ("Index", "序号"),
    "time": ("Time (UTC, server)", "时间（UTC，服务器）"),
    "type": ("Event", "事件"),
    "subject": ("Subject", "对象"),
    "actor": ("By", "操作者"),
    "reason_given": ("Reason", "事由"),
    "complete": ("Complete up to index {index}", "截至序号 {index} 完整"),
}


@dataclass(frozen=True)
class Sentence:
    """One sentence by its code and values."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """Return the sentence for a person."""
        english, chinese = PROVED.get(self.code) or NOT_PROVED[self.code]
        return (chinese if language == "zh" else english).format(**_shown(self.values))

    def to_json(self) -> dict[str, object]:
        """Return code, values and both texts."""
        return {"code": self.code, "values": dict(self.values), "en": self.text("en"), "zh": self.text("zh")}


def label(code: str, language: Language, **values: str | int) -> str:
    """Return a heading or line of the report's frame."""
    english, chinese = LABELS[code]
    return (chinese if language == "zh" else english).format(**_shown(values))


def show_safely(text: str) -> str:
    """Escape what could move a terminal's cursor or turn the direction of writing: values come from strangers."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _shown(values: Mapping[str, str | int]) -> dict[str, str | int]:
    return {name: show_safely(value) if isinstance(value, str) else value for name, value in values.items()}

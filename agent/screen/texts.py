"""The screen's words in its two languages; English texts are the names that code and templates use."""

from __future__ import annotations

from dataclasses import dataclass

CHINESE = "zh-Hans"
ENGLISH = "en"

_CHINESE: dict[str, str] = {
    "Dock {name}": "采集站 {name}",
    "Slots": "槽位",
    "Slot {number}": "{number} 号槽位",
    "No network": "没有网络",
    "Connected": "网络正常",
    "Space left here {percent} %": "本站空间还剩 {percent} %",
    "Sound": "声音",
    "Sound off": "声音已关",
    "Sound on": "声音已开",
    "This picture is no longer live. Do not rely on it; call the administrator.": (
        "画面已停止更新，请勿以此为准，请叫管理员。"
    ),
    "{count} to take": "{count} 台可以取走",
    "{count} stay in": "{count} 台留在槽位",
    "{count} need a person": "{count} 台要有人来",
    "{count} free": "{count} 个空槽位",
    "Free": "空闲",
    "Reading": "正在读取",
    "Sending": "正在上传",
    "Safe here": "已存在本站",
    "Sealed": "已固证",
    "Problem": "需要处理",
    "Put a recorder in here.": "把记录仪插到这里。",
    "Do not pull it out.": "请不要拔出。",
    "You can go. Leave it in.": "人可以走，记录仪留下。",
    "You can go. It will send itself.": "人可以走，联网自动上传。",
    "Touch for what was handed in.": "轻触看交了什么。",
    "Leave it in. Call the administrator.": "别拔，请叫证据管理员。",
    "Waits for network": "等待网络",
    "Take it": "可以取走",
    "Listing its files": "正在清点文件",
    "under a minute": "不到 1 分钟",
    "about {minutes} min": "约 {minutes} 分钟",
    "Recorder": "记录仪",
    "Officer": "使用人",
    "{count} files": "{count} 个文件",
    "{count} files unread": "{count} 个文件读不出",
    "{count} files not taken": "{count} 个文件还没取出",
    "Nothing was found": "没有发现文件",
    "{count} files wait for the network": "{count} 个文件等待网络",
    "Docking failed": "接入没有完成",
    "Counts do not agree": "数目对不上",
    "A person must look": "需要有人查看",
    "Back": "返回",
    "Print": "打印",
    "Done": "完成",
    "Goes back after 60 s": "60 秒无操作自动返回",
    "What was handed in": "交了什么",
    "All {count} files are sealed": "{count} 个文件全部固证",
    "Not everything is sealed yet": "还没有全部固证",
    "You can take the recorder.": "记录仪可以取走。",
    "Files found": "发现文件",
    "Read to the end": "已读完",
    "Files not read": "没有读出",
    "Bytes sealed": "已固证大小",
    "Docking": "接入编号",
    "As of {time}": "截至 {time}",
    "This sheet says what this dock saw. It proves nothing by itself; the receipts do.": (
        "本单记录采集站所见，本身不是证明；以固证回执为准。"
    ),
    "This slot is free.": "这个槽位是空的。",
    "There is no such slot.": "没有这个槽位。",
}

# What a person reads for a notice's code; values are put in for their names.
NOTICES: dict[str, str] = {
    "FILES_NOT_READ": "{count} files unread",
    "FILES_ONLY_ON_RECORDER": "{count} files not taken",
    "NOTHING_FOUND": "Nothing was found",
    "WAITS_FOR_NETWORK": "{count} files wait for the network",
    "DOCKING_FAILED": "Docking failed",
}


@dataclass(frozen=True, slots=True)
class Words:
    """The screen's words in one language.

    Attributes:
        tag: As in the ``lang`` attribute, ``zh-Hans`` or ``en``.
    """

    tag: str

    @property
    def other(self) -> str:
        """The language that the switch leads to."""
        return ENGLISH if self.tag == CHINESE else CHINESE

    def choose(self, english: str, chinese: str) -> str:
        """One of two texts that stand elsewhere."""
        return chinese if self.tag == CHINESE else english[:1].upper() + english[1:]

    def say(self, text: str, **values: object) -> str:
        """A text in this language with its values; raises KeyError for a text that has no Chinese."""
        words = _CHINESE[text] if self.tag == CHINESE else _one(text, values)
        for name, value in values.items():
            words = words.replace(f"{{{name}}}", str(value))
        return words


def choose_words(asked: str | None) -> Words:
    """The language asked for; Chinese where none or another is."""
    return Words(ENGLISH if asked == ENGLISH else CHINESE)


def list_texts() -> list[str]:
    """Every text that has Chinese words."""
    return list(_CHINESE)


def _one(text: str, values: dict[str, object]) -> str:
    """English has another form for one."""
    if str(values.get("count")) != "1":
        return text
    for many, one in (
        ("All {count} files are", "The {count} file is"),
        ("files are", "file is"),
        ("files wait", "file waits"),
    ):
        if many in text:
            return text.replace(many, one)
    return text.replace("files", "file").replace("stay in", "stays in").replace("need a", "needs a")

"""The board as a table in the terminal, renewed while ``dock-agent run`` works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from agent.findings import say_kind
from agent.names import display_path
from agent.rack.board import SlotState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.rack.board import Notice, SlotView

# Colour is never the only signal: each state has its mark and its words.
_STATES: dict[SlotState, tuple[str, str]] = {
    SlotState.FREE: ("dim", "· free · 空闲"),
    SlotState.READING: ("cyan", "↓ reading · 正在读取"),
    SlotState.SENDING: ("cyan", "↑ sending · 正在上传"),
    SlotState.SAFE_HERE: ("yellow", "⌂ safe here · 已存本站"),
    SlotState.SEALED: ("green", "✓ sealed · 已固证"),
    SlotState.PROBLEM: ("red", "! look · 需处理"),
}
_NEXT: dict[SlotState, str] = {
    SlotState.FREE: "Put a recorder in · 请插入记录仪",
    SlotState.READING: "Do not pull it out · 请勿拔出",
    SlotState.SENDING: "Leave it in · 请留在槽位",
    SlotState.SAFE_HERE: "It sends itself once the network is back · 联网后自动上传",
    SlotState.SEALED: "Take it · 可以取走",
    SlotState.PROBLEM: "Call the administrator · 请叫管理员",
}
_NOTICES: dict[str, str] = {
    "FILES_NOT_READ": "{count} files could not be read · {count} 个文件读不出",
    "FILES_ONLY_ON_RECORDER": "{count} files are on it alone: dock it again · {count} 个文件仅在记录仪上，请重新接入",
    "NOTHING_FOUND": "nothing was found: is this the recorder? · 未发现文件，请确认是否为记录仪",
    "WAITS_FOR_NETWORK": "{count} files wait for the network · {count} 个文件等待网络",
    "DOCKING_FAILED": "{why}",
}


def make_table(slots: Sequence[SlotView]) -> Table:
    """Every slot that holds a recorder, and how many are free."""
    taken = [slot for slot in slots if slot.state is not SlotState.FREE]
    table = Table(expand=True, caption=f"{len(slots) - len(taken)} slots are free · {len(slots) - len(taken)} 个空槽位")
    for heading in ("", "State · 状态", "Recorder · 记录仪", "Files · 文件", "", "Left · 剩余", "Next · 下一步"):
        table.add_column(heading, no_wrap=heading in {"", "Left · 剩余"})
    for slot in taken:
        colour, words = _STATES[slot.state]
        files = f"{slot.files_sealed}/{slot.files_total}"
        whole = 2 * slot.bytes_total
        bar = ProgressBar(
            total=max(1, whole),
            completed=slot.bytes_read + slot.bytes_sealed if whole else 1,
            width=12,
            complete_style=colour,
        )
        told = "; ".join([_NEXT[slot.state], *(_tell(notice) for notice in slot.notices)])
        recorder = escape(display_path((slot.recorder or "").encode("utf-8", "surrogateescape")))
        table.add_row(
            str(slot.number), f"[{colour}]{words}[/]", recorder, files, bar, show_left(slot.seconds_left), escape(told)
        )
    return table


def show_left(seconds: float | None) -> str:
    """Time left as people say it: whole minutes, and "under a minute" at the end.

    >>> show_left(59), show_left(61), show_left(None)
    ('< 1 min', '2 min', '')
    """
    if seconds is None:
        return ""
    return "< 1 min" if seconds < 60 else f"{-(-int(seconds) // 60)} min"


def _tell(notice: Notice) -> str:
    words = _NOTICES.get(notice.code) or f"{{count}} × {say_kind(notice.code)}"
    for name, value in notice.values:
        words = words.replace(f"{{{name}}}", value)
    return words

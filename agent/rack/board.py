"""The board: what each slot of the dock is doing, for the screen, the terminal, the heartbeat and the receipt.

Workers write, everybody reads; a reader gets values that do not change under it. The board is not durable and proves
nothing: the journal does. It is built anew when the agent starts.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any


class SlotState(StrEnum):
    """What a slot is doing, as a person sees it; the glossary has the words.

    ``SAFE_HERE``: everything is read and stands in the spool, the store is not reachable.
    ``SEALED``: every file found is sealed by this dock's own judgement; the recorder may be taken.
    ``PROBLEM``: a person must look; what was read stays safe.
    """

    FREE = "free"
    READING = "reading"
    SENDING = "sending"
    SAFE_HERE = "safe_here"
    SEALED = "sealed"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know of a slot.

    Attributes:
        code: A code of the findings' table, such as ``READ_ERRORS``; the words stand with the screen's texts.
        severity: ``info``, ``warning`` or ``error``.
        values: What the words need, as given by outside; never markup.
    """

    code: str
    severity: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SlotView:
    """One slot at one moment.

    Attributes:
        number: From 1.
        state: What it is doing.
        docking_id: The docking at hand; None while it is free.
        recorder: What people call the recorder, claimed by the recorder or told by the register.
        officer: Who holds it, where the register or a badge says so; what people are shown.
        is_urgent: Whether a person asked for this slot to go first.
        files_total: Files found.
        files_read: Read to the end, in spool or store.
        files_sealed: Sealed, in this docking or before.
        files_failed: Not taken, each with a reason in the journal.
        bytes_total: Bytes found.
        bytes_read: Bytes read from the recorder.
        bytes_sealed: Bytes of sealed files.
        seconds_left: Until the last file is sealed, as far as it can be told; None where it cannot.
        notices: What a person should know, the worst first.
        changed_at: Monotonic seconds of the last change.
    """

    number: int
    state: SlotState = SlotState.FREE
    docking_id: str | None = None
    recorder: str | None = None
    officer: str | None = None
    is_urgent: bool = False
    files_total: int = 0
    files_read: int = 0
    files_sealed: int = 0
    files_failed: int = 0
    bytes_total: int = 0
    bytes_read: int = 0
    bytes_sealed: int = 0
    seconds_left: float | None = None
    notices: tuple[Notice, ...] = ()
    changed_at: float = 0.0


# What a slot is set to when its recorder is gone.
FREE_SLOT: dict[str, Any] = {field.name: field.default for field in fields(SlotView) if field.name != "number"}


class Board:
    """All slots of a dock; any thread may call anything."""

    def __init__(self, slots: int) -> None:
        """Begin with free slots, numbered from 1."""
        self._changed = threading.Condition()
        self._slots = {number: SlotView(number) for number in range(1, slots + 1)}
        self._version = 0

    def read(self) -> tuple[int, tuple[SlotView, ...]]:
        """The board's version, which grows with each change, and every slot in order."""
        with self._changed:
            return self._version, tuple(self._slots[number] for number in sorted(self._slots))

    def change(self, number: int, **values: Any) -> SlotView:
        """Set some values of a slot; ``changed_at`` is the caller's to give."""
        with self._changed:
            view = replace(self._slots.get(number, SlotView(number)), **values)
            self._slots[number] = view
            self._version += 1
            self._changed.notify_all()
            return view

    def wait(self, version: int, timeout_s: float) -> int:
        """Wait until the board is newer than ``version``, or the time is over; returns its version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version, timeout_s)
            return self._version

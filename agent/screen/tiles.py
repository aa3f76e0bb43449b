"""What a slot's tile says: pure values from the board's, in words a tired officer understands.

A tile never says more than the counts: a slot that calls itself sealed while a file is not is shown as a problem.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.findings import KINDS
from agent.names import display_path
from agent.rack.board import Notice, SlotState
from agent.screen.texts import NOTICES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.rack.board import SlotView
    from agent.screen.texts import Words

CONTRADICTION = Notice("CONTRADICTION", "error")
# Per state: the look's family, the icon, the word, and the one sentence that says what to do.
_STATES: dict[SlotState, tuple[str, str, str, str]] = {
    SlotState.FREE: ("idle", "dock", "Free", "Put a recorder in here."),
    SlotState.READING: ("busy", "busy", "Reading", "Do not pull it out."),
    SlotState.SENDING: ("busy", "up", "Sending", "You can go. Leave it in."),
    SlotState.SAFE_HERE: ("wait", "wait", "Safe here", "You can go. It will send itself."),
    SlotState.SEALED: ("ok", "ok", "Sealed", "Touch for what was handed in."),
    SlotState.PROBLEM: ("bad", "bad", "Problem", "Leave it in. Call the administrator."),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile, in one language.

    Attributes:
        number: The slot's number.
        state: The state that is shown.
        family: Which colours it has; the icon and the word say the same.
        icon: Its icon's name.
        word: Its state in a word or two.
        recorder: What people call the recorder; empty where none stands in it.
        officer: Who holds it; empty where nobody knows.
        files: How many files were found, in words.
        hero: The large line; empty where progress stands in its place.
        percent: Progress in whole percent; None where it is not shown.
        left: Time left, in words.
        sentence: What to do.
    """

    number: int
    state: SlotState
    family: str
    icon: str
    word: str
    recorder: str
    officer: str
    files: str
    hero: str
    percent: int | None
    left: str
    sentence: str


def settle_state(slot: SlotView) -> SlotState:
    """The slot's state, or a problem where it says more than its own counts do."""
    if slot.state is SlotState.SEALED and (
        slot.files_failed or slot.files_total == 0 or slot.files_sealed < slot.files_total
    ):
        return SlotState.PROBLEM
    return slot.state


def make_tile(slot: SlotView, words: Words) -> Tile:
    """Everything that a slot's tile says."""
    state = settle_state(slot)
    family, icon, word, sentence = _STATES[state]
    percent = _read_percent(slot, state)
    return Tile(
        number=slot.number,
        state=state,
        family=family,
        icon=icon,
        word=words.say(word),
        recorder=show_name(slot.recorder),
        officer=show_name(slot.officer),
        files=words.say("{count} files", count=slot.files_total) if slot.files_total else "",
        hero=_say_hero(slot, state, words) if percent is None else "",
        percent=percent,
        left=_say_left(slot.seconds_left, words) if percent is not None else "",
        sentence=words.say(sentence),
    )


def say_notice(notice: Notice, words: Words) -> str:
    """A notice in words; a code nobody has words for is shown as it is, so that the administrator can be told."""
    if notice.code == CONTRADICTION.code:
        return words.say("Counts do not agree")
    if notice.code in KINDS:
        return (
            f"{words.choose(KINDS[notice.code].english, KINDS[notice.code].chinese)} × {dict(notice.values)['count']}"
        )
    if notice.code not in NOTICES:
        return f"{words.say('A person must look')} ({notice.code})"
    return words.say(NOTICES[notice.code], **dict(notice.values))


def list_notices(slot: SlotView) -> tuple[Notice, ...]:
    """The slot's notices, and one more where its state had to be doubted."""
    return slot.notices if settle_state(slot) is slot.state else (CONTRADICTION, *slot.notices)


def count_groups(tiles: Sequence[Tile]) -> dict[str, int]:
    """How many may be taken, stay in, need a person, are free."""
    states = Counter(tile.state for tile in tiles)
    staying = states[SlotState.READING] + states[SlotState.SENDING] + states[SlotState.SAFE_HERE]
    return {
        "take": states[SlotState.SEALED],
        "stay": staying,
        "person": states[SlotState.PROBLEM],
        "free": states[SlotState.FREE],
    }


def show_name(name: str | None) -> str:
    """A name off a recorder as it may be shown: no control signs, no broken characters."""
    return display_path((name or "").encode("utf-8", "surrogateescape"))


def _read_percent(slot: SlotView, state: SlotState) -> int | None:
    if state is SlotState.READING:
        done = slot.bytes_read
    elif state is SlotState.SENDING:
        done = slot.bytes_sealed
    else:
        return None
    if not slot.bytes_total:
        return None
    # A hundred is said by the next state alone.
    return max(0, min(99, 100 * done // slot.bytes_total))


def _say_hero(slot: SlotView, state: SlotState, words: Words) -> str:
    if state is SlotState.PROBLEM:
        notices = list_notices(slot)
        return say_notice(notices[0], words) if notices else words.say("A person must look")
    if state in {SlotState.READING, SlotState.SENDING}:
        return words.say("Listing its files") if not slot.files_total else ""
    return {SlotState.SAFE_HERE: words.say("Waits for network"), SlotState.SEALED: words.say("Take it")}.get(state, "")


def _say_left(seconds: float | None, words: Words) -> str:
    if seconds is None:
        return ""
    return (
        words.say("under a minute")
        if seconds < 60
        else words.say("about {minutes} min", minutes=-(-int(seconds) // 60))
    )

"""Slots: which recorder stands where, and what its slot tells while its files are taken."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from agent.findings import count_codes
from agent.rack.board import Notice, SlotState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.progress import Summary, Telling
    from agent.rack.board import Board
    from chain_of_custody.canonical import JsonValue

BOARD_S = 0.2
"""How often bytes that were read change the board; states change it at once."""
SURE_AFTER_S = 2.0
"""Time left is told once so much time has shown how fast it goes."""
_READ = ("acquired", "uploaded", "sealed")


class Rack:
    """Which volume stands in which slot; a slot is a volume's until the volume is gone."""

    def __init__(self, slots: int) -> None:
        """Begin with ``slots`` free slots, numbered from 1."""
        self._guard = threading.Lock()
        self._places: dict[int, Path | None] = dict.fromkeys(range(1, slots + 1))

    def take(self, root: Path) -> int | None:
        """The slot of a volume: the one it stands in, else the lowest free one; None where every slot is taken."""
        with self._guard:
            for number, place in self._places.items():
                if place == root:
                    return number
            for number, place in self._places.items():
                if place is None:
                    self._places[number] = root
                    return number
            return None

    def free(self, number: int) -> None:
        """Make a slot free."""
        with self._guard:
            self._places[number] = None

    def list_taken(self) -> list[tuple[int, Path]]:
        """Every slot that is taken, with its volume."""
        with self._guard:
            return [(number, place) for number, place in self._places.items() if place is not None]


class SlotReporter:
    """Tells one docking to its slot on the board, and passes everything on."""

    def __init__(
        self, inner: Telling, board: Board, number: int, is_offline: Callable[[], bool] = lambda: False
    ) -> None:
        """Tell of the docking in slot ``number``; ``is_offline`` says whether the server can be reached."""
        self._is_offline = is_offline
        self._inner = inner
        self._board = board
        self._number = number
        self._guard = threading.Lock()
        self._states: dict[bytes, str] = {}
        self._counts: Counter[str] = Counter()
        self._begun = 0.0
        self._told = 0.0
        self._bytes_total = 0
        self._bytes_read = 0
        self._bytes_sealed = 0
        self._files_total = 0

    def begin(self, docking_id: str, title: str, total_bytes: int, total_files: int) -> None:
        """The volume was listed: reading begins."""
        self._inner.begin(docking_id, title, total_bytes, total_files)
        with self._guard:
            self._begun = time.monotonic()
            self._bytes_total, self._files_total = total_bytes, total_files
            self._change(state=SlotState.READING, docking_id=docking_id, recorder=title, notices=())

    def note_bytes(self, docking_id: str | None, count: int) -> None:
        """Bytes were read; the board hears of it now and then."""
        self._inner.note_bytes(docking_id, count)
        with self._guard:
            # A file that is read twice is not more than the recorder holds.
            self._bytes_read = min(self._bytes_total, self._bytes_read + count)
            if time.monotonic() - self._told >= BOARD_S:
                self._change()

    def show_state(
        self,
        path: bytes,
        state: str,
        *,
        size: int | None,
        digests: dict[str, JsonValue] | None = None,
        evidence_id: str | None = None,
        error: str | None = None,
        is_already: bool = False,
    ) -> None:
        """A file reached a state."""
        self._inner.show_state(
            path, state, size=size, digests=digests, evidence_id=evidence_id, error=error, is_already=is_already
        )
        with self._guard:
            if state == "sealed" and self._states.get(path) != "sealed":
                self._bytes_sealed += size or 0
            self._counts[self._states.get(path, "")] -= 1
            self._counts[state] += 1
            self._states[path] = state
            self._change(state=self._judge())

    def end(self, docking_id: str) -> None:
        """Nothing more is read."""
        self._inner.end(docking_id)

    def say(self, sentence: str) -> None:
        """Tell the person one sentence."""
        self._inner.say(sentence)

    def finish(self, summary: Summary) -> None:
        """Tell how a run ended."""
        self._inner.finish(summary)

    def conclude(self, summary: Summary, spooled: int, findings: Sequence[JsonValue] = ()) -> None:
        """Show how the docking ended: sealed only where everything found is, and something was found.

        Args:
            summary: Its counts.
            spooled: How many of those that wait stand in this dock's spool.
            findings: What was noticed of the recorder; an error among them is a problem, whatever the counts say.
        """
        told = [
            Notice(code, severity, (("count", str(count)),))
            for (code, severity), count in count_codes(findings, frozenset({"error", "warning"})).items()
        ]
        notices = []
        if summary.failed:
            notices.append(Notice("FILES_NOT_READ", "error", (("count", str(summary.failed)),)))
        if summary.found == 0:
            notices.append(Notice("NOTHING_FOUND", "warning"))
        left = summary.waiting - spooled
        if left:
            notices.append(Notice("FILES_ONLY_ON_RECORDER", "error", (("count", str(left)),)))
        notices += [notice for notice in told if notice.severity == "error"]
        if notices:
            state = SlotState.PROBLEM
        elif summary.waiting:
            state = SlotState.SAFE_HERE
            notices.append(Notice("WAITS_FOR_NETWORK", "warning", (("count", str(summary.waiting)),)))
        else:
            state = SlotState.SEALED
        notices += [notice for notice in told if notice.severity == "warning"]
        with self._guard:
            self._change(state=state, notices=tuple(notices), seconds_left=None)
            self._states.clear()

    def fail(self, sentence: str) -> None:
        """The docking came to no end of its own."""
        with self._guard:
            self._change(state=SlotState.PROBLEM, notices=(Notice("DOCKING_FAILED", "error", (("why", sentence),)),))

    def _judge(self) -> SlotState:
        """What the slot is doing while its docking goes on."""
        if self._count_read() + self._counts["failed"] < self._files_total:
            return SlotState.READING
        # Read to the end without a network: what is acquired stands in the spool, and a person may go.
        is_waiting = self._counts["acquired"] > 0 and self._counts["failed"] == 0 and self._is_offline()
        return SlotState.SAFE_HERE if is_waiting else SlotState.SENDING

    def _count_read(self) -> int:
        return sum(self._counts[state] for state in _READ)

    def _change(self, **values: Any) -> None:
        now = time.monotonic()
        self._told = now
        counted = {
            "files_total": self._files_total,
            "files_read": self._count_read(),
            "files_sealed": self._counts["sealed"],
            "files_failed": self._counts["failed"],
            "bytes_total": self._bytes_total,
            "bytes_read": self._bytes_read,
            "bytes_sealed": self._bytes_sealed,
            "seconds_left": self._estimate(now),
            "changed_at": now,
        }
        self._board.change(self._number, **{**counted, **values})

    def _estimate(self, now: float) -> float | None:
        """Reading and sealing are half of the work each; what is done shows how fast it goes."""
        elapsed, whole = now - self._begun, 2 * self._bytes_total
        done = self._bytes_read + self._bytes_sealed
        if elapsed < SURE_AFTER_S or not whole or not done:
            return None
        return elapsed * (whole - done) / done

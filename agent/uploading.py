"""Sending parts: two threads for the whole agent, each part signed for its digest, answers kept in the journal."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING, Any

from agent.buffers import choose_part_size
from agent.errors import AgentError, FileChangedError, RefusedError, UnreachableError
from agent.journal import SentPart
from agent.sealing import encode_path

if TYPE_CHECKING:
    from agent.copying import FilledPart
    from agent.dock import Dock
    from agent.journal import FileRow

SENDERS = 2
PART_TRIES = 4


class Uploader:
    """Sends the parts of all files; reading waits for it through the pool of buffers."""

    def __init__(self, dock: Dock) -> None:
        """Start the senders."""
        self._dock = dock
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="sender")

    def close(self) -> None:
        """End after what is being sent."""
        self._pool.shutdown(wait=True)

    def open(self, row: FileRow) -> Upload:
        """Open an upload, or go on with the one that an earlier run opened.

        Raises:
            RefusedError: The server does not open one.
            UnreachableError: No answer within the patience.
        """
        if row.intake_id is not None:
            held = self._resume(row)
            if held is not None:
                return Upload(self._dock, self._pool, row, held)
            self._dock.journal.drop_upload(row)
        body = {
            "docking_id": row.docking_id,
            "path_b64": encode_path(row.path),
            "size": row.size,
            "part_size": choose_part_size(row.size),
        }
        _, answer = self._dock.patience.run(lambda: self._dock.client.call("POST", "/dock/v1/intakes", body))
        self._dock.journal.move(row, row.state, intake_id=answer["intake_id"], part_size=answer["part_size"])
        return Upload(self._dock, self._pool, row, {})

    def _resume(self, row: FileRow) -> dict[int, SentPart] | None:
        """The parts that both journal and store have; None where the upload is gone."""
        path = f"/dock/v1/intakes/{row.intake_id}/parts"
        try:
            _, answer = self._dock.patience.run(lambda: self._dock.client.call("GET", path))
        except RefusedError as error:
            if error.status in {404, 410}:
                return None
            raise
        stored = {part["number"]: part for part in answer["parts"]}
        return {
            number: part
            for number, part in self._dock.journal.list_parts(row).items()
            if number in stored and stored[number]["size"] == part.size
        }


class Upload:
    """One file's upload: takes filled parts over and gives their buffers back."""

    def __init__(self, dock: Dock, pool: ThreadPoolExecutor, row: FileRow, held: dict[int, SentPart]) -> None:
        """Go on after the parts that the store holds already."""
        self._dock = dock
        self._pool = pool
        self._row = row
        self._held = held
        self._sending: list[Future[None]] = []

    @property
    def part_size(self) -> int:
        """Bytes of every part but the last."""
        return int(self._row.part_size or 0)

    def take(self, part: FilledPart) -> None:
        """Send a part, unless the store holds it; fails early where an earlier part failed.

        Raises:
            FileChangedError: The recorder gives other bytes than it gave before.
        """
        held = self._held.get(part.number)
        is_failing = any(future.done() and future.exception() for future in self._sending)
        if held is None and not is_failing:
            self._sending.append(self._pool.submit(self._send, part))
            return
        is_same = held is None or held.sha256 == part.digest()
        self._dock.pool.give_back(part.buffer)
        if not is_same:
            raise FileChangedError(f"part {part.number} is not what the recorder gave before")
        self._raise_failed()

    def wait(self) -> None:
        """Wait until every part is answered for; raises what the first failed one raised."""
        wait_for(self._sending)
        self._raise_failed()

    def drain(self) -> None:
        """Wait until no buffer is lent any more, whatever became of the parts."""
        wait_for(self._sending)

    def _raise_failed(self) -> None:
        for future in self._sending:
            if future.done():
                error = future.exception()
                if error is not None:
                    raise error

    def _send(self, part: FilledPart) -> None:
        try:
            digest = part.digest()
            etag = self._dock.patience.run(lambda: self._send_once(part, digest))
        finally:
            self._dock.pool.give_back(part.buffer)
        self._dock.journal.add_part(self._row, SentPart(part.number, part.size, digest, etag))

    def _send_once(self, part: FilledPart, digest: str) -> str:
        """Ask for a signature and send; an expired or mangled request is asked for anew a few times."""
        asked = {"parts": [{"number": part.number, "size": part.size, "sha256": digest}]}
        path = f"/dock/v1/intakes/{self._row.intake_id}/parts"
        last: AgentError = UnreachableError("the store does not take the part")
        for _ in range(PART_TRIES):
            answer: dict[str, Any] = self._dock.client.call("POST", path, asked)[1]
            try:
                return self._dock.client.put_part(answer["requests"][0], part.body)
            except RefusedError as error:
                last = error
        raise last

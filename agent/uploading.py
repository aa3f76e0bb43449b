"""Sending parts: one signer and two senders for the whole agent, every answer of the store kept in the journal.

A part waits in a buffer of the pool from the moment it is filled until the store has answered for it. The signer hashes
parts as they come and asks for their requests in batches, just before the senders would run out; so the reading thread
hashes the file alone, and the server is asked seldom.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from agent.client import read_answer
from agent.errors import AgentError, PartChangedError, RefusedError, UnreachableError
from agent.journal import SentPart
from agent.retrying import STORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.buffers import BufferPool
    from agent.client import ServerClient
    from agent.copying import FilledPart
    from agent.journal import FileRow, Journal
    from agent.retrying import Patience

SENDERS = 2
SIGN_BATCH = 64
PART_TRIES = 4


class FileUpload:
    """One file's open upload: takes filled parts over, and tells when the store has answered for all of them."""

    def __init__(self, sender: PartSender, row: FileRow, held: Mapping[int, SentPart]) -> None:
        """Begin, or go on after the parts that journal and store both hold."""
        self._sender = sender
        self.row = row
        self.held = held
        self._changed = threading.Condition()
        self._unsettled = 0
        self._error: BaseException | None = None

    @property
    def part_size(self) -> int:
        """Bytes of every part but the last."""
        assert self.row.part_size is not None
        return self.row.part_size

    def take(self, part: FilledPart) -> None:
        """Take a filled part over; raises what an earlier part of this file failed with."""
        with self._changed:
            error = self._error
            self._unsettled += 1
        self._sender.hold()
        if error is not None:
            self.settle(part)
            raise error
        self._sender.enqueue(self, part)

    def settle(self, part: FilledPart, error: BaseException | None = None) -> None:
        """Note that a part is done with, well or not, and give its buffer back."""
        self._sender.release(part)
        with self._changed:
            self._unsettled -= 1
            self._error = self._error or error
            self._changed.notify_all()

    @property
    def is_failed(self) -> bool:
        """Whether a part could not be sent."""
        return self._error is not None

    def wait(self) -> None:
        """Wait until the store has answered for every part taken over; raises what the first failed one failed with."""
        self.drain()
        if self._error is not None:
            raise self._error

    def drain(self) -> None:
        """Wait until no buffer is held any more, whatever became of the parts."""
        with self._changed:
            self._changed.wait_for(lambda: self._unsettled == 0)


class PartSender:
    """The agent's senders; reading waits for them through the pool of buffers."""

    def __init__(self, client: ServerClient, journal: Journal, pool: BufferPool, patience: Patience) -> None:
        """Start the threads."""
        self.pool = pool
        self._client = client
        self._journal = journal
        self._patience = patience
        self._changed = threading.Condition()
        self._filled: deque[tuple[FileUpload, FilledPart]] = deque()
        self._hashed: deque[tuple[FileUpload, FilledPart]] = deque()
        self._signed: deque[tuple[FileUpload, FilledPart, Mapping[str, Any]]] = deque()
        self._is_closed = False
        self._held = 0
        self._resting_since = time.monotonic()
        self._threads = [threading.Thread(target=self._sign_parts, name="signer", daemon=True)]
        self._threads += [
            threading.Thread(target=self._send_parts, name=f"sender-{number}", daemon=True) for number in range(SENDERS)
        ]
        for thread in self._threads:
            thread.start()

    def rested_s(self) -> float:
        """For how many seconds there has been nothing to send; 0 while a part is on its way."""
        with self._changed:
            return 0.0 if self._held else time.monotonic() - self._resting_since

    def hold(self) -> None:
        """Count a part that is about to be handed over."""
        with self._changed:
            self._held += 1

    def release(self, part: FilledPart) -> None:
        """Give the buffer of a part back that is done with."""
        self.pool.give_back(part.buffer)
        with self._changed:
            self._held -= 1
            self._resting_since = time.monotonic()

    def enqueue(self, upload: FileUpload, part: FilledPart) -> None:
        """Send a part when its turn comes."""
        with self._changed:
            self._filled.append((upload, part))
            self._changed.notify_all()

    def close(self) -> None:
        """End the threads after the parts they hold; callers have waited for their uploads."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    # The signer

    def _sign_parts(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._filled or self._must_sign() or self._is_closed)
                if self._must_sign():
                    batch = self._take_batch()
                elif self._filled:
                    batch, upload_and_part = [], self._filled.popleft()
                else:
                    return
            if batch:
                self._sign_batch(batch[0][0], [part for _, part in batch])
            else:
                self._hash_part(*upload_and_part)

    def _must_sign(self) -> bool:
        """Whether the senders are about to run out; until then more parts gather for one request to the server."""
        return bool(self._hashed) and len(self._signed) < SENDERS

    def _take_batch(self) -> list[tuple[FileUpload, FilledPart]]:
        """The parts of the first file that waits, in order."""
        first = self._hashed[0][0]
        batch = [item for item in self._hashed if item[0] is first][:SIGN_BATCH]
        self._hashed = deque(item for item in self._hashed if item not in batch)
        return batch

    def _hash_part(self, upload: FileUpload, part: FilledPart) -> None:
        held = upload.held.get(part.number)
        if upload.is_failed:
            upload.settle(part)
        elif held is None:
            part.digest()
            with self._changed:
                self._hashed.append((upload, part))
                self._changed.notify_all()
        elif (held.size, held.sha256) == (part.size, part.digest()):
            upload.settle(part)
        else:
            message = f"part {part.number} is not what the recorder gave before"
            upload.settle(part, PartChangedError(message))

    def _sign_batch(self, upload: FileUpload, parts: Sequence[FilledPart]) -> None:
        try:
            requests = self._ask_requests(upload, parts)
        except BaseException as error:  # noqa: BLE001 - carried to whoever waits for the upload
            for part in parts:
                upload.settle(part, error)
            return
        with self._changed:
            self._signed.extend((upload, part, requests[part.number]) for part in parts)
            self._changed.notify_all()

    def _ask_requests(self, upload: FileUpload, parts: Sequence[FilledPart]) -> dict[int, Mapping[str, Any]]:
        asked = {"parts": [{"number": part.number, "size": part.size, "sha256": part.digest()} for part in parts]}
        path = f"/dock/v1/intakes/{upload.row.intake_id}/parts"
        try:
            _, answer = self._patience.run(lambda: self._client.call("POST", path, asked))
        except RefusedError as error:
            # Too old, aborted, or its byte budget is spent: in each case a new upload is the way on.
            if error.status in {400, 404, 410}:
                raise RefusedError(410, "upload_gone", str(error)) from error
            raise
        requests = {item.get("number"): item for item in read_answer(answer, "requests", list)}
        if not requests.keys() >= {part.number for part in parts}:
            raise RefusedError(502, "bad_answer", "the server did not sign every part that was asked for")
        return requests

    # The senders

    def _send_parts(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._signed or self._is_closed)
                if not self._signed:
                    return
                upload, part, request = self._signed.popleft()
                # The signer may be waiting for this queue to run low.
                self._changed.notify_all()
            try:
                if not upload.is_failed:
                    etag = self._send_part(upload, part, request)
                    self._journal.add_part(upload.row, SentPart(part.number, part.size, part.digest(), etag))
            except BaseException as error:  # noqa: BLE001 - carried to whoever waits for the upload
                upload.settle(part, error)
            else:
                upload.settle(part)

    def _send_part(self, upload: FileUpload, part: FilledPart, request: Mapping[str, Any]) -> str:
        """Send one part; an expired or mangled request is asked for anew a few times."""
        last: AgentError = UnreachableError("the store does not take the part")
        for _ in range(PART_TRIES):
            try:
                return self._patience.run(partial(self._client.put_part, request, part.body), STORE)
            except RefusedError as error:
                if error.status == 404:
                    raise RefusedError(410, "upload_gone", str(error)) from error
                last = error
            request = self._ask_requests(upload, [part])[part.number]
        raise last

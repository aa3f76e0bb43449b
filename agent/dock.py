"""One dock at work: its home, keys, journal, connections and buffers, opened together."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from agent.buffers import BufferPool
from agent.client import ServerClient
from agent.config import KEY_NAME, DockConfig, load_config, prepare_home
from agent.errors import RefusedError, UnreachableError
from agent.journal import Journal
from agent.spool import SpoolWarnings
from agent.uploading import PartSender
from chain_of_custody.instants import format_instant
from chain_of_custody.signing import SigningKey, VerifyKey, read_key

if TYPE_CHECKING:
    from pathlib import Path

    from agent.progress import Telling
    from agent.retrying import Patience
    from chain_of_custody.instants import Clock


@dataclass(slots=True)
class Link:
    """The way to the server, one for all dockings under way; ``is_offline`` says how the last try ended."""

    is_offline: bool = False


@dataclass(slots=True)
class Dock:
    """An enrolled dock with everything opened.

    Attributes:
        home: The dock home.
        config: What enrolment pinned and the person set.
        key: This dock's key.
        event_key: The server's event key, pinned.
        journal: What became of every file.
        client: Server and store.
        sender: Sends parts, from the agent's one pool of buffers.
        patience: How long to wait for an unreachable server.
        reporter: Who is told.
        clock: UTC.
        spool_warnings: Warns where the spool fills up.
        link: What is known of the way to the server.
        judging: Held while a receipt is judged and kept, so that the stored checkpoint does not move meanwhile.
    """

    home: Path
    config: DockConfig
    key: SigningKey
    event_key: VerifyKey
    journal: Journal
    client: ServerClient
    sender: PartSender
    patience: Patience
    reporter: Telling
    clock: Clock
    spool_warnings: SpoolWarnings
    link: Link = field(default_factory=Link)
    judging: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, home: Path, patience: Patience, reporter: Telling, clock: Clock) -> Dock:
        """Open a dock home that the caller holds; raises HomeError."""
        config = load_config(home)
        prepare_home(home)
        key = read_key(home / KEY_NAME)
        journal = Journal.open(home, clock)
        client = ServerClient(config, key, clock)
        return cls(
            home=home,
            config=config,
            key=key,
            event_key=VerifyKey.from_hex(config.event_key),
            journal=journal,
            client=client,
            sender=PartSender(client, journal, BufferPool(config.buffers), patience),
            patience=patience,
            reporter=reporter,
            clock=clock,
            spool_warnings=SpoolWarnings(home, config),
        )

    @property
    def is_offline(self) -> bool:
        """Whether the server could not be reached when it was last asked."""
        return self.link.is_offline

    @is_offline.setter
    def is_offline(self, is_offline: bool) -> None:
        self.link.is_offline = is_offline

    def telling(self, reporter: Telling) -> Dock:
        """The same dock, journal and connections, telling somebody else."""
        return replace(self, reporter=reporter)

    @property
    def pool(self) -> BufferPool:
        """The agent's part buffers."""
        return self.sender.pool

    def reach_server(self, *, is_patient: bool) -> dict[str, Any]:
        """Ask the server how it is, learn its time and the store's certificates, and note whether it can be reached.

        Args:
            is_patient: Whether to try again as long as the patience lasts.

        Raises:
            UnreachableError: No answer.
            RefusedError: The server refuses this dock, or is another one than it enrolled at.
        """
        ask = partial(self.client.call, "GET", "/dock/v1/status")
        try:
            _, status = self.patience.run(ask) if is_patient else self.patience.run_once(ask)
        except UnreachableError:
            self.is_offline = True
            raise
        if status.get("origin") != self.config.origin:
            raise RefusedError(
                409, "wrong_origin", "the server keeps another ledger than the one this dock enrolled at"
            )
        store = status.get("store")
        if isinstance(store, dict) and isinstance(store.get("ca_pem"), str):
            self.client.trust_store(store["ca_pem"])
        self.is_offline = False
        return status

    def now(self) -> str:
        """The server's time as far as it is known: our clock and the offset it told us."""
        return format_instant(self.clock() + self.client.offset)

    def close(self) -> None:
        """End the senders, close journal and connections."""
        self.sender.close()
        self.journal.close()
        self.client.close()

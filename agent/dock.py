"""One dock at work: its home, keys, journal, connections and buffers, opened together."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.buffers import BufferPool
from agent.client import ServerClient
from agent.config import KEY_NAME, DockConfig, load_config, prepare_home
from agent.journal import Journal
from chain_of_custody.instants import format_instant
from chain_of_custody.signing import SigningKey, VerifyKey, read_key

if TYPE_CHECKING:
    from pathlib import Path

    from agent.progress import Reporter
    from agent.retrying import Patience
    from chain_of_custody.instants import Clock


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
        pool: Part buffers.
        patience: How long to wait for an unreachable server.
        reporter: Who is told.
        clock: UTC.
        judging: Held while a receipt is judged and kept, so that the stored checkpoint does not move meanwhile.
    """

    home: Path
    config: DockConfig
    key: SigningKey
    event_key: VerifyKey
    journal: Journal
    client: ServerClient
    pool: BufferPool
    patience: Patience
    reporter: Reporter
    clock: Clock
    judging: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, home: Path, patience: Patience, reporter: Reporter, clock: Clock) -> Dock:
        """Open a dock home that the caller holds; raises HomeError."""
        config = load_config(home)
        prepare_home(home)
        key = read_key(home / KEY_NAME)
        return cls(
            home=home,
            config=config,
            key=key,
            event_key=VerifyKey.from_hex(config.event_key),
            journal=Journal(home, clock),
            client=ServerClient(config, key, clock),
            pool=BufferPool(config.buffers),
            patience=patience,
            reporter=reporter,
            clock=clock,
        )

    def now(self) -> str:
        """The server's time as far as it is known: our clock and the offset it told us."""
        return format_instant(self.clock() + self.client.offset)

    def close(self) -> None:
        """Close journal and connections."""
        self.journal.close()
        self.client.close()

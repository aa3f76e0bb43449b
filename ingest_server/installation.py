"""One installation: a data folder with everything opened that commands and the server need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.ledger import Ledger
from chain_of_custody.signing import read_key
from ingest_server.catalogue.catalogue import Catalogue
from ingest_server.config import Config, load_config, read_secrets
from ingest_server.custody.recording import Custody
from ingest_server.private.database import PrivateDatabase
from ingest_server.store.opening import open_store

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from chain_of_custody.instants import Clock
    from ingest_server.store.contract import ObjectStore

LAST_URL = "last_url"


@dataclass(slots=True)
class Installation:
    """An opened data folder; a context manager that closes it.

    Attributes:
        data: The folder.
        config: What it was set up with.
        ledger: The custody ledger, able to append.
        catalogue: What searches read.
        private: Working state and secrets' hashes.
        custody: Appends events for actors.
        clock: UTC.
        event_key_hex: The public key that signs leaves.
    """

    data: Path
    config: Config
    ledger: Ledger
    catalogue: Catalogue
    private: PrivateDatabase
    custody: Custody
    clock: Clock
    event_key_hex: str
    _store: ObjectStore | None = None

    @classmethod
    def open(cls, data: Path, clock: Clock) -> Self:
        """Open a data folder.

        Raises:
            BadRequestError: It is none.
            CustodyError: Keys or ledger cannot be used.
        """
        config = load_config(data)
        event_key = read_key(data / "keys" / "event.pem")
        ledger = Ledger.open(
            data,
            origin=config.origin,
            log_key=read_key(data / "keys" / "log.pem"),
            event_key=event_key,
            clock=clock,
        )
        private = PrivateDatabase(data)
        catalogue = Catalogue(data / "catalogue.db", ledger)
        custody = Custody(ledger, private)
        return cls(data, config, ledger, catalogue, private, custody, clock, event_key.public.hex)

    @property
    def public_url(self) -> str:
        """The server's address: as configured, else the one last served."""
        return self.config.public_url or self.private.read_setting(LAST_URL) or "http://127.0.0.1:8400"

    @property
    def store(self) -> ObjectStore:
        """Where originals are; opened when first asked for, since most commands need neither it nor its account.

        Raises:
            StoreRefusedError: There is no account for it.
        """
        if self._store is None:
            self._store = open_store(
                self.config.store, read_secrets(self.data), public_url=lambda: self.public_url, clock=self.clock
            )
        return self._store

    def close(self) -> None:
        """Close everything."""
        self.ledger.close()
        self.catalogue.close()
        self.private.close()
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> Self:
        """The installation itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        self.close()

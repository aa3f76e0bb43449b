"""Who acts: the record names them, the leaf holds only a pseudonymous handle."""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_of_custody.identities import new_id

if TYPE_CHECKING:
    from chain_of_custody.canonical import JsonValue
    from ingest_server.private.database import PrivateDatabase


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something.

    Attributes:
        kind: ``operator``, ``dock``, ``program`` or ``account``.
        name: As the record shows it.
        identity: What the handle belongs to; stays the same when the name changes.
    """

    kind: str
    name: str
    identity: str

    def to_part(self) -> dict[str, JsonValue]:
        """The record's part ``actor``."""
        return {"kind": self.kind, "name": self.name, "identity": self.identity}


def operator_actor() -> Actor:
    """The person at the command line: ``operator <OS user>@<host>`` (formats, section 8)."""
    name = f"operator {getpass.getuser()}@{socket.gethostname()}"
    return Actor("operator", name, name)


def dock_actor(dock_id: str, name: str) -> Actor:
    """A dock that spoke."""
    return Actor("dock", name, dock_id)


def server_actor() -> Actor:
    """The server itself."""
    return Actor("program", "ingest-server", "ingest-server")


def find_handle(private: PrivateDatabase, actor: Actor) -> str:
    """The actor's pseudonymous handle, given once; the table that resolves it is erasable."""
    identity = f"{actor.kind}:{actor.identity}"
    private.execute("insert or ignore into handles (identity, handle) values (?, ?)", identity, new_id())
    row = private.fetch_one("select handle from handles where identity = ?", identity)
    assert row is not None
    return str(row["handle"])

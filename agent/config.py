"""``config.toml`` of a dock home: what enrolment pinned, and what the person may set.

Pinned: ``server``, ``origin``, ``vkey``, ``event_key``, ``spki``, ``ca_file``, ``dock_id``, ``name``. Settable:
``spool`` (``offline``, ``always`` or ``never``), ``sm3`` (true or false), ``buffers`` (part buffers of 16 MiB),
``spool_reserve_mib``, ``spool_budget_mib``, ``spool_warnings``.
"""

from __future__ import annotations

import fcntl
import os
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import tomli_w

from agent.errors import HomeError
from chain_of_custody.durable import make_dir, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG_NAME = "config.toml"
KEY_NAME = "key"
SpoolPolicy = Literal["offline", "always", "never"]
_POLICIES = ("offline", "always", "never")


@dataclass(frozen=True, slots=True)
class DockConfig:
    """An enrolled dock.

    Attributes:
        server: The server's address.
        origin: The ledger's name, pinned.
        vkey: The log's verifier key, pinned.
        event_key: The event key, 64 hex digits, pinned.
        spki: SHA-256 of the server's TLS public key, pinned; None on loopback and behind a proxy.
        ca_file: Certificates to believe at the server where nothing is pinned.
        dock_id: Who this dock is.
        name: What people call it.
        spool: When bytes are kept on the dock before they are sealed.
        sm3: Whether SM3 digests are made beside SHA-256.
        buffers: Part buffers of 16 MiB for the whole agent.
        spool_reserve_mib: Free space that the spool leaves on its disk.
        spool_budget_mib: How much the spool may hold; 0 for all its disk has beyond the reserve.
        spool_warnings: At how many per cent of that a person is warned, rising.
    """

    server: str
    origin: str
    vkey: str
    event_key: str
    spki: str | None
    ca_file: str | None
    dock_id: str
    name: str
    spool: SpoolPolicy = "offline"
    sm3: bool = False
    buffers: int = 8
    spool_reserve_mib: int = 1024
    spool_budget_mib: int = 0
    spool_warnings: tuple[int, ...] = (80, 90)


def load_config(home: Path) -> DockConfig:
    """Read a dock home's configuration; raises HomeError."""
    try:
        value: dict[str, Any] = tomllib.loads((home / CONFIG_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HomeError(
            f"{home} is not enrolled; run: dock-agent enrol --server URL --code CODE --home {home}"
        ) from error
    except (OSError, ValueError) as error:
        raise HomeError(f"{home / CONFIG_NAME} cannot be read: {error}") from error
    try:
        pinned = {name: value[name] for name in ("server", "origin", "vkey", "event_key", "dock_id", "name")}
    except KeyError as error:
        raise HomeError(f"{home / CONFIG_NAME} lacks {error}") from error
    spool = value.get("spool", "offline")
    buffers, reserve = value.get("buffers", 8), value.get("spool_reserve_mib", 1024)
    budget, warnings = value.get("spool_budget_mib", 0), value.get("spool_warnings", [80, 90])
    if not isinstance(budget, int) or budget < 0 or not _are_per_cent(warnings):
        raise HomeError(
            f"{home / CONFIG_NAME}: spool_budget_mib is 0 or more; spool_warnings are whole per cents, rising"
        )
    if spool not in _POLICIES or not isinstance(buffers, int) or not 2 <= buffers <= 64 or not isinstance(reserve, int):
        raise HomeError(f"{home / CONFIG_NAME}: spool is one of {', '.join(_POLICIES)}; buffers is 2 to 64")
    return DockConfig(
        **pinned,
        spki=value.get("spki"),
        ca_file=value.get("ca_file"),
        spool=cast("SpoolPolicy", spool),
        sm3=bool(value.get("sm3", False)),
        buffers=buffers,
        spool_reserve_mib=reserve,
        spool_budget_mib=budget,
        spool_warnings=tuple(warnings),
    )


def _are_per_cent(values: object) -> bool:
    if not isinstance(values, list) or any(type(value) is not int or not 0 < value <= 100 for value in values):
        return False
    return values == sorted(set(values))


def save_config(home: Path, config: DockConfig) -> None:
    """Write the configuration; durable on return."""
    value = {name: getattr(config, name) for name in config.__slots__ if getattr(config, name) is not None}
    value["spool_warnings"] = list(config.spool_warnings)
    write_file(home / CONFIG_NAME, tomli_w.dumps(value).encode())


def prepare_home(home: Path) -> None:
    """Make a dock home's folders where they are missing; its owner's alone."""
    make_dir(home)
    home.chmod(0o700)
    for name in ("spool", "receipts"):
        make_dir(home / name)


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Hold a dock home: one process at a time; raises HomeError where another has it."""
    if not home.is_dir():
        raise HomeError(f"there is no dock home {home}")
    fd = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeError(f"another dock-agent is working on {home}") from error
        yield
    finally:
        os.close(fd)

"""``init``: making a data folder, or finding that it is already as asked."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from chain_of_custody.durable import make_dir, write_file
from chain_of_custody.instants import format_instant
from chain_of_custody.ledger import Ledger
from chain_of_custody.signing import SigningKey, read_key, write_key
from ingest_server.config import CONFIG_NAME, Config, load_config, read_secrets, save_config
from ingest_server.custody.actors import find_handle, operator_actor
from ingest_server.errors import ConflictedError
from ingest_server.intake.intakes import CANARY_GOOD_AT
from ingest_server.private.database import PrivateDatabase
from ingest_server.store.errors import UnsafeStoreError
from ingest_server.store.opening import create_store
from ingest_server.store.settings import DirectorySettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chain_of_custody.findings import Finding
    from chain_of_custody.instants import Clock


def set_up(data: Path, wanted: Config, clock: Clock) -> tuple[Finding, ...] | None:
    """Make a data folder; gives what people must know of its store, or None where all was there already.

    When anything is refused, what this call made is removed again.

    Raises:
        ConflictedError: The folder was set up otherwise, or holds other things.
        StoreError: The store is unsafe, refuses the account or cannot be reached.
    """
    if (data / CONFIG_NAME).exists():
        _confirm(data, wanted)
        return None
    new_folders = [folder for folder in (data, *data.parents) if not folder.exists()]
    if not new_folders and any(data.iterdir()):
        raise ConflictedError("already_exists", f"{data} is not empty and is no data folder")
    try:
        return _make(data, wanted, clock)
    except BaseException:
        _remove(data, new_folders)
        raise


def _confirm(data: Path, wanted: Config) -> None:
    """The same options give the same configuration; the year in the origin stays that of the first time."""
    there = load_config(data)
    same_year = replace(wanted, origin=f"{wanted.origin.rpartition('/')[0]}/{there.origin.rpartition('/')[2]}")
    if there != same_year:
        raise ConflictedError("already_exists", f"{data} was set up with other options")


def _make(data: Path, wanted: Config, clock: Clock) -> tuple[Finding, ...]:
    make_dir(data)
    data.chmod(0o700)
    make_dir(data / "keys")
    log_key, event_key = SigningKey.generate(), SigningKey.generate()
    write_key(data / "keys" / "log.pem", log_key)
    write_key(data / "keys" / "event.pem", event_key)
    write_file(data / "keys" / "part-secret", secrets.token_hex(32).encode())
    store = create_store(
        wanted.store, read_secrets(data), public_url=lambda: wanted.public_url or "http://127.0.0.1", clock=clock
    )
    try:
        is_directory = isinstance(wanted.store, DirectorySettings)
        report = store.run_canary(clock())
        if not report.ok and not is_directory:
            raise UnsafeStoreError("this store does not protect what it accepts", report.failed)
    finally:
        store.close()
    private = PrivateDatabase(data)
    try:
        actor = operator_actor()
        handle = find_handle(private, actor)
        Ledger.create(
            data,
            origin=wanted.origin,
            log_key=log_key,
            event_key=event_key,
            clock=clock,
            actor=handle,
            actor_part=actor.to_part(),
        ).close()
        private.write_setting(CANARY_GOOD_AT, format_instant(clock()))
    finally:
        private.close()
    # Last, since it is what makes the folder one: a crash before leaves something that init refuses or makes anew.
    save_config(data, wanted)
    return report.findings


def _remove(data: Path, new_folders: Sequence[Path]) -> None:
    """Take away all that is in the folder, and the folders this call made, the innermost first."""
    for path in data.iterdir() if data.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for folder in new_folders:
        if folder.exists():
            folder.rmdir()


def read_vkey(data: Path) -> str:
    """The log's verifier key of a data folder."""
    from chain_of_custody.note import LogSigner, format_vkey

    return format_vkey(LogSigner(load_config(data).origin, read_key(data / "keys" / "log.pem")).verifier)

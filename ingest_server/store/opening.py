"""Opening a store for work, and making one for a new installation."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from ingest_server.store.canary import run_canary
from ingest_server.store.directory import DirectoryStore, create_directory
from ingest_server.store.errors import StoreError, StoreRefusedError, UnsafeStoreError
from ingest_server.store.probe import bucket_exists, probe_bucket
from ingest_server.store.s3 import S3Store
from ingest_server.store.scratch import Scratch
from ingest_server.store.settings import DirectorySettings, S3Settings, StoreSecrets, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ingest_server.store.contract import ObjectStore
    from ingest_server.store.s3_connection import S3Connection

SWEEP_PAUSE_S = 2.0
SWEEP_MARGIN = timedelta(seconds=15)


def open_store(
    settings: StoreSettings,
    secrets: StoreSecrets,
    *,
    public_url: Callable[[], str],
    clock: Callable[[], datetime],
) -> ObjectStore:
    """Open a store that ``create_store`` has made.

    Args:
        settings: Which store and where.
        secrets: The store account, or the secret for part requests.
        public_url: Gives the server's own address at the time of each signature; only the directory store asks.
        clock: UTC.

    Returns:
        The store; nothing has been asked of it yet. Run ``probe`` and ``run_canary`` before believing it.

    Raises:
        StoreRefusedError: There is no account for it, or no secret.
    """
    match settings:
        case DirectorySettings():
            if not secrets.part_secret:
                raise StoreRefusedError("keys/part-secret is missing or empty: no part request can be signed")
            return DirectoryStore(settings.root, secrets.part_secret, public_url)
        case S3Settings():
            return S3Store(settings, secrets, clock)


def create_store(
    settings: StoreSettings,
    secrets: StoreSecrets,
    *,
    public_url: Callable[[], str],
    clock: Callable[[], datetime],
) -> ObjectStore:
    """Make what is missing of a store, try it, and open it; may be repeated.

    A missing bucket is created with versioning and Object Lock; one that is there without them is refused. The canary
    runs before the originals' bucket is made, and when anything is refused, what this call itself made is removed.

    Raises:
        UnsafeStoreError: The store does not protect what it accepts; names the checks.
        StoreRefusedError: The account is not accepted, or a bucket may not be made.
        StoreUnavailableError: The store does not answer.
    """
    if isinstance(settings, DirectorySettings):
        create_directory(settings.root)
        return open_store(settings, secrets, public_url=public_url, clock=clock)
    store = S3Store(settings, secrets, clock)
    made: list[str] = []
    try:
        _make_buckets(store, made)
    except StoreError as error:
        left = _remove_buckets(store, made)
        store.close()
        if left:
            raise UnsafeStoreError(f"{error}; could not be removed again: {', '.join(left)}") from error
        raise
    return store


def _make_buckets(store: S3Store, made: list[str]) -> None:
    """Make and try both buckets; ``made`` names those created on the way."""
    settings, connection = store.settings, store.connection
    if bucket_exists(connection, settings.bucket):
        _require_locked(connection, "originals", settings.bucket)
    scratch_is_new = _make_missing(connection, settings.scratch_bucket, made)
    scratch_checks = probe_bucket(connection, "scratch", settings.scratch_bucket)
    if not scratch_is_new and not all(check.passed for check in scratch_checks):
        # A bucket of somebody else's without Object Lock: nothing may be written into it, not even by the canary.
        raise UnsafeStoreError(f"the bucket {settings.scratch_bucket} is not under Object Lock", scratch_checks)
    checks = (*scratch_checks, *run_canary(connection, settings, connection.clock()).checks)
    if not all(check.passed for check in checks):
        raise UnsafeStoreError("this store does not protect what it accepts", checks)
    _make_missing(connection, settings.bucket, made)
    _require_locked(connection, "originals", settings.bucket)


def _require_locked(connection: S3Connection, name: str, bucket: str) -> None:
    checks = probe_bucket(connection, name, bucket)
    if not all(check.passed for check in checks):
        raise UnsafeStoreError(f"the bucket {bucket} is not under versioning and Object Lock", checks)


def _make_missing(connection: S3Connection, bucket: str, made: list[str]) -> bool:
    """Create a bucket with Object Lock (which switches versioning on) unless it is there; True when created."""
    if bucket_exists(connection, bucket):
        return False
    client = _open_client(connection)
    try:
        client.make_bucket(bucket, location=connection.region, object_lock=True)
    except (MinioException, HTTPError, ValueError) as error:
        raise StoreRefusedError(f"the bucket {bucket} could not be created ({type(error).__name__})") from error
    made.append(bucket)
    return True


def _remove_buckets(store: S3Store, made: list[str]) -> list[str]:
    """Remove the buckets this call created, waiting for the canary's short locks; return those that are left."""
    connection = store.connection
    deadline = connection.clock() + store.settings.canary_retention + SWEEP_MARGIN
    client = _open_client(connection)
    left = []
    for bucket in made:
        try:
            while Scratch(connection, bucket).sweep() and connection.clock() < deadline:
                time.sleep(SWEEP_PAUSE_S)
            client.remove_bucket(bucket)
        except (StoreError, MinioException, HTTPError):
            # Told to the person together with the reason of the refusal.
            left.append(bucket)
    return left


def _open_client(connection: S3Connection) -> Minio:
    """Give the SDK's client over our pool, for what concerns whole buckets."""
    scheme, _, host = connection.endpoint.partition("://")
    return Minio(
        endpoint=host,
        access_key=connection.keys.access_key,
        secret_key=connection.keys.secret_key,
        secure=scheme == "https",
        region=connection.region,
        http_client=connection.pool,
    )

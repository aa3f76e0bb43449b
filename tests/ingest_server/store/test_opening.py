"""Making a store: what is missing is made, what is unsafe is refused, and a refusal leaves nothing behind."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from minio import Minio

from ingest_server.store import (
    DirectorySettings,
    S3Settings,
    StoreRefusedError,
    StoreSecrets,
    StoreUnavailableError,
    UnsafeStoreError,
    create_store,
    open_store,
)
from tests.support.local_program import free_port
from tests.support.lying_proxy import LyingProxy, strip_locks_of_uploads
from tests.support.stores import now, s3_settings

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_server.store import ObjectStore, StoreSettings
    from tests.support.minio_server import MinioServer


def create(settings: StoreSettings, server: MinioServer) -> ObjectStore:
    keys = StoreSecrets(server.access_key, server.secret_key)
    return create_store(settings, keys, public_url=lambda: "", clock=now)


def open_client(server: MinioServer) -> Minio:
    host = server.endpoint.partition("://")[2]
    return Minio(endpoint=host, access_key=server.access_key, secret_key=server.secret_key, secure=False)


def bucket_names(server: MinioServer) -> set[str]:
    return {bucket.name for bucket in open_client(server).list_buckets()}


def fresh_bucket() -> str:
    return f"evidock-{secrets.token_hex(6)}"


@pytest.mark.minio
def test_missing_buckets_are_made_under_object_lock(minio_server: MinioServer) -> None:
    settings = s3_settings(minio_server)
    store = create(settings, minio_server)
    assert store.probe(now()).ok
    assert {settings.bucket, settings.scratch_bucket} <= bucket_names(minio_server)
    store.close()


@pytest.mark.minio
def test_making_a_store_again_changes_nothing(minio_server: MinioServer) -> None:
    settings = s3_settings(minio_server)
    create(settings, minio_server).close()
    before = bucket_names(minio_server)
    create(settings, minio_server).close()
    assert bucket_names(minio_server) == before


@pytest.mark.minio
def test_a_bucket_without_object_lock_is_refused_and_left_as_it_is(minio_server: MinioServer) -> None:
    settings = s3_settings(minio_server)
    open_client(minio_server).make_bucket(settings.bucket)
    with pytest.raises(UnsafeStoreError) as caught:
        create(settings, minio_server)
    assert {check.name for check in caught.value.checks} == {
        "originals_bucket_is_versioned",
        "originals_bucket_has_object_lock",
    }
    assert settings.bucket in bucket_names(minio_server)
    assert settings.scratch_bucket not in bucket_names(minio_server)


@pytest.mark.minio
def test_a_scratch_bucket_of_somebody_else_is_not_written_to(minio_server: MinioServer) -> None:
    settings = s3_settings(minio_server)
    client = open_client(minio_server)
    client.make_bucket(settings.scratch_bucket)
    with pytest.raises(UnsafeStoreError):
        create(settings, minio_server)
    assert list(client.list_objects(settings.scratch_bucket, recursive=True)) == []
    assert settings.bucket not in bucket_names(minio_server)


@pytest.mark.minio
def test_a_refused_store_keeps_no_bucket_even_where_some_locks_held(minio_server: MinioServer) -> None:
    proxy = LyingProxy(minio_server, strip_locks_of_uploads)
    settings = S3Settings(proxy.endpoint, fresh_bucket(), canary_retention=timedelta(seconds=4))
    with pytest.raises(UnsafeStoreError, match="multipart_lock_is_applied") as caught:
        create(settings, minio_server)
    proxy.stop()
    assert "could not be removed" not in str(caught.value)
    assert settings.bucket not in bucket_names(minio_server)
    assert settings.scratch_bucket not in bucket_names(minio_server)


@pytest.mark.minio
def test_wrong_credentials_are_refused(minio_server: MinioServer) -> None:
    with pytest.raises(StoreRefusedError):
        create_store(
            s3_settings(minio_server), StoreSecrets("nobody", "nothing-at-all"), public_url=lambda: "", clock=now
        )


def test_a_store_that_does_not_answer_is_unavailable() -> None:
    settings = S3Settings(f"http://127.0.0.1:{free_port()}", "evidence")
    with pytest.raises(StoreUnavailableError):
        create_store(settings, StoreSecrets("a", "b"), public_url=lambda: "", clock=now)


def test_a_directory_is_made_and_opened_again(tmp_path: Path) -> None:
    settings, keys = DirectorySettings(tmp_path / "store"), StoreSecrets(part_secret="x")
    for _ in range(2):
        assert create_store(settings, keys, public_url=lambda: "", clock=now).probe(now()).ok
    assert open_store(settings, keys, public_url=lambda: "", clock=now).kind == "directory"


def test_a_directory_store_needs_a_secret(tmp_path: Path) -> None:
    with pytest.raises(StoreRefusedError, match="part-secret"):
        create_store(DirectorySettings(tmp_path / "store"), StoreSecrets(), public_url=lambda: "", clock=now)

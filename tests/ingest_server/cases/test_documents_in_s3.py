"""Text records on a real store with Object Lock."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.instants import parse_instant, utc_clock
from ingest_server.cases.commands import add_casefile
from ingest_server.cases.documents import PART_SIZE, add_document
from ingest_server.cases.queries import find_casefile, get_document
from ingest_server.custody.actors import operator_actor
from ingest_server.installation import Installation
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.minio_server import MinioServer


@pytest.mark.minio
def test_a_text_record_is_locked_to_the_policys_floor(
    tmp_path: Path, minio_server: MinioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"MINIO_ACCESS_KEY": minio_server.access_key, "MINIO_SECRET_KEY": minio_server.secret_key}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    bucket = f"evidence-{os.urandom(4).hex()}"
    store = ["--store", "s3", "--s3-endpoint", minio_server.endpoint, "--s3-bucket", bucket]
    system = WholeSystem(tmp_path, store=store, env=keys)
    content = b"%PDF-" + os.urandom(PART_SIZE + 10)
    with Installation.open(system.data, utc_clock) as installation:
        add_casefile(installation, operator_actor(), "S3-1", "title")
        casefile = find_casefile(installation.catalogue, "S3-1")
        assert casefile is not None
        document_id = add_document(
            installation, operator_actor(), casefile["casefile_id"], io.BytesIO(content), name="a.pdf",
            kind="transcript", stage="review",
        )  # fmt: skip
        document = get_document(installation.catalogue, document_id)
        assert document is not None
        assert document["lock_mode"] == "COMPLIANCE"
        assert parse_instant(document["retain_until"]) > utc_clock() + timedelta(days=182)
        assert b"".join(installation.store.read(document["store_key"], document["version_id"])) == content

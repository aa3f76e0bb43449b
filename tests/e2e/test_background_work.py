"""From a docked recorder to its thumbnail, on a real object store: the decoders never see an address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import parse_shown_id
from chain_of_custody.instants import utc_clock
from ingest_server.installation import Installation
from ingest_server.media.derivatives import find_derivative, list_frames, read_derivative
from ingest_server.media.jpeg import read_jpeg_size
from tests.support.films import draw_black, write_film
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.minio_server import MinioServer


@pytest.mark.minio
def test_pictures_are_made_from_and_kept_in_an_s3_store(
    minio_tls_server: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minio = minio_tls_server
    store = ["--store", "s3", "--s3-endpoint", minio.endpoint, "--s3-bucket", f"evidence-{os.urandom(4).hex()}"]
    env = {"MINIO_ACCESS_KEY": minio.access_key, "MINIO_SECRET_KEY": minio.secret_key}
    system = WholeSystem(tmp_path, store=[*store, "--s3-ca", str(minio.ca_file)], env=env)
    system.start_server()
    try:
        system.enrol()
        volume = tmp_path / "volume"
        volume.mkdir()
        write_film(volume / "3100457_01420720261123140320_0001.MP4", 8, draw_black)
        [sealed] = system.acquire(volume).sealed.values()
        system.server("worker", "--until-idle")
    finally:
        system.stop_server()
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with Installation.open(system.data, utc_clock) as installation:
        evidence_id = parse_shown_id(sealed["evidence_id"])
        thumbnail = find_derivative(installation.catalogue, evidence_id, "thumbnail")
        assert thumbnail is not None
        assert thumbnail["version_id"] != "null"
        assert read_jpeg_size(read_derivative(installation, thumbnail)) == (240, 135)
        assert [frame["finding"] for frame in list_frames(installation.catalogue, evidence_id)] == ["picture_black"] * 3

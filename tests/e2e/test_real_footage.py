"""Real clips through the whole path: what comes out is what went in, byte for byte."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.support.whole_system import WholeSystem

CLIPS = os.environ.get("EVIDOCK_TEST_CLIPS")


@pytest.mark.skipif(not CLIPS, reason="EVIDOCK_TEST_CLIPS names no folder of real clips")
def test_real_clips_come_out_as_they_went_in(tmp_path: Path) -> None:
    volume = tmp_path / "volume" / "DCIM" / "100MEDIA"
    volume.mkdir(parents=True)
    clips = sorted(Path(str(CLIPS)).glob("*.mp4"))
    assert clips, "the folder of real clips holds none"
    for clip in clips:
        shutil.copy(clip, volume / clip.name)
    system = WholeSystem(tmp_path)
    system.start_server()
    try:
        system.enrol()
        acquired = system.acquire(tmp_path / "volume")
        assert acquired.exit_code == 0
        ids = [line["evidence_id"] for line in acquired.sealed.values()]
        system.server("casefile", "add", "B-1", "--title", "real footage")
        system.server("casefile", "attach", "B-1", *ids, "--stage", "investigation", "--reason", "test")
        package = tmp_path / "b1.zip"
        system.server("export", "B-1", "--out", package, "--reason", "test")
        system.run("custody", "verify", package, "--vkey", system.vkey)
    finally:
        system.stop_server()
    with zipfile.ZipFile(package) as archive:
        out = {hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist() if "/data/" in name}
    assert out == {hashlib.sha256(clip.read_bytes()).hexdigest() for clip in clips}
